import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuraxis.errors import InputError
from neuraxis.feedforward import MLP
from neuraxis.feedforward.universal_approximation import approximate, neurons, sup_distance


def sines(seed, n):
    """A random smooth function of n variables: a sum of plane waves."""
    random = np.random.default_rng(seed)
    waves, phases, heights = random.normal(size=(4, n)) * 3, random.uniform(0, 6, 4), random.normal(size=4) / 4
    return lambda x: np.sin(x @ waves.T + phases) @ heights


def distance(found, f, n, points=4000):
    x = np.random.default_rng(5).random((points, n), np.float32)
    return float(np.abs(np.asarray(found(x)) - f(x)).max())


@settings(max_examples=3, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.1, 0.03, 0.01]))
def test_any_smooth_function_of_one_variable(seed, eps):
    f = sines(seed, 1)
    found = approximate(f, 1, eps)
    assert found.sup_error <= eps
    assert distance(found, f, 1) <= eps


@pytest.mark.parametrize(("n", "seed", "eps"), [(2, 0, 0.1), (2, 1, 0.1), (3, 2, 0.25), (3, 7, 0.4)])
def test_functions_of_more_variables(n, seed, eps):
    f = sines(seed, n)
    found = approximate(f, n, eps)
    assert found.sup_error <= eps
    assert distance(found, f, n) <= eps
    # A fine grid of points around each inner corner of the cells, where the steps of all coordinates rise.
    near = np.linspace(-1.5, 1.5, 13) / (40 * found.cells)
    places = (np.arange(1, found.cells)[:, None] / found.cells + near).ravel()
    random = np.random.default_rng(0)
    x = random.choice(places, size=(20_000, n)).astype(np.float32)
    assert np.abs(np.asarray(eqx.filter_jit(found)(x)) - f(x)).max() <= 1.01 * eps
    assert found.neurons == neurons(found.cells, n) == sum(len(layer.bias) for layer in found.network.layers[:-1])
    assert len(found.network.layers) == 3


@pytest.mark.parametrize("eps", [0.1, 0.02])
def test_a_line_needs_as_many_cells_as_arithmetic_says(eps):
    """Within a cell of width 1/K a line of slope 2 is at most 1/K from its middle; 5 % of ε are kept in reserve."""
    found = approximate(lambda x: 2 * x[..., 0], 1, eps)
    assert found.cells == np.ceil(1 / (0.95 * eps))
    assert isinstance(found.network, MLP)
    assert found.neurons == found.cells - 1


def test_a_kink_and_a_steep_root():
    for f in (lambda x: np.abs(x[..., 0] - 1 / np.pi), lambda x: np.sqrt(x[..., 0])):
        assert distance(approximate(f, 1, 0.05), f, 1, 20_000) <= 0.05


def test_an_oscillation_that_the_first_cells_do_not_see():
    """Sampled at quarters it looks constant: the comparison at other points finds that out."""
    f = lambda x: np.sin(4 * np.pi * x[..., 0]) ** 2
    found = approximate(f, 1, 0.05)
    assert distance(found, f, 1) <= 0.05
    assert found.cells > 50


def test_takes_functions_of_jax():
    found = approximate(lambda x: jnp.tanh(3 * x[..., 0]), 1, 0.05)
    assert distance(found, lambda x: np.tanh(3 * x[..., 0]), 1) <= 0.05


def test_the_distance_is_the_largest_difference():
    found = approximate(lambda x: x[..., 0], 1, 0.1)
    x = np.random.default_rng(0).random((1000, 1))
    expected = np.abs(np.asarray(found.network(x))[:, 0] - (x[:, 0] + 1)).max()
    assert sup_distance(found.network, lambda x: x[..., 0] + 1, x) == pytest.approx(expected, rel=1e-5)


