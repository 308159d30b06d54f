from hypothesis import given, settings
from hypothesis import strategies as st

from neuraxis.autodiff.layout import arrange


@st.composite
def graphs(draw):
    parents = [[]]
    for node in range(1, draw(st.integers(1, 14))):
        parents.append(draw(st.lists(st.integers(0, node - 1), max_size=3)))
    return parents


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_parents_stand_above_and_neighbours_do_not_touch(parents):
    widths = [20.0 + 7 * (i % 4) for i in range(len(parents))]
    layout = arrange(parents, widths, gap=10.0)
    for child, named in enumerate(parents):
        assert all(layout.rank[parent] < layout.rank[child] for parent in named)
        passed = [layout.rank[child] - layout.rank[parent] - 1 for parent in named]
        assert [len(route) for route in layout.routes[child]] == passed
    for a in range(len(parents)):
        for b in range(a):
            if layout.rank[a] == layout.rank[b]:
                assert abs(layout.x[a] - layout.x[b]) >= (widths[a] + widths[b]) / 2 + 10 - 1e-6


def test_a_chain_is_straight():
    layout = arrange([[], [0], [1], [2]], [10.0, 40.0, 20.0, 30.0], gap=5.0)
    assert layout.rank == [0, 1, 2, 3]
    assert max(layout.x) - min(layout.x) < 1e-6


def test_arguments_stand_in_their_order():
    layout = arrange([[], [], [1, 0], [], [2, 3]], [10.0] * 5, gap=5.0)
    assert layout.x[1] < layout.x[0]
    assert layout.x[2] < layout.x[3]


def test_a_tree_is_drawn_without_crossings():
    leaves, inner = list(range(8)), [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9], [10, 11], [12, 13]]
    layout = arrange([[] for _ in leaves] + inner, [10.0] * 15, gap=5.0)
    assert sorted(leaves, key=lambda i: layout.x[i]) == leaves
