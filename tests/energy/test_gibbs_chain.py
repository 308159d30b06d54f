import jax
import numpy as np
import pytest

from neuraxis.energy.gibbs_chain import GibbsChain
from neuraxis.energy.rbm import RBM
from neuraxis.engine import record_nothing, simulate
from neuraxis.errors import InputError

CHAINS = 20_000


def test_chains_reach_the_marginals(enumerated):
    """From all units off, for two copies of the machine's distribution: all units free, and two of them clamped."""
    s = enumerated(5, 3, 1.5)
    start, how = np.zeros((CHAINS, 5), np.float32), {"steps": 30, "record": record_nothing}
    start[:, 1] = 1
    free = simulate(GibbsChain(RBM(*s.parameters)), state=start, key=jax.random.key(0), **how)
    marginal = s.joint.sum(1)
    np.testing.assert_allclose(np.mean(free.state, axis=0), marginal @ s.v, atol=0.015)  # 4 standard errors

    clamped = np.array([True, True, False, False, False])
    held = simulate(GibbsChain(RBM(*s.parameters), clamped), state=start, key=jax.random.key(1), **how)
    given = (s.v[:, 0] == 0) & (s.v[:, 1] == 1)
    expected = marginal[given] @ s.v[given] / marginal[given].sum()
    np.testing.assert_array_equal(np.asarray(held.state)[:, :2], start[:, :2])
    np.testing.assert_allclose(np.mean(held.state, axis=0), expected, atol=0.015)


def test_the_output_is_the_probability_of_which_units_are_drawn(enumerated):
    chain = GibbsChain(RBM(*enumerated(5, 3).parameters), np.arange(5) == 0)
    trace = simulate(
        chain, state=np.ones((CHAINS, 5), np.float32), steps=2, key=jax.random.key(0), record=lambda *pair: pair
    )
    v, probability = map(np.asarray, trace.record)
    assert v.shape == probability.shape == (2, CHAINS, 5)
    assert set(np.unique(v)) == {0, 1}
    np.testing.assert_array_equal(probability[..., 0], 1)
    np.testing.assert_allclose(v.mean(1), probability.mean(1), atol=0.015)


def test_starts_with_all_units_off():
    chain = GibbsChain(RBM(np.ones((3, 2))))
    assert chain.init_state().shape == (3,)
    assert chain.init_state((4, 1)).shape == (4, 3)


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: GibbsChain("rbm"), "rbm must be an RBM"),
        (
            lambda: GibbsChain(RBM(np.ones((3, 2))), [True]),
            "clamped must contain a boolean for each of 3",
        ),
        (lambda: GibbsChain(RBM(np.ones((3, 2))), [1, 0, 1]), "clamped must contain a boolean"),
        (lambda: simulate(GibbsChain(RBM(np.ones((3, 2)))), steps=2), "needs a key"),
        (
            lambda: simulate(GibbsChain(RBM(np.ones((3, 2)))), steps=2, state=np.ones(4), key=jax.random.key(0)),
            r"must have shape \(…, 3\)",
        ),
    ],
)
def test_bad_input_is_refused(wrong, message):
    with pytest.raises(InputError, match=message):
        wrong()
