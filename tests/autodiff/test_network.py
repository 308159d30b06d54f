import copy
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.autodiff import Network, Var, cross_entropy, ops, squared_error, value_and_grad
from neuraxis.autodiff.network import forward
from neuraxis.errors import InputError

random = np.random.default_rng(0)


def descend(net, learning_rate):
    for parameter in net.parameters:
        parameter.val = parameter.val - learning_rate * parameter.grad


def test_the_classic_loop_learns_exclusive_or():
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    t = np.array([[0], [1], [1], [0]], np.float32)
    net = Network((2, 8, 1), ops.tanh, key=jax.random.key(0))
    for _ in range(500):
        y = net(x)
        loss = squared_error(y, t)
        net.zero_grad()
        loss.backward()
        descend(net, 0.2)
    assert loss.val < 1e-3


def test_numpy_jax_and_compiled_steps_are_the_same():
    x = random.normal(size=(16, 5)).astype(np.float32)
    t = np.eye(3, dtype=np.float32)[random.integers(0, 3, 16)]
    net = Network((5, 8, 3), key=jax.random.key(1))
    layers = jax.device_put([(W.val, b.val) for W, b in net.layers])
    step = jax.jit(value_and_grad(lambda layers, x, t: cross_entropy(forward(layers, x), t)))
    for _ in range(20):
        loss = cross_entropy(net(x), t)
        net.zero_grad()
        loss.backward()
        descend(net, 0.1)
        value, gradients = step(layers, x, t)
        layers = jax.tree.map(lambda p, g: p - 0.1 * g, layers, gradients)
    np.testing.assert_allclose(loss.val, value, rtol=1e-5)
    for (W, _), (V, _) in zip(net.layers, layers, strict=True):
        assert isinstance(W.val, np.ndarray)
        np.testing.assert_allclose(W.val, V, rtol=1e-4, atol=1e-6)


def test_leading_axes_are_free():
    net = Network((4, 6, 2), key=jax.random.key(0))
    x = random.normal(size=(3, 5, 4)).astype(np.float32)
    assert net(x).shape == (3, 5, 2)
    assert net(x[0, 0]).shape == (2,)
    np.testing.assert_allclose(net(x).val[1, 2], net(x[1, 2]).val, rtol=1e-5)


def test_weights_are_as_large_as_he_initialisation_says():
    (W, b), _ = Network((400, 300, 2), key=jax.random.key(0)).layers
    assert W.val.std() == pytest.approx(np.sqrt(2 / 400), rel=0.02)
    assert not b.val.any()
    assert W.name == "W1"


def test_a_recurrent_network_has_jaxs_gradient():
    x = random.normal(size=(7, 4, 3))  # (time, batch, feature)
    U, W, b, V = (random.normal(size=shape) for shape in ((3, 5), (5, 5), (5,), (5, 2)))

    def unroll(parameters, x, tanh, add_up):
        U, W, b, V = parameters
        h = np.zeros((4, 5))
        total = 0.0
        for step in x:
            h = tanh(step @ U + h @ W + b)
            total = total + add_up((h @ V) ** 2)
        return total

    with jax.enable_x64(True):
        expected = jax.jit(jax.value_and_grad(lambda p: unroll(p, jnp.asarray(x), jnp.tanh, jnp.sum)))([U, W, b, V])
    found = value_and_grad(unroll)([U, W, b, V], x, ops.tanh, ops.sum)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-9), found, expected)


def attention(parameters, x, kit):
    """Two heads of masked self-attention, a residual, and a layer norm."""
    Q, K, V, W = parameters
    heads = lambda x: kit.transpose(kit.reshape(x, (2, 6, 2, 4)), (0, 2, 1, 3))
    q, k, v = heads(x @ Q), heads(x @ K), heads(x @ V)
    scores = (q @ kit.transpose(k, (0, 1, 3, 2))) / 2.0
    scores = kit.where(np.tril(np.ones((6, 6), bool)), scores, -1e9)
    h = kit.softmax(scores, axis=-1) @ v
    x = x + kit.reshape(kit.transpose(h, (0, 2, 1, 3)), (2, 6, 8)) @ W
    centred = x - kit.mean(x, axis=-1, keepdims=True)
    normal = centred / kit.sqrt(kit.mean(centred**2, axis=-1, keepdims=True) + 1e-5)
    return kit.sum(kit.sin(normal))


def test_an_attention_block_has_jaxs_gradient():
    x = random.normal(size=(2, 6, 8))
    parameters = [random.normal(size=(8, 8)) / 3 for _ in range(4)]

    class Jax:
        softmax = staticmethod(jax.nn.softmax)

        def __getattr__(self, name):
            return getattr(jnp, name)

    with jax.enable_x64(True):
        expected = jax.jit(jax.value_and_grad(lambda p: attention(p, jnp.asarray(x), Jax())))(parameters)
        compiled = jax.jit(lambda p, x: value_and_grad(attention)(p, x, ops))(parameters, x)
    found = value_and_grad(attention)(parameters, x, ops)
    for side in (found, compiled):
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-10), side, expected)


@pytest.mark.usefixtures("as_user")
def test_bad_input_is_refused():
    with pytest.raises(InputError, match="sizes must be an integer"):
        Network((3, 0), key=jax.random.key(0))
    with pytest.raises(InputError, match="at least input and output"):
        Network((3,), key=jax.random.key(0))
    net = Network((3, 2), key=jax.random.key(0))
    with pytest.raises(InputError, match=r"x must have shape \(…, 3\), but has shape \(5, 4\)"):
        net(np.ones((5, 4)))
    with pytest.raises(InputError, match=r"x must have shape \(…, 3\)"):
        net(Var(np.ones(4)))


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("sizes", "options", "words"),
    [
        (None, {}, "sizes must name at least input and output, but are None"),
        ("34", {}, "sizes must name at least input and output, but are '34'"),
        ((3, 2.5), {}, "sizes must be an integer of at least 1, but is 2.5"),
        ((10**9, 10**9), {}, "sizes must be smaller"),
        ((3, 2), {"activation": "relu"}, "activation must be a function, but is 'relu'"),
        ((3, 2), {"key": 0}, "key must be one random key"),
    ],
)
def test_strange_arguments_are_refused(sizes, options, words):
    with pytest.raises(InputError, match=words):
        Network(sizes, **{"key": jax.random.key(0), **options})


def test_it_is_copied_and_pickled():
    net = Network((3, 4, 2), key=jax.random.key(0))
    for twin in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        np.testing.assert_array_equal(twin(np.ones(3)).val, net(np.ones(3)).val)
