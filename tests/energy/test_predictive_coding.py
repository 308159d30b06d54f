"""The network as an energy, a map and a dynamics, against NumPy, SciPy and automatic differentiation."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from neuraxis.energy import Clamped, Ends, Nodes, PredictiveCoding
from neuraxis.engine import simulate
from neuraxis.errors import DivergedError, InputError
from neuraxis.feedforward import MLP
from neuraxis.functions import logistic, relu, softmax, tanh

KEY = jax.random.key(0)
SIZES, VARIANCES = (3, 4, 5, 2), (0.7, 1.0, 1.3)
random = np.random.default_rng(0)


def drawn(sizes):
    return tuple(jnp.asarray(random.normal(size=(6, size)), jnp.float32) for size in sizes)


x = drawn(SIZES)


def network(tied=True, activation=tanh, tau=8.0):
    net = PredictiveCoding(SIZES, key=KEY, activation=activation, tied=tied, variances=VARIANCES, tau=tau)
    biases = tuple(0.1 * jnp.arange(1.0, 1 + len(bias)) for bias in net.biases)
    return eqx.tree_at(lambda net: net.biases, net, biases)


def rates(net, x, error):
    """The equations, layer by layer, in NumPy."""
    M, beta = ([np.asarray(p, float) for p in parts] for parts in (net.weights, net.biases))
    W = [np.asarray(p, float) for p in net.feedback] if net.feedback else [m.T for m in M]
    last = len(x) - 1
    dx = [np.zeros_like(part) for part in x]
    for i in range(last + 1):
        if i > 0:
            dx[i] += (1 - np.tanh(x[i]) ** 2) * (error[i - 1] @ W[i - 1])
        if i < last:
            dx[i] -= error[i]
    de = [x[i] - (np.tanh(x[i + 1]) @ M[i] + beta[i]) - VARIANCES[i] * error[i] for i in range(last)]
    return [d / 8.0 for d in dx], [d / 8.0 for d in de]


def close(a, b, atol=1e-5):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=atol), tuple(a), tuple(b))


@pytest.mark.parametrize("tied", [True, False])
def test_the_rates_are_those_of_the_equations(tied):
    net = network(tied)
    error = drawn(SIZES[:-1])
    dx, de = net.derivative(Nodes(x, error), None)
    expected = rates(net, x, error)
    close(dx, expected[0])
    close(de, expected[1])


@pytest.mark.parametrize("tied", [True, False])
def test_with_errors_at_rest_values_run_down_the_gradient(tied):
    """Of F itself with tied weights; with separate ones of what automatic differentiation sends back through W."""
    net = network(tied)
    slope = jax.grad(lambda x: jnp.sum(net.energy(x)))(x)
    dx, de = net.derivative(Nodes(x, net.errors(x)), None)
    close(dx, [-part / 8.0 for part in slope])
    close(de, [np.zeros_like(part) for part in de], atol=1e-6)


def test_the_energy_is_a_sum_of_squares_over_variances():
    net, expected = network(), 0.0
    for i, variance in enumerate(VARIANCES):
        gap = x[i] - (np.tanh(x[i + 1]) @ np.asarray(net.weights[i]) + np.asarray(net.biases[i]))
        expected += 0.5 * np.sum(gap**2, axis=-1) / variance
    np.testing.assert_allclose(net.energy(x), expected, rtol=1e-5)


def test_as_a_map_it_is_a_multilayer_perceptron():
    net, mlp = PredictiveCoding((3, 4, 5, 2), key=KEY), MLP((2, 5, 4, 3), key=KEY)
    layers = lambda mlp: [layer.weight for layer in mlp.layers]
    mlp = eqx.tree_at(layers, mlp, list(reversed(net.weights)))
    top = jnp.abs(x[-1])  # which σ leaves as it is
    np.testing.assert_allclose(net(top), mlp(top), rtol=1e-5)
    values = net.sweep(top)
    np.testing.assert_allclose(net.energy(values), 0, atol=1e-6)


def test_a_sweep_with_errors_has_these_errors():
    net = network()
    error = drawn(SIZES[:-1])
    close(net.errors(net.sweep(x[-1], error)), error, atol=1e-5)


@pytest.fixture(scope="module")
def trace():
    """All nodes but the ends move, from where the network begins."""
    net = network(tied=False)
    return net, simulate(net, Ends(x[0], x[-1]), dt=0.5, steps=60)


def test_the_dynamics_agrees_with_scipy(trace):
    net, found = trace
    first = net.init_state(Ends(x[0].shape, x[-1].shape))
    begin = [np.array(part, float) for part in (*first.values, *first.errors)]
    begin[0], begin[3] = np.array(x[0], float), np.array(x[-1], float)
    cuts = np.cumsum([part.size for part in begin])[:-1]

    def slope(t, y):
        parts = [part.reshape(like.shape) for part, like in zip(np.split(y, cuts), begin, strict=True)]
        dx, de = rates(net, parts[:4], parts[4:])
        dx[0], dx[3] = 0 * dx[0], 0 * dx[3]
        return np.concatenate([part.ravel() for part in (*dx, *de)])

    there = solve_ivp(slope, (0, 30), np.concatenate([part.ravel() for part in begin]), rtol=1e-8, atol=1e-8).y[:, -1]
    reached = [*found.state.values, *found.state.errors]
    np.testing.assert_allclose(np.concatenate([np.ravel(part) for part in reached]), there, atol=1e-4)


def test_clamped_ends_stay_and_are_put_out(trace):
    _, found = trace
    for end, clamp in ((found.record.bottom, x[0]), (found.record.top, x[-1])):
        np.testing.assert_array_equal(end, np.broadcast_to(clamp, (60, *clamp.shape)))


def test_the_dynamics_comes_to_rest_where_the_energy_does():
    """With a clamped top alone it ends at the prediction, and without input it does so too."""
    net = network(tau=1.0)
    bottom = simulate(net, Ends(top=x[-1]), dt=0.5, steps=200).record.bottom[-1]
    np.testing.assert_allclose(bottom, net(x[-1]), atol=1e-4)
    free = simulate(net, None, dt=0.5, steps=20)
    np.testing.assert_allclose(net.energy(free.state.values), 0, atol=1e-5)
    clamped = Clamped(net, x[0])
    settled = simulate(net, Ends(x[0]), dt=0.5, steps=1500).state.values
    slope = jax.grad(lambda free: jnp.sum(clamped.energy(free)))((None, *settled[1:]))
    assert max(float(jnp.abs(part).max()) for part in jax.tree.leaves(slope)) < 1e-3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sizes": (3,)}, "sizes must be a sequence of 2 or more integers"),
        ({"sizes": 3}, "sizes must be a sequence"),
        ({"sizes": (3, 0)}, r"sizes\[1\] must be an integer of at least 1"),
        ({"sizes": (10**7, 10**7)}, "sizes must be smaller"),
        ({"key": 0}, "key must be one random key"),
        ({"activation": "tanh"}, "activation must be an Activation, but is 'tanh'"),
        ({"activation": softmax}, "activation must act on each entry, but softmax acts on a whole layer"),
        ({"variances": -1.0}, "variances must be positive"),
        ({"variances": (1.0, 0.0)}, r"variances\[1\] must be positive"),
        ({"variances": (1.0,)}, "variances must be one number, or 2, one for each layer of errors, but are 1"),
        ({"variances": "one"}, "variances must be a number, but is 'one'"),
        ({"variances": np.ones(2)}, "variances must be one number, but has shape"),
        ({"tau": 0.0}, "tau must be positive"),
        ({"tied": 1}, "tied must be True or False"),
        ({"initializer": 0.1}, "initializer must be a function"),
    ],
)
def test_bad_arguments_are_refused(as_user, arguments, message):
    with pytest.raises(InputError, match=message):
        PredictiveCoding(**{"sizes": (3, 4, 2), "key": KEY, **arguments})


def test_bad_states_and_inputs_are_refused(as_user):
    net = network()
    with pytest.raises(InputError, match="x must contain the values of 4 layers"):
        net.energy(x[:2])
    with pytest.raises(InputError, match=r"x\[1\] must have shape \(…, 4\), but has shape \(6, 5\)"):
        net.energy((x[0], x[2], x[2], x[3]))
    with pytest.raises(InputError, match=r"x must have shape \(…, 2\), but has shape \(6, 3\)"):
        net(x[0])
    with pytest.raises(InputError, match="must contain real numbers"):
        net(x[-1] * 1j)
    with pytest.raises(InputError, match=r"must be Ends\(bottom, top\), the values that are clamped"):
        simulate(net, x[0], dt=1.0, steps=2)
    with pytest.raises(InputError, match=r"the input at the top must have shape \(…, 2\)"):
        simulate(net, Ends(top=x[0]), dt=1.0, steps=2)
    with pytest.raises(InputError, match=r"inputs.* must be finite"):
        simulate(net, Ends(np.full(3, np.nan)), dt=1.0, steps=2)
    with pytest.raises(DivergedError, match="a dt smaller than"):
        simulate(network(activation=relu), Ends(x[0], x[-1]), dt=100.0, steps=2000)


def test_any_activation_of_single_entries_is_taken():
    assert PredictiveCoding((3, 4), key=KEY, activation=logistic)(np.zeros(4)).shape == (3,)
