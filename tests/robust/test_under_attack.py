import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.engine import evaluate
from neuraxis.errors import InputError
from neuraxis.feedforward import classification
from neuraxis.robust import PGD, AttackEnsemble, LInf, TwoLogits, UnderAttack

KEY = jax.random.key(0)
random = np.random.default_rng(0)
x = random.uniform(-1, 1, (200, 4)).astype(np.float32)
W = np.array([0.5, -1.0, 0.25, 0.75], np.float32)
labels = (x @ W + 0.2 * random.normal(size=200) > 0).astype(np.int32)
model = TwoLogits(lambda x, key: (jnp.asarray(x) @ W)[..., None])
ATTACK = PGD(LInf(0.1, low=-2.0, high=2.0))


def test_robust_loss_and_accuracy_of_a_linear_model():
    # The worst input of t moves f by −ε ‖w‖₁ t.
    worst = (x @ W) * (2 * labels - 1) - 0.1 * np.abs(W).sum()
    measures = {
        "loss": UnderAttack(classification.loss, ATTACK),
        "accuracy": UnderAttack(classification.correct, ATTACK),
    }
    found = evaluate(model, measures, (x, labels), key=KEY)
    np.testing.assert_allclose(found["loss"], np.mean(np.log1p(np.exp(-worst))), rtol=1e-5)
    np.testing.assert_allclose(found["accuracy"], np.mean(worst > 0), atol=1e-6)


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: UnderAttack(None, ATTACK), "measure must be a function"),
        (lambda: UnderAttack(classification.loss, AttackEnsemble({"a": ATTACK})), "attack must be .* Search, but is"),
        (lambda: UnderAttack(classification.loss, ATTACK)(model, x, labels), "key"),
    ],
)
def test_what_cannot_be_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
