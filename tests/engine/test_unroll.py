import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.engine import Chain, Total, simulate, unroll
from neuraxis.errors import InputError
from neuraxis.layers import Dropout, Embedding, Linear
from neuraxis.neurons import LeakyIntegrator

KEY = jax.random.key(0)
X = np.random.default_rng(0).normal(size=(2, 3, 7, 4)).astype(np.float32)  # (…, time, in)


class Noisy(LeakyIntegrator):
    def step(self, v, input, dt=1.0, *, key):
        return super().step(v, input + jax.random.normal(key, v.shape), dt)


class Own(LeakyIntegrator):
    """Says of itself how it runs over a sequence."""

    def unroll(self, x, state):
        return 10 * x, "the end" if state is None else state


@pytest.fixture(scope="module")
def chain():
    keys = jax.random.split(KEY, 3)
    return Chain(
        Linear(4, 5, key=keys[0]), LeakyIntegrator(3.0), Linear(5, 2, key=keys[1]), jnp.tanh, LeakyIntegrator(2.0)
    )


def test_is_simulate_with_the_time_axis_where_maps_have_it():
    y, state = unroll(LeakyIntegrator(), X)
    trace = simulate(LeakyIntegrator(), np.moveaxis(X, -2, 0))
    np.testing.assert_array_equal(y, np.moveaxis(trace.record, 0, -2))
    np.testing.assert_array_equal(state, trace.state)


def test_a_chain_goes_part_by_part_to_the_same_result(chain):
    y, state = unroll(chain, X[0])
    trace = simulate(chain, np.moveaxis(X[0], -2, 0))
    np.testing.assert_allclose(y, np.moveaxis(trace.record, 0, -2), atol=1e-6)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), state, trace.state)


def test_goes_on_from_a_state_and_over_no_step_and_one(chain):
    whole, end = unroll(chain, X[0])
    first, state = unroll(chain, X[0, :, :1])
    none, same = unroll(chain, X[0, :, :0], state)
    rest, after = unroll(chain, X[0, :, 1:], same)
    assert none.shape == (3, 0, 2)
    np.testing.assert_allclose(np.concatenate([first, rest], axis=-2), whole, atol=1e-6)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), after, end)


def test_of_tokens(chain):
    tokens = np.random.default_rng(1).integers(0, 9, (3, 6))
    y, _ = unroll(Chain(Embedding(9, 4, key=KEY), *chain.parts), tokens)
    assert y.shape == (3, 6, 2)


def test_outputs_of_another_rank_and_trees_keep_their_axes():
    class Both(LeakyIntegrator):
        def step(self, v, input, dt=1.0):
            v, _ = super().step(v, input, dt)
            return v, (jnp.sum(v, axis=-1), v[..., None])

    (total, column), _ = unroll(Both(), X)
    assert total.shape == (2, 3, 7)
    assert column.shape == (2, 3, 7, 4, 1)


def test_keys_go_to_what_takes_them():
    noisy = Chain(Noisy(), Dropout(0.5), LeakyIntegrator())
    a, b, c = (unroll(noisy, X[0], key=jax.random.key(seed))[0] for seed in (0, 0, 1))
    np.testing.assert_array_equal(a, b)
    assert np.any(a != c)
    y, _ = unroll(LeakyIntegrator(), X[0], key=KEY)
    np.testing.assert_array_equal(y, unroll(LeakyIntegrator(), X[0])[0])


def test_gradients_are_those_of_blocks_computed_again(chain):
    loss = lambda chain, remat: jnp.sum(unroll(chain, X[0], remat=remat)[0] ** 2)
    a, b = (eqx.filter_grad(loss)(chain, remat) for remat in (None, 3))
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-4), a, b)


def test_a_dynamics_may_have_its_own_way():
    y, state = unroll(Own(), X)
    assert state == "the end"
    np.testing.assert_array_equal(y, 10 * X)
    y, _ = unroll(Chain(Own(), jnp.negative), X, (3.0,))
    np.testing.assert_array_equal(y, -10 * X)
    y, _ = unroll(Own(), X, remat=2)
    np.testing.assert_allclose(y, unroll(LeakyIntegrator(), X)[0])


def test_composites_and_other_lengths_of_a_step():
    y, _ = unroll(Total(LeakyIntegrator()), X, dt=2.0)
    np.testing.assert_allclose(y, np.cumsum(unroll(LeakyIntegrator(10.0), X)[0], axis=-2), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((jnp.tanh, X), "init_state and step"),
        ((LeakyIntegrator(), X[0, 0, 0]), r"\(…, time, in\)"),
        ((LeakyIntegrator(), "ab"), "x must be an array"),
        ((LeakyIntegrator(), X + 1j), "real"),
        ((LeakyIntegrator(), X * np.nan), "finite"),
        ((Chain(LeakyIntegrator()), X, (0.0, 0.0)), "one entry per dynamics"),
    ],
)
@pytest.mark.usefixtures("as_user")
def test_bad_input_is_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        unroll(*arguments)
