import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.special

from neuraxis.engine import averaged, descent, fit
from neuraxis.errors import DivergedError, InputError
from neuraxis.feedforward import MLP, classification
from neuraxis.robust import L2, TRADES, BinaryTRADES, LInf, TwoLogits, logistic, ramped
from neuraxis.robust.trades import divergence
from tests.trees import equal

KEY = jax.random.key(0)
random = np.random.default_rng(0)
x = np.clip(random.normal(size=(60, 5)), -1, 1).astype(np.float32)
labels = random.integers(0, 3, 60)
signs = np.where(labels == 0, -1, 1)
RANGE = {"low": -1.0, "high": 1.0}
LINF = LInf(0.2, **RANGE)
WIDE = {"low": -9.0, "high": 9.0}
adam = optax.adam(1e-2)


class LinearOutput(eqx.Module):
    """f(x) = w·x + b, as one output."""

    w: jax.Array
    b: jax.Array

    def __call__(self, x, *, key=None):
        return (x @ self.w + self.b)[..., None]


LINEAR = LinearOutput(jnp.asarray([0.6, -1.0, 0.3, 0.8, -0.2]), jnp.asarray(0.1))


def net():
    return MLP((5, 8, 3), key=KEY)


def trained(rule, **how):
    return fit(net(), rule, (x, labels), epochs=2, batch_size=20, key=KEY, progress=None, **how)


def test_divergence_is_that_of_scipy():
    z, others = (3 * random.normal(size=(7, 4)).astype(np.float32) for _ in range(2))
    p, q = (scipy.special.softmax(np.float64(a), axis=-1) for a in (z, others))
    np.testing.assert_allclose(divergence(z, others), np.sum(scipy.special.rel_entr(p, q), axis=-1), rtol=1e-5)


def test_slopes_of_the_divergence():
    # Written on its own: ∂KL/∂z′ = q − p and ∂KL/∂z_k = p_k (ln p_k/q_k − KL).
    z, others = (random.normal(size=(7, 4)).astype(np.float32) for _ in range(2))
    p, q = (scipy.special.softmax(np.float64(a), axis=-1) for a in (z, others))
    apart = np.sum(p * np.log(p / q), axis=-1, keepdims=True)
    slopes = jax.grad(lambda a, b: jnp.sum(divergence(a, b)), argnums=(0, 1))(z, others)
    np.testing.assert_allclose(slopes[0], p * (np.log(p / q) - apart), atol=1e-6)
    np.testing.assert_allclose(slopes[1], q - p, atol=1e-6)
    assert not np.any(jax.grad(lambda b: jnp.sum(divergence(z, b)))(jnp.asarray(z)))
    assert np.all(np.isfinite(divergence(1e4 * z, -1e4 * others)))


@pytest.mark.parametrize(("threat", "dual"), [(LInf(0.2, **WIDE), 1), (L2(0.2, **WIDE), 2)])
def test_the_binary_form_of_a_linear_model_is_that_of_its_worst_input(threat, dual):
    # f(x) f(x′) is smallest at f(x′) = f(x) ∓ ε ‖w‖_dual.
    f = np.float64(x) @ np.float64(LINEAR.w) + 0.1
    worst = f - 0.2 * np.linalg.norm(LINEAR.w, dual) * np.sign(f)
    loss = BinaryTRADES(threat, 1.5)(LINEAR, x, signs, key=KEY)
    expected = np.log1p(np.exp(-f * signs)) + 1.5 * np.log1p(np.exp(-f * worst))
    np.testing.assert_allclose(loss, expected, rtol=1e-4)


def test_the_worst_input_moves_every_entry_against_the_output_as_far_as_the_range_goes():
    worst = BinaryTRADES(LINF).worst(LINEAR, jnp.asarray(x), jnp.asarray(x))
    f = x @ np.asarray(LINEAR.w) + 0.1
    expected = np.clip(x - 0.2 * np.sign(LINEAR.w) * np.sign(f)[:, None], -1, 1)
    np.testing.assert_allclose(worst, expected, atol=1e-6)


def test_any_surrogate_serves():
    hinge = lambda z: jnp.maximum(0.0, 1 - z)
    loss = BinaryTRADES(LINF, 0.0, surrogate=hinge)(LINEAR, x, signs, key=KEY)
    f = x @ np.asarray(LINEAR.w) + 0.1
    np.testing.assert_allclose(loss, np.maximum(0, 1 - f * signs), rtol=1e-5)
    np.testing.assert_allclose(
        logistic(np.array([0.0, 2.0, -100.0])), [np.log(2), np.log1p(np.exp(-2)), 100], rtol=1e-6
    )


