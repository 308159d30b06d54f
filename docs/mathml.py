"""Turn the formulas of a page into MathML, which browsers draw themselves: the pages need no script and no network."""

import html
import re

from latex2mathml.converter import convert

_FORMULA = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)


def on_page_content(content: str, **_) -> str:
    """Called by mkdocs with the HTML of every page."""
    return _FORMULA.sub(_convert, content)


def _convert(match: re.Match) -> str:
    kind, formula = match.groups()
    return convert(html.unescape(formula), display="block" if kind == "div" else "inline")
