"""An equation as MathML, in which every symbol carries its name."""

import xml.etree.ElementTree as ET

_SCRIPTS = ("msub", "msubsup")  # whose base alone is another symbol


def mathml(latex: str) -> str:
    r"""Convert an equation from LaTeX; the attribute `data-symbol` of g_{\mathrm{Na}} is then "g_Na"."""
    from latex2mathml.converter import convert

    ET.register_namespace("", "http://www.w3.org/1998/Math/MathML")
    root = ET.fromstring(convert(latex, display="block"))
    _name(root)
    return ET.tostring(root, encoding="unicode")


def _name(element: ET.Element) -> None:
    kind = element.tag.rpartition("}")[2]
    if kind == "mi" and element.text:
        element.set("data-symbol", element.text)
    elif kind in _SCRIPTS:
        base, index, *above = element
        element.set("data-symbol", f"{_text(base)}_{_text(index)}")
        for power in above:
            _name(power)
    else:
        for child in element:
            _name(child)


def _text(element: ET.Element) -> str:
    return "".join(element.itertext())
