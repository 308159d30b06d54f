"""Every experiment has its page, every page its place, and every picture is one that an experiment draws."""

import dataclasses
import json
import re
from pathlib import Path

import pytest

from neuraxis import experiments

ROOT = Path(__file__).parents[2]
NAVIGATION = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")


def _page(name):
    return (ROOT / "docs" / "systems" / f"{name}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", experiments.names())
def test_every_experiment_has_a_page(name):
    assert _page(name).startswith("# ")
    assert f"systems/{name}.md" in NAVIGATION


def test_the_pages_follow_the_chapters():
    order = re.findall(r"systems/([\w-]+)\.md", NAVIGATION)
    assert [name for name in order if name in experiments.names()] == experiments.names()


@pytest.mark.parametrize("name", experiments.names())
def test_every_experiment_tells_its_claim_and_its_source(name):
    text = experiments.docstring(name)
    assert len(text.partition("\n")[0]) <= 110
    assert re.search(r"\b(19|20)\d\d\b", text), "a citation has a year"


@pytest.mark.parametrize("name", experiments.names())
def test_the_page_shows_the_equations_of_the_report(name):
    shown = re.findall(r"^\[equation (\d+) of ([\w-]+)\][.,:;]?$", _page(name), re.MULTILINE)
    formulas = experiments.equations(name)
    assert shown == [(str(number), name) for number in range(1, len(formulas) + 1)]


PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    targets = re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
    inside = [t for t in targets if "://" not in t]
    assert [t for t in inside if not (page.parent / t).exists()] == []


def test_the_navigation_names_every_page():
    pages = {str(p.relative_to(ROOT / "docs")) for p in (ROOT / "docs").rglob("*.md")}
    assert set(re.findall(r"[\w/-]+\.md", NAVIGATION)) == pages


@pytest.mark.parametrize("name", experiments.names())
def test_figures_and_claims_are_those_of_the_default_settings(name):
    drawn = json.loads((ROOT / "docs" / "claims.json").read_text(encoding="utf-8"))[name]["settings"]
    defaults = json.loads(json.dumps(dataclasses.asdict(experiments.load(name).Settings())))
    if defaults.get("data") == "auto":  # MNIST where it is at hand
        drawn.pop("data"), defaults.pop("data")
    assert drawn == defaults, f"make claims ONLY={name} draws them anew"