def test_jit_vmap_and_gradients():
    found = approximate(sines(0, 2), 2, 0.2)
    x = jax.random.uniform(jax.random.key(0), (4, 3, 2))
    assert found(x).shape == (4, 3)
    np.testing.assert_allclose(eqx.filter_jit(found)(x), found(x), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(jax.vmap(found)(x), found(x), rtol=1e-5, atol=1e-6)
    assert np.all(np.isfinite(jax.grad(lambda x: found(x).sum())(x)))


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("f", "n", "eps", "message"),
    [
        (lambda x: x[..., 0], 4, 0.1, "in_size must be 1, 2 or 3, but is 4"),
        (lambda x: x[..., 0], 0, 0.1, "in_size must be an integer of at least 1"),
        (lambda x: x[..., 0], 1, 0.0, "eps must be positive"),
        (lambda x: x[..., 0], 1, np.nan, "eps must be positive"),
        (
            lambda x: x,
            1,
            0.1,
            r"f must map points of shape \(1000, 1\) to values of shape \(1000,\), but returned shape \(1000, 1\)",
        ),
        (lambda x: np.where(x[..., 0] > 0.5, np.nan, 0.0), 1, 0.1, r"f must be finite on .* but is nan at \[0.6180"),
        (lambda x: np.log(np.maximum(x[..., 0], 0)), 2, 0.1, r"but is -inf at \[0.0, 0.0\]"),
        (lambda x: 1j * x[..., 0], 1, 0.1, "the value of f must contain real numbers"),
        (lambda x: None, 1, 0.1, "the value of f must be an array of numbers, but is None"),
        (3, 1, 0.1, "f must be a function, but is 3"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_bad_input_is_refused(f, n, eps, message):
    with pytest.raises(InputError, match=message):
        approximate(f, n, eps)


@pytest.mark.parametrize("f", [lambda x: 1000.3 + 0 * x[..., 0], lambda x: 1000 + x[..., 0]])
def test_what_single_precision_cannot_hold_is_refused_at_once(f):
    with pytest.raises(InputError, match=r"eps = 1e-05 is too small for float32, which rounds by up to .* reaches 100"):
        approximate(f, 1, 1e-5)


def test_what_it_can_hold_is_made():
    assert approximate(lambda x: 1000.25 + 0 * x[..., 0], 1, 1e-5).sup_error == 0
    with jax.enable_x64(True):
        assert approximate(lambda x: 1000.3 + 0 * x[..., 0], 1, 1e-5).sup_error < 1e-12


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda f: approximate(f, 1, 0.1, max_neurons=10**12), "max_neurons must be at most 1,000,000"),
        (lambda f: approximate(f, 1, [0.1, 0.2]), r"eps must be one number, but has shape \(2,\)"),
        (lambda f: neurons(3, 10**12), "in_size must be 1, 2 or 3"),
        (lambda f: sup_distance(3, f, np.ones((4, 1))), "network must be an MLP, but is 3"),
    ],
)
def test_what_would_never_end_and_what_is_none_are_refused(call, message):
    with pytest.raises(InputError, match=message):
        call(lambda x: x[..., 0])


def test_says_how_many_neurons_would_be_needed():
    message = r"eps = 0.001 needs about (\d+) hidden neurons, but at most max_neurons = 300 are allowed"
    with pytest.raises(InputError, match=message) as error:
        approximate(lambda x: x[..., 0] + 0 * x[..., 1], 2, 0.001, max_neurons=300)
    said = int(str(error.value).split()[5])
    assert said == pytest.approx((1 / (2 * 0.95 * 0.001)) ** 2, rel=0.02)
    with pytest.raises(InputError, match="needs about 5 hidden"):
        approximate(lambda x: x[..., 0] + 0 * x[..., 1], 2, 0.1, max_neurons=2)


def test_a_jump_is_refused():
    with pytest.raises(
        InputError, match="f must be continuous, but within cells of width 1/1001 it still differs by 1 "
    ):
        approximate(lambda x: np.where(x[..., 0] > 1 / np.pi, 1.0, 0.0), 1, 0.1, max_neurons=1000)
