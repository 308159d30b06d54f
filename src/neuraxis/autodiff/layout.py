"""Layout of a directed acyclic graph in layers, with short edges and few crossings.

The steps are those of Sugiyama, Tagawa & Toda, IEEE Transactions on Systems, Man, and Cybernetics 11:109 (1981): ranks
by the longest path, dummy nodes where an edge crosses a layer, order within a layer by the mean position of the
neighbours, and positions as close to the neighbours as the order allows.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

_SWEEPS_OF_ORDER, _SWEEPS_OF_PLACES = 12, 60
_WEIGHT_OF_SOURCE = 0.02  # small, so that nodes without parents do not bend the paths of the others


class Layout(NamedTuple):
    """Positions of nodes and edges: x from left to right, rank 0 for the first layer."""

    x: list[float]
    rank: list[int]
    routes: list[list[list[float]]]  # [child][index of the parent]: x of the edge in each layer that it crosses


def arrange(parents: Sequence[Sequence[int]], widths: Sequence[float], gap: float) -> Layout:
    """Arrange nodes 0, 1, …, whose parents have smaller numbers than they have.

    Args:
        parents: parents of each node; a parent may occur twice.
        widths: width of each node.
        gap: free space between neighbours in a layer.
    """
    rank = _ranks(parents)
    layers: list[list[int]] = [[] for _ in range(max(rank) + 1)]
    for node, r in enumerate(rank):
        layers[r].append(node)
    width, above, below = list(widths), [[] for _ in parents], [[] for _ in parents]
    port = dict[tuple[int, int], float]()  # of edges: slightly larger for later parents, to keep their order
    passes: list[list[list[int]]] = []
    for child, named in enumerate(parents):
        passes.append([])
        for i, parent in enumerate(named):
            chain = []
            for r in range(rank[parent] + 1, rank[child]):
                chain.append(len(width))
                layers[r].append(len(width))
                width.append(0.0)
                above.append([])
                below.append([])
            passes[-1].append(chain)
            for upper, lower in zip([parent, *chain], [*chain, child], strict=True):
                above[lower].append(upper)
                below[upper].append(lower)
                port[upper, lower] = 0.01 * i
    _order(layers, above, below, port)
    x = _places(layers, above, below, width, gap)
    return Layout(x[: len(parents)], rank, [[[x[d] for d in chain] for chain in chains] for chains in passes])


def _ranks(parents: Sequence[Sequence[int]]) -> list[int]:
    """Return the rank of each node: one after its last parent, or one before its first child if it has no parents."""
    rank: list[int] = []
    for named in parents:
        rank.append(1 + max((rank[p] for p in named), default=-1))
    first_child = [max(rank) + 1] * len(rank)
    for child, named in enumerate(parents):
        for parent in named:
            first_child[parent] = min(first_child[parent], rank[child])
    return [r if named else max(0, c - 1) for r, c, named in zip(rank, first_child, parents, strict=True)]


def _order(
    layers: list[list[int]], above: list[list[int]], below: list[list[int]], port: dict[tuple[int, int], float]
) -> None:
    """Sort every layer by the mean index of its neighbours in the previous layer, in alternate sweeps down and up."""
    turn = {node: float(i) for layer in layers for i, node in enumerate(layer)}

    def wanted_down(node: int) -> float:
        return _mean([turn[n] for n in above[node]], turn[node])

    def wanted_up(node: int) -> float:
        return _mean([turn[n] + port[node, n] for n in below[node]], turn[node])

    for sweep in range(_SWEEPS_OF_ORDER):
        for layer in reversed(layers) if sweep % 2 else layers:
            layer.sort(key=wanted_up if sweep % 2 else wanted_down)
            turn |= {node: float(i) for i, node in enumerate(layer)}


def _places(
    layers: list[list[int]], above: list[list[int]], below: list[list[int]], width: list[float], gap: float
) -> list[float]:
    """Move every node to the mean position of its neighbours, as far as the order and the widths allow."""
    x = [0.0] * len(width)
    weight = [1.0 if parents else _WEIGHT_OF_SOURCE for parents in above]
    for layer in layers:
        _spread(layer, [0.0] * len(layer), width, weight, gap, x)
    for sweep in range(_SWEEPS_OF_PLACES):
        for layer in reversed(layers) if sweep % 2 else layers:
            wanted = []
            for node in layer:
                near = (*above[node], *below[node])
                total = sum(weight[n] for n in near)
                wanted.append(sum(weight[n] * x[n] for n in near) / total if near else x[node])
            _spread(layer, wanted, width, weight, gap, x)
    return x


def _mean(values: list[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _spread(
    layer: list[int], wanted: list[float], width: list[float], weight: list[float], gap: float, x: list[float]
) -> None:
    """Move a layer's nodes as close as possible, in weighted least squares, to the wanted positions without overlap.

    After subtracting the room that the preceding nodes take, positions must not decrease, so the best ones are an
    isotonic regression: neighbours in conflict form a block at their common mean.
    """
    room = [0.0]
    for left, right in pairwise(layer):
        room.append(room[-1] + (width[left] + width[right]) / 2 + gap)
    blocks: list[tuple[float, float, int]] = []  # of each: mean position, sum of the weights, number of nodes
    for node, place, taken in zip(layer, wanted, room, strict=True):
        mean, heavy, count = place - taken, weight[node], 1
        while blocks and blocks[-1][0] > mean:
            other, other_heavy, other_count = blocks.pop()
            mean = (other_heavy * other + heavy * mean) / (other_heavy + heavy)
            heavy, count = heavy + other_heavy, count + other_count
        blocks.append((mean, heavy, count))
    means = [mean for mean, _, count in blocks for _ in range(count)]
    for node, mean, taken in zip(layer, means, room, strict=True):
        x[node] = mean + taken
