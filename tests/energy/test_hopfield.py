import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
from hypothesis import given, settings
from hypothesis import strategies as st

from neuraxis.energy.hopfield import Hopfield, hebbian
from neuraxis.errors import InputError

KEY = jax.random.key(0)
PATTERNS = np.where(np.random.default_rng(1).random((7, 64)) < 0.5, -1.0, 1.0)


def random_network(seed, size=12):
    rng = np.random.default_rng(seed)
    W = rng.normal(size=(size, size))
    return Hopfield(W + W.T - np.diag(2 * np.diag(W)), rng.normal(size=size)), rng


def one_after_the_other(network, x, order):
    """A sweep as the definition says it, in double precision."""
    W, b, x = np.asarray(network.weights, float), np.asarray(network.bias, float), np.array(x, float)
    for i in order:
        field = x @ W[:, i] + b[i]
        x[i] = np.sign(field) if field else x[i]
    return x


def test_stores_by_hebbs_rule():
    weights = Hopfield.store(PATTERNS).weights
    expected = np.mean([np.outer(p, p) for p in PATTERNS], axis=0) - np.eye(64)
    np.testing.assert_allclose(weights, expected, atol=1e-7)
    assert np.all(np.diagonal(weights) == 0)
    np.testing.assert_array_equal(weights, weights.T)
    assert not Hopfield.store(PATTERNS).bias.any()


def test_hebbs_rule_is_the_direction_of_the_gradient_of_the_patterns_energy():
    def mean_energy(weights):
        network = eqx.tree_at(lambda n: n.numerator, Hopfield(np.zeros((64, 64))), weights)
        return jnp.mean(network.energy(PATTERNS))

    gradient = jax.grad(mean_energy)(jnp.zeros((64, 64)))
    off_diagonal = ~np.eye(64, dtype=bool)
    np.testing.assert_allclose(-2 * gradient[off_diagonal], hebbian(PATTERNS)[off_diagonal], atol=1e-6)


def test_energy_is_that_of_its_definition():
    network, rng = random_network(0)
    x = rng.choice([-1.0, 1.0], (2, 3, 12))
    pairs = sum(network.weights[i, j] * x[..., i] * x[..., j] for i, j in itertools.combinations(range(12), 2))
    np.testing.assert_allclose(network.energy(x), -pairs - x @ network.bias, rtol=1e-5, atol=1e-5)


def test_field_is_minus_the_gradient_of_the_energy():
    network, rng = random_network(0)
    x = rng.uniform(-1, 1, 12)
    np.testing.assert_allclose(network.field(x), -jax.grad(network.energy)(jnp.asarray(x)), rtol=1e-5, atol=1e-5)


@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 10**6), turns=st.integers(0, 200))
def test_a_sweep_is_one_update_after_the_other(seed, turns):
    """In any order, which may name a neuron several times or not at all, and also beyond a window of the search."""
    network, rng = random_network(seed)
    x = rng.choice([-1.0, 1.0], 12)
    order = np.resize(rng.integers(0, 12, turns), 200) if turns else np.zeros(200, int)
    np.testing.assert_array_equal(network.sweep(x, order), one_after_the_other(network, x, order))


@pytest.mark.parametrize("length", [0, 1, 31, 32, 33, 128])
def test_orders_of_any_length(length):
    rng = np.random.default_rng(length)
    network = Hopfield.store(PATTERNS)
    x = rng.choice([-1.0, 1.0], 64)
    order = rng.integers(0, 64, length)
    np.testing.assert_array_equal(network.sweep(x, order), one_after_the_other(network, x, order))


@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 10**6))
def test_no_update_raises_the_energy(seed):
    network, rng = random_network(seed)
    x = jnp.asarray(rng.choice([-1.0, 1.0], 12))
    for i in rng.permutation(12):
        new = network.sweep(x, np.array([i]))
        assert network.energy(new) <= network.energy(x) + 1e-5
        x = new


@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 10**6))
def test_recall_ends_in_a_minimum(seed):
    network, rng = random_network(seed)
    found = network.recall(rng.choice([-1.0, 1.0], (2, 5, 12)), key=jax.random.key(seed))
    assert np.all(found.settled)
    np.testing.assert_array_equal(network.synchronous_step(found.x), found.x)
    neighbours = found.x[..., None, :] * (1 - 2 * jnp.eye(12))
    assert np.all(network.energy(neighbours) >= network.energy(found.x)[..., None] - 1e-5)