def test_the_worst_input_of_two_classes_lies_at_one_of_two_corners():
    # p depends on w·x alone, so the divergence has a maximum at both ends of it.
    start = x + 0.001 * random.normal(size=x.shape).astype(np.float32)
    worst = TRADES(LINF).worst(TwoLogits(LINEAR), jnp.asarray(x), jnp.asarray(start))
    ends = [np.clip(x + side * 0.2 * np.sign(LINEAR.w), -1, 1) for side in (1, -1)]
    far = np.array([np.max(np.abs(worst - end), axis=-1) for end in ends])
    np.testing.assert_allclose(np.min(far, axis=0), 0, atol=1e-6)
    assert np.all(np.max(far, axis=0) > 0.1)


@pytest.mark.parametrize("loss", [TRADES(LINF, 0.0), TRADES(LInf(0.0, **RANGE), 6.0)], ids=["β = 0", "ε = 0"])
def test_without_robustness_it_is_plain_training_to_the_bit(loss):
    plain, found = trained(descent(classification.loss, adam)), trained(descent(loss, adam))
    assert equal(plain.model, found.model)
    np.testing.assert_array_equal(plain.history["loss"], found.history["loss"])


def test_it_learns_in_fit_with_a_mean_of_the_weights():
    rule = averaged(ramped(descent(TRADES(LINF, steps=2), adam), lambda t: jnp.minimum(1.0, t / 3)), 0.5)
    found, again = (trained(rule, validation=(x, labels)) for _ in range(2))
    assert found.history["validation_loss"][1] < found.history["validation_loss"][0]
    assert equal(found.model, again.model)


def test_the_binary_form_learns_in_fit():
    rule = descent(BinaryTRADES(LINF, steps=2), adam)
    arguments = {"batch_size": 60, "key": KEY, "progress": None}
    found = fit(LINEAR, rule, (x, signs), epochs=5, **arguments)
    assert found.history["loss"][-1] < found.history["loss"][0]
    with pytest.raises(InputError, match="labels must be −1 or"):
        fit(LINEAR, rule, (x, labels), **arguments)


def test_nan_stops_the_training():
    with pytest.raises(DivergedError, match="step 0"):
        trained(descent(TRADES(LINF, steps=2), optax.sgd(np.inf)))


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: TRADES(LINF, -1.0), "beta must be finite and not negative, but is -1.0"),
        (lambda: BinaryTRADES(LINF, -1.0), "beta must be finite and not negative"),
        (lambda: TRADES(LINF, np.ones(2)), "beta must be one number"),
        (lambda: TRADES(LINF, "6"), "beta must be a number"),
        (lambda: TRADES(LInf(-0.1, **RANGE)), "epsilon must not be negative, but is -0.1"),
        (lambda: TRADES(LInf(np.inf, **RANGE)), "epsilon must be finite"),
        (lambda: TRADES(0.3), "threat must be .* ThreatModel"),
        (lambda: TRADES(LINF, steps=0), "steps must be an integer of at least 1"),
        (lambda: TRADES(LINF, step_size=0.0), "step_size must be positive"),
        (lambda: BinaryTRADES(LINF, surrogate=1.0), "surrogate must be a function"),
        (lambda: TRADES(LINF)(net(), x, labels), "key"),
        (lambda: TRADES(LINF)(net(), 2 * x, labels, key=KEY), "x must be between -1 and 1"),
        (lambda: TRADES(LINF)(net(), x[0], labels[0], key=KEY), "x must contain one or more examples"),
        (lambda: TRADES(LInf(np.full(4, 0.1), **RANGE))(net(), x, labels, key=KEY), "one for each of 60 examples"),
        (lambda: TRADES(LINF)(net(), x, labels + 5, key=KEY), "labels must .*between 0 and 2"),
        (lambda: TRADES(LINF)(net(), x, labels[:4], key=KEY), "labels must be one for each example"),
        (lambda: BinaryTRADES(LINF)(LINEAR, x, labels, key=KEY), "labels must be −1 or \\+1, but one is"),
        (
            lambda: BinaryTRADES(LINF)(LINEAR, x, signs[:3], key=KEY),
            "labels must be one for each example, shape \\(60,\\)",
        ),
        (
            lambda: BinaryTRADES(LINF)(net(), x, signs, key=KEY),
            "needs a model with one output.*returned shape \\(60, 3\\)",
        ),
        (lambda: BinaryTRADES(LINF, surrogate=jnp.sum)(LINEAR, x, signs, key=KEY), "one number per example"),
    ],
)
def test_what_cannot_be_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
