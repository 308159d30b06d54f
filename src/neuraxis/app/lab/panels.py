"""The panels of a lab page: plots with marks in them, images, matrices and graphs.

A picture is a sequence of panels, one below the other; two `half` ones in succession share a row. They hold NumPy or
JAX arrays and specify neither pixels nor colours; the browser draws them, and `show` does with matplotlib.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Number = int | float
Range = tuple[Number, Number] | None  # None: the range of the values


@dataclass(frozen=True)
class Line:
    """A line through points x (n,), y (n,); NaN interrupts it."""

    x: Any
    y: Any
    label: str = ""
    symbol: str = ""  # in the equation
    dashed: bool = False
    reference: bool = False  # for comparison: grey
    head: bool = False  # a dot at the last point


@dataclass(frozen=True)
class Dots:
    """Points x (n,), y (n,), in the colours of their groups (n,), whole numbers from 0 to 9."""

    x: Any
    y: Any
    groups: Any = None
    label: str = ""
    symbol: str = ""
    size: Number = 5.0  # diameter


@dataclass(frozen=True)
class Spikes:
    """Spikes at `times` (n,) of `neurons` (n,): a raster, in the colours of lines if groups (n,) are given."""

    times: Any
    neurons: Any
    groups: Any = None


@dataclass(frozen=True)
class Heat:
    """Values (height, width) as colours, the first row at the bottom; `signed` values have a colour for each sign.

    Shades of grey (`grey`) keep the colours for lines drawn on top.
    """

    values: Any
    x: tuple[Number, Number]
    y: tuple[Number, Number]
    range: Range = None
    signed: bool = False
    label: str = ""
    grey: bool = False


@dataclass(frozen=True)
class Regions:
    """Areas in the colours of groups (height, width), whole numbers from 0 to 9, paler for smaller weights from 0 to 1.

    The first row is at the bottom.
    """

    groups: Any
    x: tuple[Number, Number]
    y: tuple[Number, Number]
    weights: Any  # (height, width)


@dataclass(frozen=True)
class Bars:
    """Bars of heights (n,), each with its name below."""

    heights: Any
    names: Sequence[str]
    label: str = ""
    symbol: str = ""
    highlighted: int = -1


@dataclass(frozen=True)
class Arrows:
    """Arrows from x (n,), y (n,) by u (n,), v (n,)."""

    x: Any
    y: Any
    u: Any
    v: Any


@dataclass(frozen=True)
class Labels:
    """Points x (n,), y (n,) with a text beside each; the highlighted ones stand out.

    A text that would overlap one before it is left out; the highlighted ones come first.
    """

    x: Any
    y: Any
    texts: Sequence[str]
    highlighted: Sequence[int] = ()


@dataclass(frozen=True)
class Plot:
    """Marks in one pair of axes, whose labels include the units."""

    marks: Sequence[Line | Dots | Spikes | Heat | Regions | Bars | Arrows | Labels]
    x: str
    y: str
    title: str = ""
    x_range: Range = None
    y_range: Range = None
    x_logarithmic: bool = False
    y_logarithmic: bool = False
    equal: bool = False  # one unit is as long along x as along y
    height: Number = 1.0  # relative to the other panels
    half: bool = False


@dataclass(frozen=True)
class Images:
    """Images (n, height, width) side by side, each with its title above."""

    images: Any
    titles: Sequence[str] = ()
    title: str = ""
    range: Range = None
    signed: bool = False
    columns: int = 0  # 0: as many as fit
    height: Number = 1.0
    half: bool = False


@dataclass(frozen=True)
class Matrix:
    """Values (rows, columns) as colours, with a name for each row and column."""

    values: Any
    rows: Sequence[str]
    columns: Sequence[str]
    title: str = ""
    range: Range = None
    signed: bool = False
    height: Number = 1.0
    half: bool = False


@dataclass(frozen=True)
class Node:
    """A node of a graph: its position (each from 0 to 1, y downwards), its label, and the text below it."""

    x: Number
    y: Number
    label: str
    below: str = ""
    symbol: str = ""


@dataclass(frozen=True)
class Graph:
    """Nodes and edges (from, to) between them; the highlighted nodes stand out."""

    nodes: Sequence[Node]
    edges: Sequence[tuple[int, int]]
    title: str = ""
    highlighted: Sequence[int] = ()
    height: Number = 1.0
    half: bool = False


Panel = Plot | Images | Matrix | Graph
