import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from neuraxis.engine import descent, evaluate, fit
from neuraxis.errors import DivergedError, InputError
from neuraxis.feedforward import MLP, classification
from neuraxis.robust import FGSM, PGD, AttackEnsemble, LInf, adversarial_training, robust_accuracy

KEY = jax.random.key(0)
random = np.random.default_rng(0)
# One strong feature that an attack cannot turn, and many weak ones that it can.
labels = random.integers(0, 2, 400)
signs = 2 * labels[:, None] - 1
x = np.concatenate([signs * 0.4, 0.1 * signs + 0.05 * random.normal(size=(400, 20))], axis=1).astype(np.float32)
x[:, 0] += random.normal(size=400) * 0.1
x = np.clip(x, -1, 1)
THREAT = LInf(0.2, low=-1.0, high=1.0)
plain = descent(classification.loss, optax.adam(1e-2))
robust = adversarial_training(plain, PGD(THREAT, 3, 0.7), ramp=lambda t: jnp.minimum(1.0, t / 20))


def trained(rule, **how):
    model = MLP((21, 8, 2), key=KEY)
    arguments = {"epochs": 20, "batch_size": 40, "key": KEY, "progress": None} | how
    return fit(model, rule, (x, labels), **arguments)


def test_a_network_learns_to_withstand():
    by = {name: trained(rule).model for name, rule in (("plain", plain), ("robust", robust))}
    left = {name: robust_accuracy(net, FGSM(THREAT), x, labels) for name, net in by.items()}
    assert left["plain"].clean_accuracy > 0.99
    assert left["plain"].accuracy < 0.2
    assert left["robust"].accuracy > 0.85


def test_a_step_is_one_of_the_rule_on_attacked_inputs():
    model = MLP((21, 8, 2), key=KEY)
    rule = adversarial_training(plain, FGSM(THREAT), ramp=0.5)
    state = rule.init(model)
    after, state, losses = rule.step(model, state, (jnp.asarray(x), jnp.asarray(labels)), key=KEY)
    attacked = FGSM(LInf(0.1, low=-1.0, high=1.0))(model, x, labels)
    expected, _, same = plain.step(model, plain.init(model), (attacked, jnp.asarray(labels)), key=KEY)
    np.testing.assert_allclose(losses, same, rtol=1e-5)
    np.testing.assert_allclose(after.layers[0].weight, expected.layers[0].weight, atol=1e-6)
    assert int(state.steps) == 1
    assert rule.loss is classification.loss
    assert 0 < evaluate(model, rule.loss, (x, labels)) < np.mean(losses)


def test_nan_stops_the_training():
    with pytest.raises(DivergedError, match="step 0"):
        trained(adversarial_training(descent(classification.loss, optax.sgd(np.inf)), FGSM(THREAT)))


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: adversarial_training(None, FGSM(THREAT)), "rule must have init and step"),
        (lambda: adversarial_training(plain, AttackEnsemble({"a": FGSM(THREAT)})), "attack must be .* Search, but is"),
        (lambda: adversarial_training(plain, FGSM(LInf(np.inf, low=0, high=1))), "epsilon must be finite"),
        (lambda: adversarial_training(plain, FGSM(THREAT), -1.0), "ramp must be finite and not negative"),
    ],
)
def test_what_cannot_be_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