def test_recalls_stored_patterns():
    network = Hopfield.store(PATTERNS[:3])
    flipped = PATTERNS[:3] * np.where(np.random.default_rng(0).random((20, 3, 64)) < 0.1, -1, 1)
    found = network.recall(flipped, key=KEY)
    assert np.mean(np.all(found.x == PATTERNS[:3], axis=-1)) > 0.95
    assert network.recall(PATTERNS[0], key=KEY).sweeps == 1  # nothing flips in it


def test_a_batch_ends_where_its_members_end():
    network = Hopfield.store(PATTERNS)
    x = jax.random.rademacher(KEY, (2, 2, 64), float)
    whole = network.recall(x, key=KEY)
    assert whole.sweeps.shape == whole.settled.shape == (2, 2)
    for i, j in np.ndindex(2, 2):
        alone = network.recall(x[i, j], key=KEY)
        np.testing.assert_array_equal(alone.x, whole.x[i, j])
        assert alone.sweeps == whole.sweeps[i, j]
    mapped = jax.vmap(lambda x: network.recall(x, key=KEY).x)(x[0])
    np.testing.assert_array_equal(mapped, whole.x[0])
    np.testing.assert_array_equal(network.step(x, key=KEY)[1, 0], network.step(x[1, 0], key=KEY))


def test_a_step_updates_every_neuron_once_in_a_random_order():
    network = Hopfield.store(PATTERNS)
    x = jax.random.rademacher(KEY, (64,), float)
    order = jax.random.permutation(KEY, 64)
    np.testing.assert_array_equal(network.step(x, key=KEY), network.sweep(x, order))
    assert not np.array_equal(order, np.arange(64))


def test_a_recall_that_is_cut_short_says_so():
    network = Hopfield.store(PATTERNS)
    x = jax.random.rademacher(KEY, (64,), float)
    short, full = network.recall(x, key=KEY, max_sweeps=1), network.recall(x, key=KEY)
    assert full.sweeps > 1
    assert short.sweeps == 1
    assert not short.settled
    assert full.settled


def test_a_field_of_zero_keeps_the_state():
    network = Hopfield(np.zeros((3, 3)))
    x = np.array([1.0, -1.0, 1.0])
    np.testing.assert_array_equal(network.synchronous_step(x), x)
    np.testing.assert_array_equal(network.step(x, key=KEY), x)


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8"])
def test_fields_of_zero_are_exact_with_hebb_s_rule(dtype):
    """An odd number of neurons and patterns gives many of them; in units of 1/M all fields are whole numbers."""
    rng = np.random.default_rng(0)
    patterns, x = rng.choice([-1, 1], (49, 101)), rng.choice([-1, 1], (20, 101))
    network = Hopfield.store(patterns.astype(dtype))
    sums = x @ (patterns.T @ patterns - 49 * np.eye(101, dtype=int))
    assert np.sum(sums == 0) > 10
    np.testing.assert_allclose(network.field(x), sums / 49, rtol=1e-7, atol=0)
    np.testing.assert_array_equal(network.synchronous_step(x), np.where(sums == 0, x, np.sign(sums)))
    order = rng.permutation(101)
    expected = x.copy()
    for i in order:
        field = expected @ (patterns.T @ patterns)[:, i] - 49 * expected[:, i]
        expected[:, i] = np.where(field == 0, expected[:, i], np.sign(field))
    np.testing.assert_array_equal(network.sweep(x, order), expected)


def test_sums_beyond_half_precision():
    patterns = np.ones((5000, 3), np.float16)
    np.testing.assert_array_equal(hebbian(patterns), 1 - np.eye(3))
    weights = (np.ones((3000, 3000)) - np.eye(3000)).astype(np.float16)
    assert Hopfield(weights).field(np.ones(3000))[0] == 2999


@pytest.mark.usefixtures("as_user")
def test_lists_of_integers_are_patterns_and_states():
    network = Hopfield.store([[1, -1, 1, -1]])
    np.testing.assert_array_equal(network.recall([1, -1, 1, 1], key=KEY, max_sweeps=10**12).x, [1, -1, 1, -1])
    assert network.energy([1, -1, 1, -1]) == -6


