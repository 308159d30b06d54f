"""A Markdown extension for figures: a picture that opens large when it is tapped, with its caption below."""

from xml.etree.ElementTree import Element, SubElement

from markdown import Markdown
from markdown.extensions import Extension
from markdown.treeprocessors import Treeprocessor


class Figures(Extension):
    """Make a figure of every picture that is a paragraph of its own."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802 (the name that Markdown calls)
        """Register the step, after pictures have been found."""
        md.treeprocessors.register(_ToFigures(md), "figures", priority=5)


class _ToFigures(Treeprocessor):
    def run(self, root: Element) -> None:
        for paragraph in root.iter("p"):
            if (
                len(paragraph) == 1
                and paragraph[0].tag == "img"
                and not (paragraph.text or paragraph[0].tail or "").strip()
            ):
                _wrap(paragraph, paragraph[0])


def _wrap(paragraph: Element, image: Element) -> None:
    paragraph.tag = "figure"
    paragraph.text = None
    paragraph.remove(image)
    image.tail = None
    SubElement(paragraph, "a", href=image.get("src", "")).append(image)
    SubElement(paragraph, "figcaption").text = image.get("alt", "")


def makeExtension(**settings) -> Figures:  # noqa: N802 (the name that Markdown calls)
    """Make the extension."""
    return Figures(**settings)
