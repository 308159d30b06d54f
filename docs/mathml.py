"""A Markdown extension that turns formulas into MathML, which browsers draw themselves: no script and no network.

It goes on from pymdownx.arithmatex, which finds the formulas.
"""

import html
import re

from latex2mathml.converter import convert
from markdown import Markdown
from markdown.extensions import Extension
from markdown.postprocessors import Postprocessor

_FORMULA = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)


class MathML(Extension):
    """Replace what arithmatex has marked, after everything else."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802 (the name that Markdown calls)
        """Register the last step."""
        md.postprocessors.register(_ToMathML(md), "mathml", priority=0)


class _ToMathML(Postprocessor):
    def run(self, text: str) -> str:
        return _FORMULA.sub(_convert, text)


def _convert(match: re.Match) -> str:
    kind, formula = match.groups()
    if kind == "span":
        return convert(html.unescape(formula), display="inline")
    return f'<div class="formula">{convert(html.unescape(formula), display="block")}</div>'


def makeExtension(**settings) -> MathML:  # noqa: N802 (the name that Markdown calls)
    """Make the extension."""
    return MathML(**settings)