def test_synchronous_updates_can_cycle_where_asynchronous_ones_settle():
    network = Hopfield(-np.array([[0.0, 1.0], [1.0, 0.0]]))  # two neurons that inhibit each other
    x = np.array([1.0, 1.0])
    np.testing.assert_array_equal(network.synchronous_step(x), -x)
    np.testing.assert_array_equal(network.synchronous_step(-x), x)
    assert network.step(x, key=KEY).sum() == 0


def test_biases_drive_neurons():
    network = Hopfield(np.zeros((2, 2)), np.array([1.0, -1.0]))
    np.testing.assert_array_equal(network.step(np.array([-1.0, 1.0]), key=KEY), [1, -1])


def test_errors_of_the_first_update_follow_the_theory():
    patterns = jax.random.rademacher(KEY, (60, 400), float)
    wrong = np.mean(Hopfield.store(patterns).synchronous_step(patterns) != patterns)
    assert wrong == pytest.approx(scipy.special.erfc(1 / np.sqrt(2 * 60 / 400)) / 2, rel=0.3)  # about 120 errors


def test_works_under_jit_and_in_double_precision():
    with jax.enable_x64(True):
        network = Hopfield.store(PATTERNS)
        assert network.weights.dtype == jnp.float64
        x = -PATTERNS[0]
        jitted = eqx.filter_jit(lambda n, x: n.recall(x, key=KEY).x)(network, jnp.asarray(x))
        np.testing.assert_array_equal(jitted, network.recall(x, key=KEY).x)
        store = jax.jit(lambda p: Hopfield.store(p).weights)
        np.testing.assert_allclose(store(PATTERNS), network.weights)


SIGNS = np.ones(3)


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda n: Hopfield(np.zeros((2, 3))), r"weights must have shape \(N, N\), but have shape \(2, 3\)"),
        (lambda n: Hopfield(np.eye(2)), "weights must be 0 on the diagonal, but reach 1"),
        (
            lambda n: Hopfield(np.array([[0.0, 1.0], [2.0, 0.0]])),
            "symmetric, but W and its transpose differ by up to 1",
        ),
        (lambda n: Hopfield(np.array([[0.0, np.nan], [np.nan, 0.0]])), "weights must be finite"),
        (lambda n: Hopfield(np.zeros((2, 2)), np.zeros(3)), r"bias must have shape \(2,\), but has shape \(3,\)"),
        (lambda n: Hopfield.store(np.ones(3)), r"patterns must have shape \(M, N\), but have shape \(3,\)"),
        (lambda n: Hopfield.store(np.zeros((0, 3))), r"patterns must have shape \(M, N\), but have shape \(0, 3\)"),
        (lambda n: Hopfield.store(np.array([[0.0, 1.0]])), "patterns must contain −1 and 1 only, but contains 0.0"),
        (
            lambda n: Hopfield.store(np.array([[1j, 1.0]])),
            "patterns must contain real numbers, but has dtype complex128",
        ),
        (lambda n: Hopfield.store("ab"), "patterns must be an array of numbers, but is 'ab'"),
        (lambda n: Hopfield(np.zeros((0, 0))), r"weights must have shape \(N, N\), but have shape \(0, 0\)"),
        (lambda n: Hopfield(np.zeros((2, 2), complex)), "weights must contain real numbers"),
        (lambda n: n.sweep(SIGNS, "ab"), "order must be an array of numbers, but is 'ab'"),
        (lambda n: n.energy(np.ones(4)), r"x must have shape \(…, 3\), but has shape \(4,\)"),
        (lambda n: n.energy(np.array([1, np.nan, 1])), "x must be finite"),
        (lambda n: n.recall(np.zeros(3), key=KEY), "x must contain −1 and 1 only, but contains 0.0"),
        (lambda n: n.recall(SIGNS, key=KEY, max_sweeps=0), "max_sweeps must be an integer of at least 1"),
        (lambda n: n.synchronous_step(np.array([1, np.nan, 1])), "x must contain −1 and 1 only, but contains nan"),
        (lambda n: n.sweep(SIGNS, np.array([0, 3])), "order must contain indices from 0 to 2, but contains 3"),
        (lambda n: n.sweep(SIGNS, np.array([-1])), "order must contain indices from 0 to 2, but contains -1"),
        (lambda n: n.sweep(SIGNS, np.array([0.0])), "order must list indices of neurons"),
        (lambda n: n.sweep(SIGNS, np.array([[0]])), "order must list indices of neurons"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call(Hopfield(np.zeros((3, 3))))
