import jax
import jax.numpy as jnp
import numpy as np

from neuraxis.engine import evaluate
from neuraxis.robust import FGSM, LInf, TwoLogits, cross_entropy, robust_accuracy
from neuraxis.robust.binary import error, logistic

random = np.random.default_rng(0)
x = random.uniform(-1, 1, (200, 4)).astype(np.float32)
W = np.array([0.5, -1.0, 0.25, 0.75], np.float32)
signs = np.where(x @ W + 0.2 * random.normal(size=200) > 0, 1, -1)


def linear(x, *, key=None):
    return (x @ W)[:, None]


def test_error_is_the_share_on_the_wrong_side():
    expected = np.mean(np.sign(x @ W) != signs)
    assert 0 < expected < 0.3
    np.testing.assert_allclose(evaluate(linear, error, (x, signs)), expected, atol=1e-6)
    assert bool(error(lambda x, key: jnp.array([[jnp.nan]]), x[:1], signs[:1])[0])


def test_attacks_find_the_robust_error_of_a_linear_model():
    # The worst input of t moves f by −ε ‖w‖₁ t.
    classes = (signs + 1) // 2
    found = robust_accuracy(TwoLogits(linear), FGSM(LInf(0.1, low=-2.0, high=2.0)), x, classes)
    np.testing.assert_allclose(found.clean_accuracy, np.mean(x @ W * signs > 0))
    np.testing.assert_allclose(found.accuracy, np.mean(x @ W * signs > 0.1 * np.abs(W).sum()))


def test_two_logits_have_the_logistic_loss():
    z = TwoLogits(linear)(jnp.asarray(x))
    np.testing.assert_allclose(cross_entropy(z, jnp.asarray((signs + 1) // 2)), logistic(x @ W * signs), atol=1e-6)
    assert jax.eval_shape(TwoLogits(linear), x).shape == (200, 2)
