"""A Markdown extension: a line `[equation 1 of lif]` becomes the first of that experiment's `EQUATIONS`.

A full stop, comma, colon or semicolon behind it goes into the formula.
"""

import re

from markdown import Markdown
from markdown.extensions import Extension
from markdown.preprocessors import Preprocessor

from neuraxis import experiments

LINE = re.compile(r"^\[equation (\d+) of ([\w-]+)\]([.,:;]?)$")


class Equations(Extension):
    """Put the equations in before Markdown is read."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802 (the name that Markdown calls)
        """Register the step."""
        md.preprocessors.register(_ToFormulas(md), "equations", priority=40)


class _ToFormulas(Preprocessor):
    def run(self, lines: list[str]) -> list[str]:
        matches = [(line, LINE.match(line)) for line in lines]
        return [new for line, match in matches for new in (_formula(*match.groups()) if match else [line])]


def _formula(number: str, name: str, end: str) -> list[str]:
    found = experiments.equations(name)
    return ["$$", *f"{found[int(number) - 1]}{end}".split("\n"), "$$"]


def makeExtension(**settings) -> Equations:  # noqa: N802 (the name that Markdown calls)
    """Make the extension."""
    return Equations(**settings)
