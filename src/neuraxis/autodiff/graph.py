"""SVG drawings of expression graphs, without any external program."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple
from xml.sax.saxutils import escape

import numpy as np
from jax.core import Tracer

from neuraxis import check
from neuraxis.autodiff.layout import arrange
from neuraxis.autodiff.var import Var, ancestors, value_of
from neuraxis.errors import InputError

_SYMBOLS = {"add": "+", "subtract": "−", "multiply": "×", "divide": "÷", "negate": "−", "power": "xᵖ", "matmul": "@"}
_CHARACTER, _LINE, _PADDING, _GAP, _BETWEEN_LAYERS, _BETWEEN_PORTS = 7.2, 15.0, 9.0, 22.0, 38.0, 16.0

Kind = Literal["variable", "constant", "operation"]
FILLS: dict[Kind, str] = {"variable": "#CFE5F3", "constant": "#ECECEC", "operation": "#FFFFFF"}
STROKES: dict[Kind, str] = {"variable": "#0072B2", "constant": "#8A8A8A", "operation": "#444444"}

_TEXT = 'font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="12" text-anchor="middle"'
_ARROW = (
    '<marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    '<path d="M0 0L8 4L0 8z" fill="#555555"/></marker>'
)

Point = tuple[float, float]


class Node(NamedTuple):
    """A box with some lines of text: the first in bold."""

    kind: Kind
    lines: tuple[str, ...]
    x: float  # of the centre
    y: float
    width: float
    height: float


class Drawing(NamedTuple):
    """Boxes, and edges as points that a curve goes through; y points down, as in SVG."""

    nodes: list[Node]
    edges: list[list[Point]]
    width: float
    height: float


def lay_out(y: Var) -> Drawing:
    """Arrange everything that y was computed from, with arguments above results.

    A box shows a variable's name or the operation that created it, its value (of a scalar) or its shape, and, after
    `backward(keep_graph=True)`, the gradient ∂ (of an array: its norm).

    Raises:
        InputError: if the graph was freed by `backward`.
    """
    items: list[Any] = []
    parents: list[list[int]] = []
    number: dict[int, int] = {}  # by identity, because constants may be arrays, which cannot be hashed

    def add(item: Any, named: Sequence[int] = ()) -> int:
        items.append(item)
        parents.append(list(named))
        return len(items) - 1

    def find(argument: Any) -> int:
        if not np.shape(argument) and not isinstance(argument, Var):
            return add(argument)  # a constant number, once for each use
        if id(argument) not in number:
            number[id(argument)] = add(argument)
        return number[id(argument)]

    for var in ancestors(y):
        arguments = [find(a) for a in var.creator.arguments] if var.creator else []
        number[id(var)] = add(var, arguments)
    return _draw(items, parents)


def _draw(items: list[Any], parents: list[list[int]]) -> Drawing:
    texts = [_lines(item) for item in items]
    widths = [2 * _PADDING + _CHARACTER * max(map(len, lines)) for lines in texts]
    heights = [2 * _PADDING + _LINE * len(lines) for lines in texts]
    layout = arrange(parents, widths, _GAP)
    passed = [x for child in layout.routes for route in child for x in route]
    left = min([*(x - w / 2 for x, w in zip(layout.x, widths, strict=True)), *passed]) - _GAP
    right = max([*(x + w / 2 for x, w in zip(layout.x, widths, strict=True)), *passed]) + _GAP
    tallest = [0.0] * (max(layout.rank) + 1)
    for rank, height in zip(layout.rank, heights, strict=True):
        tallest[rank] = max(tallest[rank], height)
    middles, bottom = [], _GAP
    for height in tallest:
        middles.append(bottom + height / 2)
        bottom += height + _BETWEEN_LAYERS
    nodes = [
        Node(_kind(item), lines, x - left, middles[rank], width, height)
        for item, lines, x, rank, width, height in zip(
            items, texts, layout.x, layout.rank, widths, heights, strict=True
        )
    ]
    edges = []
    for child, routes in enumerate(layout.routes):
        for i, (parent, route) in enumerate(zip(parents[child], routes, strict=True)):
            between = [(x - left, middles[layout.rank[parent] + k]) for k, x in enumerate(route, start=1)]
            edges.append(_points(nodes[parent], between, nodes[child], i, len(routes)))
    return Drawing(nodes, edges, right - left, bottom - _BETWEEN_LAYERS + _GAP)


def _points(start: Node, between: list[Point], end: Node, i: int, count: int) -> list[Point]:
    """Return the points from the bottom of `start` to the top of `end`, where `count` edges arrive side by side."""
    port = (i - (count - 1) / 2) * min(_BETWEEN_PORTS, (end.width - _PADDING) / count)
    return [(start.x, start.y + start.height / 2), *between, (end.x + port, end.y - end.height / 2)]


def _kind(item: Any) -> Kind:
    if not isinstance(item, Var):
        return "constant"
    return "operation" if item.creator else "variable"


def _lines(item: Any) -> tuple[str, ...]:
    if not isinstance(item, Var):
        return (_value(item),)
    name = item.name or "Var"
    if item.creator:
        made_by = _SYMBOLS.get(item.creator.rule.name, item.creator.rule.name.replace("_", " "))
        name = f"{item.name} = {made_by}" if item.name else made_by
    lines = (name, _value(item.val))
    if item.grad is None or isinstance(item.grad, Tracer):
        return lines
    gradient = value_of(item.grad)
    label = "‖∂‖" if np.shape(gradient) else "∂"
    size = np.linalg.norm(np.asarray(gradient)) if np.shape(gradient) else float(gradient)
    return (*lines, f"{label} {size:.3g}".replace("-", "−"))


def _value(value: Any) -> str:
    if np.shape(value) or isinstance(value, Tracer):
        return "×".join(map(str, np.shape(value))) or "scalar"
    return f"{float(value):.4g}".replace("-", "−")


def draw(y: Var) -> str:
    """Draw everything that y was computed from as an SVG document, to be written to a file or shown in a notebook.

    Raises:
        InputError: if the graph was freed by `backward`; draw before, or pass it `keep_graph=True`.
    """
    if not isinstance(y, Var):
        raise InputError(f"y must be the Var whose graph is to be drawn, but is {check.received(y)}")
    drawing = lay_out(y)
    width, height = f"{drawing.width:.0f}", f"{drawing.height:.0f}"
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {_TEXT}>',
        "<title>Expression graph</title>",
        f"<defs>{_ARROW}</defs>",
        '<rect width="100%" height="100%" fill="#FFFFFF"/>',
        *(_edge(points) for points in drawing.edges),
        *(_node(node) for node in drawing.nodes),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _edge(points: list[Point]) -> str:
    (x, y), *rest = points
    path = [f"M{x:.1f} {y:.1f}"]
    for to_x, to_y in rest:
        middle = (y + to_y) / 2
        path.append(f"C{x:.1f} {middle:.1f} {to_x:.1f} {middle:.1f} {to_x:.1f} {to_y:.1f}")
        x, y = to_x, to_y
    return f'<path d="{"".join(path)}" fill="none" stroke="#555555" stroke-width="1.2" marker-end="url(#arrow)"/>'


def _node(node: Node) -> str:
    round_ = 4 if node.kind == "operation" else node.height / 2.5
    box = (
        f'<rect x="{node.x - node.width / 2:.1f}" y="{node.y - node.height / 2:.1f}" width="{node.width:.1f}" '
        f'height="{node.height:.1f}" rx="{round_:.1f}" fill="{FILLS[node.kind]}" stroke="{STROKES[node.kind]}"/>'
    )
    first = node.y - _LINE * (len(node.lines) - 1) / 2 + 4
    texts = [
        f'<text x="{node.x:.1f}" y="{first + i * _LINE:.1f}" font-weight="{"normal" if i else "bold"}">'
        f"{escape(line)}</text>"
        for i, line in enumerate(node.lines)
    ]
    return box + "".join(texts)
