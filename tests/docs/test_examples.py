"""The scripts in examples/ run, say something, and are all on the page of examples, which shows what they print."""

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
# Each included script, with the output below it where the page shows one.
SHOWN = re.findall(
    r'^```python\n--8<-- "examples/([^"]+)"\n```\n(?:\n```text\n(.*?)^```\n)?',
    (ROOT / "docs" / "examples.md").read_text(encoding="utf-8"),
    re.DOTALL | re.MULTILINE,
)


def test_the_page_shows_every_example_once():
    assert sorted(name for name, _ in SHOWN) == [script.name for script in EXAMPLES]


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda script: script.stem)
def test_example_runs_and_prints_what_the_page_shows(script, capsys):
    runpy.run_path(str(script), run_name="__main__")
    printed = capsys.readouterr().out
    assert printed
    shown = dict(SHOWN)[script.name]
    assert not shown or printed == shown
