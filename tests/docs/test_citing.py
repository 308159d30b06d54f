"""The BibTeX entry says what CITATION.cff says, and names the current version."""

import re
from pathlib import Path

import neuraxis

ROOT = Path(__file__).parents[2]


def test_bibtex_agrees_with_the_citation_file():
    [entry] = re.findall(
        r"^```bibtex\n(.*?)^```$", (ROOT / "docs" / "citing.md").read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    fields = {
        name: re.sub("[{}]", "", value) for name, value in re.findall(r"^  (\w+) = {(.*)},$", entry, re.MULTILINE)
    }
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f'title: "{fields["title"]}"\n' in citation
    assert f"  - name: {fields['author']}\n" in citation
    assert fields["version"] == neuraxis.__version__
