import re
from xml.etree import ElementTree

import jax
import numpy as np
import pytest

from neuraxis.autodiff import Network, Var, cross_entropy, draw, ops
from neuraxis.autodiff.graph import lay_out
from neuraxis.errors import InputError


def texts(svg):
    return [element.text for element in ElementTree.fromstring(svg).iter() if element.tag.endswith("text")]


def example():
    x, w = Var(2.0, "x<1>"), Var(-3.0, "w")
    h = x * w
    y = h + 3.0 * h
    y.name = "y"
    return y


def test_it_shows_names_operations_values_and_gradients():
    y = example()
    found = texts(draw(y))
    assert found.count("×") == 2
    assert {"x<1>", "w", "y = +", "2", "−3", "−6", "−24", "3"} <= set(found)
    assert not any("∂" in text for text in found)
    y.backward(keep_graph=True)
    assert {"∂ 1", "∂ 4", "∂ 8", "∂ −12"} <= set(texts(draw(y)))


def test_every_argument_has_its_arrow():
    svg = draw(example())
    assert len(re.findall("marker-end", svg)) == 6
    x = Var(2.0)
    assert len(re.findall("marker-end", draw(x * x))) == 2


def test_arrays_are_told_by_shape_and_shared_constants_are_drawn_once():
    x = np.ones((7, 4), np.float32)
    net = Network((4, 3), key=jax.random.key(0))
    loss = cross_entropy(net(x) + net(x), np.ones((7, 3), np.float32) / 3)
    loss.backward(keep_graph=True)
    found = texts(draw(loss))
    assert found.count("7×4") == 1
    assert found.count("W1") == 1
    assert any(text.startswith("‖∂‖ ") for text in found)


def test_everything_lies_inside_the_picture():
    q, k = Var(np.ones((5, 4)), "Q"), Var(np.ones((5, 4)), "K")
    drawing = lay_out(ops.sum(ops.softmax(q @ k.T) @ q + k))
    for node in drawing.nodes:
        assert node.width / 2 <= node.x <= drawing.width - node.width / 2
        assert node.height / 2 <= node.y <= drawing.height - node.height / 2
    for points in drawing.edges:
        assert all(0 <= x <= drawing.width and 0 <= y <= drawing.height for x, y in points)
        assert [y for _, y in points] == sorted(y for _, y in points)


@pytest.mark.usefixtures("as_user")
def test_a_deep_graph_overflows_no_stack():
    y = x = Var(1.0)
    for _ in range(1500):
        y = ops.sin(y)
    assert len(lay_out(y).nodes) == 1501
    assert x.grad is None


def test_it_draws_while_jax_traces():
    pictures = []

    @jax.jit
    def f(x):
        y = ops.sum(Var(x) * 2.0)
        y.backward(keep_graph=True)
        pictures.append(draw(y))
        return y.val

    f(np.ones(3, np.float32))
    assert {"×", "sum", "scalar"} <= set(texts(pictures[0]))


@pytest.mark.usefixtures("as_user")
def test_a_freed_graph_is_refused():
    y = example()
    y.backward()
    with pytest.raises(InputError, match="freed"):
        draw(y)
