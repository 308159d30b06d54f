import equinox as eqx
import jax
import numpy as np
import optax

from neuraxis import averaged, descent
from neuraxis.app.lab.training import remembered, with_hyperparameters


def square(model, x):
    return model * x**2


def test_hyperparameters_are_set_wherever_an_optimiser_is():
    adam = optax.inject_hyperparams(optax.adam)(learning_rate=1e-3, b1=0.9)
    rule = averaged(descent(square, optax.chain(optax.clip(1.0), adam)), 0.9)
    before = rule.init(jax.numpy.ones(3))
    after = with_hyperparameters(before, learning_rate=0.5)
    (state,) = (
        s for s in jax.tree.leaves(after, is_leaf=lambda n: hasattr(n, "hyperparams")) if hasattr(s, "hyperparams")
    )
    assert float(state.hyperparams["learning_rate"]) == 0.5
    assert np.isclose(float(state.hyperparams["b1"]), 0.9)
    assert jax.tree.structure(after) == jax.tree.structure(before)
    again = with_hyperparameters(after, learning_rate=1e-3)
    assert eqx.tree_equal(jax.tree.map(np.asarray, again), jax.tree.map(np.asarray, before))


def test_a_history_stays_short_and_keeps_its_last_row():
    history = np.zeros((0, 2))
    for number in range(1, 100):
        history = remembered(history, [number, number**2], 10)
        assert len(history) <= 10
        assert history[-1].tolist() == [number, number**2]
    assert (np.diff(history[:, 0]) > 0).all()
