from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.autodiff import backprop
from neuraxis.errors import InputError
from neuraxis.functions import losses
from neuraxis.functions.activations import identity, logistic, relu, softmax, tanh

random = np.random.default_rng(0)
MATCHING = {
    identity: losses.squared_error,
    logistic: losses.bernoulli_cross_entropy_with_logits,
    softmax: losses.categorical_cross_entropy_with_logits,
}


def network(sizes, dtype=np.float32):
    return [
        ((random.normal(size=(n, m)) * np.sqrt(2 / n)).astype(dtype), random.normal(size=m).astype(dtype))
        for n, m in pairwise(sizes)
    ]


def reference(layers, x, t, activation, loss):
    def mean_loss(layers):
        h = x
        for W, b in layers[:-1]:
            h = activation(h @ W + b)
        return jnp.mean(loss(h @ layers[-1][0] + layers[-1][1], t))

    return jax.grad(mean_loss)(layers)


@pytest.mark.parametrize("depth", range(1, 7))
def test_it_equals_jax_grad(depth):
    output = list(MATCHING)[depth % 3]
    activation = (tanh, logistic, relu)[depth // 2 % 3]
    layers = network((*(5, 7, 6, 8, 4, 9)[:depth], 3))
    x = random.normal(size=(10, 5)).astype(np.float32)
    t = np.asarray(output(random.normal(size=(10, 3)).astype(np.float32)))

    def both(layers, x, t):
        by_hand = backprop.gradients(layers, x, t, activation=activation, output=output)
        return by_hand, reference(layers, x, t, activation, MATCHING[output])

    found, expected = jax.jit(both)(layers, x, t)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert a.shape == b.shape
        assert np.linalg.norm(a - b) <= 1e-5 * np.linalg.norm(b)


def test_it_equals_central_differences_in_float64():
    with jax.enable_x64(True):
        layers = network([3, 4, 2], np.float64)
        x, t = random.normal(size=(5, 3)), random.normal(size=(5, 2))
        (dW, _), (_, db) = backprop.gradients(layers, x, t, activation=tanh, output=identity)

        def error():
            (W, b), (V, c) = layers
            return np.mean(np.sum((np.tanh(x @ W + b) @ V + c - t) ** 2, axis=1)) / 2

        for array, gradient in ((layers[0][0], dW), (layers[1][1], db)):
            for index in np.ndindex(array.shape):
                array[index] += 1e-6
                above = error()
                array[index] -= 2e-6
                difference = (above - error()) / 2e-6
                array[index] += 1e-6
                assert difference == pytest.approx(float(gradient[index]), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("lead", [(), (2, 3)])
def test_leading_axes_are_free(lead):
    layers = network([3, 4, 2])
    x = random.normal(size=(*lead, 3)).astype(np.float32)
    t = random.normal(size=(*lead, 2)).astype(np.float32)
    found = backprop.gradients(layers, x, t, activation=tanh, output=identity)
    flat = backprop.gradients(layers, x.reshape(-1, 3), t.reshape(-1, 2), activation=tanh, output=identity)
    jax.tree.map(np.testing.assert_array_equal, found, flat)


def test_it_compiles():
    layers, x, t = network([3, 4, 2]), np.ones((5, 3), np.float32), np.ones((5, 2), np.float32)

    def f(layers, x, t):
        return backprop.gradients(layers, x, t, activation=tanh, output=identity)

    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), jax.jit(f)(layers, x, t), f(layers, x, t))


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("layers", "x", "t", "words"),
    [
        ([], (4, 3), (4, 2), "at least one layer"),
        ([((3, 5), (4,))], (4, 3), (4, 5), r"layer 0 must have W \(in, out\) and b \(out\)"),
        ([((3, 5), (5,)), ((4, 2), (2,))], (4, 3), (4, 2), "layer 0 has 5 outputs, but layer 1 has 4 inputs"),
        ([((3, 2), (2,))], (4, 5), (4, 2), r"x must have shape \(…, 3\)"),
        ([((3, 2), (2,))], (4, 3), (4, 1), r"t must have shape \(…, 2\)"),
        ([((3, 2), (2,))], (4, 3), (5, 2), "equally many examples"),
        ([((3, 2), (2,))], (0, 3), (0, 2), "no example"),
    ],
)
def test_bad_input_is_refused(layers, x, t, words):
    arrays = [(np.ones(W), np.ones(b)) for W, b in layers]
    with pytest.raises(InputError, match=words):
        backprop.gradients(arrays, np.ones(x), np.ones(t), activation=tanh, output=identity)


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"layers": 3}, r"layers must be a list of pairs \(W, b\), but are 3"),
        ({"layers": [(np.ones((3, 2)) * 1j, np.ones(2))]}, "W of layer 0 must contain real numbers"),
        ({"x": "text"}, "x must be an array of numbers, but is 'text'"),
        ({"activation": jnp.tanh}, "activation must be a function with a method derivative"),
        ({"output": "softmax"}, "output must be a function, but is 'softmax'"),
    ],
)
def test_strange_arguments_are_refused(arguments, words):
    layers, x, t = [(np.ones((3, 2)), np.ones(2))], np.ones((4, 3)), np.ones((4, 2))
    with pytest.raises(InputError, match=words):
        backprop.gradients(
            **{"layers": layers, "x": x, "t": t, "activation": tanh, "output": identity, **arguments},
        )
