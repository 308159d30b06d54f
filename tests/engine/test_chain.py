import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.engine import Chain, Total, simulate
from neuraxis.errors import InputError

X = np.random.default_rng(0).normal(size=(7, 2, 3)).astype(np.float32)


class Times(eqx.Module):
    """A map: x W."""

    w: jax.Array

    def __call__(self, x, *, key=None):
        return x @ self.w


class Leak(eqx.Module):
    """v ← (v + x)/share; puts out v."""

    share: float = 2.0

    def init_state(self, input_shape):
        return jnp.zeros(input_shape)

    def step(self, v, x, dt=1.0):
        v = (v + x) / self.share
        return v, v


class Projecting(Leak):
    """The same of 3x, computed beforehand."""

    def project(self, x):
        return 3 * x


@pytest.fixture(scope="module")
def w():
    return jax.random.normal(jax.random.key(0), (3, 4))


def by_hand(w):
    first, second, found = np.zeros((2, 4)), np.zeros((2, 4)), []
    for x in X:
        first = (first + 3 * np.sin(x @ np.asarray(w))) / 2
        second = (second + 3 * np.tanh(first)) / 4
        found.append(second * second)
    return np.stack(found)


@pytest.mark.parametrize("how", [{}, {"chunk": 3}])
def test_is_what_its_parts_do_one_after_the_other(w, how):
    chain = Chain(Times(w), jnp.sin, Projecting(), jnp.tanh, Projecting(4.0), jnp.square)
    trace = simulate(chain, X, **how)
    np.testing.assert_allclose(trace.record, by_hand(w), rtol=1e-4, atol=1e-6)
    assert [state.shape for state in trace.state] == [(2, 4), (2, 4)]


def test_leading_axes_are_free(w):
    chain = Chain(Times(w), Leak(), Leak())
    np.testing.assert_allclose(simulate(chain, X[:, 0]).record, simulate(chain, X).record[:, 0], rtol=1e-5)
    np.testing.assert_allclose(simulate(chain, X[0], steps=1).record, simulate(chain, X[:1]).record, rtol=1e-5)


def test_tokens_and_dtypes_pass_through():
    table = jnp.asarray([[1.0, 0.0], [0.0, 1.0]])
    chain = Chain(lambda token: table[token], Leak(1.0), lambda v: v.astype(int), Total(Leak(1.0)))
    totals = simulate(chain, jnp.asarray([0, 1, 1])).record
    # Sums of [1, 0], [1, 1], [1, 2]; their sums [1, 0], [2, 1], [3, 3]; and the sums of those.
    np.testing.assert_array_equal(totals, [[1, 0], [3, 1], [6, 4]])


def test_starts_by_itself_for_a_shape(w):
    assert [state.shape for state in Chain(Times(w), Leak(), Leak()).init_state((5, 3))] == [(5, 4), (5, 4)]


class Continuous(Leak):
    def step(self, v, x, dt):
        return super().step(v, x, dt)


def test_has_the_default_dt_that_its_parts_agree_on():
    assert len(simulate(Total(Chain(Leak(), Leak())), X).times) == 7
    with pytest.raises(InputError, match="dt, the length of a step, must be given, since Chain has no default"):
        simulate(Chain(Leak(), Continuous()), X)


@pytest.mark.usefixtures("as_user")
def test_bad_parts_are_refused():
    with pytest.raises(InputError, match="part 1 of a chain must be a map or a dynamics, but is 3"):
        Chain(Leak(), 3)
    with pytest.raises(InputError, match="part 0 of a chain"):
        Chain(Leak, jnp.sin)
    with pytest.raises(InputError, match="at least one dynamics"):
        Chain(jnp.sin)
