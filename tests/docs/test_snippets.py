"""The Python on every page of the documentation, and in the README, runs as it stands there.

A block that only includes a script from examples/ is left to test_examples.py, which runs these.
"""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```python\n(?!--8<-- \"examples/.*\"\n```$)(.*?)^```$", re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_python_runs(page, capsys):
    blocks = BLOCK.findall(page.read_text(encoding="utf-8"))
    names: dict = {"__name__": "__main__"}
    for block in blocks:
        exec(compile(block, page.name, "exec"), names)
