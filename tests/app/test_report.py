import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from neuraxis.app.report import Report, write_report
from neuraxis.experiment import Claim, Result


def report(name="first", is_default=True, is_quick=False, **metrics):
    return Report(
        name=name,
        text="First: a line.\n\nA paragraph with a < b.",
        equations=("<math><mi>x</mi></math>",),
        settings={"size": 3, "mode": "x"},
        meanings={"size": "How large [mm]."},
        is_default=is_default,
        is_quick=is_quick,
        result=Result(
            {"good": 1.0, "bad": 2.0, **metrics},
            (Claim("good", ">=", 0.5), Claim("bad", "<=", 1.0, quick=1.5)),
            data="digits",
        ),
        figures={"plot": b"\x89PNG"},
        captions={"plot": "A caption."},
        seconds=1.5,
        versions={"jax": "1"},
        device="cpu",
        precision="float32",
        command="neuraxis run first --out 'a & b'",
        folder=Path("here"),
    )


class Balance(HTMLParser):
    """Check that tags are closed in order."""

    void = frozenset({"meta", "img", "br", "input"})

    def __init__(self):
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag not in self.void:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_page_is_whole_and_stands_alone(tmp_path):
    write_report(tmp_path / "index.html", [report(), report("second", False)], "Title & more", "What this is.")
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    parser = Balance()
    parser.feed(page)
    assert parser.open == []
    assert "<title>Title &amp; more</title>" in page
    assert page.count("✓") == 2
    assert page.count("<math><mi>x</mi></math>") == 2
    assert page.count("✗") == 1  # a bound means nothing for other settings than the default ones
    assert 'href="#second"' in page
    assert "a &lt; b" in page
    assert "width=device-width" in page
    assert "prefers-color-scheme: dark" in page
    assert not re.search(r"https?://", page)
    assert page.count("this run used others") == 1


def test_failed_claims_in_words():
    assert report().failed_claims == ["bad = 2, claimed <= 1"]
    assert report(is_default=False).failed_claims == []
    quick = report(is_default=False, is_quick=True)
    assert quick.failed_claims == ["bad = 2, claimed <= 1.5"]
    assert [claim["bound"] for claim in quick.as_metrics()["claims"]] == [0.5, 1.5]


def test_the_page_says_how_it_was_made(tmp_path):
    write_report(tmp_path / "index.html", [report()], "Title")
    page = " ".join((tmp_path / "index.html").read_text(encoding="utf-8").split())
    assert "<td><code>size</code></td><td>3</td><td>How large [mm].</td>" in page
    assert "<code>neuraxis run first --out &#x27;a &amp; b&#x27;</code> took 1.5 s on cpu" in page
    assert "in float32" in page


@pytest.mark.parametrize(("value", "said"), [(float("nan"), "undefined"), (float("inf"), "inf")])
def test_numbers_that_json_has_not(tmp_path, value, said):
    odd = report(odd=value)
    assert json.loads(json.dumps(odd.as_metrics(), allow_nan=False))["metrics"]["odd"] is None
    write_report(tmp_path / "index.html", [odd], "Title")
    assert f"<td>{said}</td>" in (tmp_path / "index.html").read_text(encoding="utf-8")
