import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from neuraxis.engine import descent
from neuraxis.errors import InputError
from neuraxis.feedforward import MLP, classification
from neuraxis.robust import TRADES, LInf, ramped

KEY = jax.random.key(0)
RANGE = {"low": -1.0, "high": 1.0}
LINF = LInf(0.2, **RANGE)
random = np.random.default_rng(0)
x = np.clip(random.normal(size=(60, 5)), -1, 1).astype(np.float32)
labels = random.integers(0, 3, 60)
adam = optax.adam(1e-2)


def test_a_step_with_a_share_of_epsilon_is_one_with_that_epsilon():
    model, batch = MLP((5, 8, 3), key=KEY), (jnp.asarray(x), jnp.asarray(labels))
    step = eqx.filter_jit(lambda rule, model, state: rule.step(model, state, batch, key=KEY))
    parts = [descent(TRADES(LInf(epsilon, **RANGE)), adam) for epsilon in (0.05, 0.1)]
    whole = descent(TRADES(LINF), adam)
    rule = ramped(whole, lambda t: (t + 1) / 4)
    state = rule.init(model)
    for part in parts:
        expected, _, same = step(part, model, state.rule)
        model, state, losses = step(rule, model, state)
        np.testing.assert_allclose(losses, same, rtol=1e-5)
        np.testing.assert_allclose(model.layers[0].weight, expected.layers[0].weight, atol=1e-6)
    assert int(state.steps) == 2
    assert rule.loss is whole.loss


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ramped(descent(TRADES(LINF), adam), -0.5), "ramp must be finite and not negative"),
        (lambda: ramped(descent(TRADES(LINF), adam), "fast"), "ramp must be a number"),
        (lambda: ramped(descent(classification.loss, adam), 0.5), "rule must contain a threat model"),
        (lambda: ramped(TRADES(LINF), 0.5), "rule must have init and step"),
    ],
)
def test_what_cannot_be_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
