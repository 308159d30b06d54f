import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.robust import FGSM, L2, GradientStep, LInf
from tests.robust.models import CLASSES, KEY, labels, model, weight, x


def slope(x, classes):
    """∇_x of the cross-entropy of an affine model: (softmax(z) − t) Wᵀ."""
    z = np.asarray(model(x), float)
    p = np.exp(z - z.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    return ((p - np.eye(CLASSES)[np.asarray(classes)]) @ weight.T).reshape(x.shape)


targets = (labels + 1) % CLASSES


@pytest.mark.parametrize("goal", [None, targets])
def test_steps_follow_the_gradient(goal):
    away = slope(x, labels) if goal is None else -slope(x, goal)
    step = GradientStep(L2(np.inf, low=0.0, high=1.0), 0.2)
    np.testing.assert_allclose(step(model, x, labels, targets=goal), np.clip(x + 0.2 * away, 0, 1), atol=1e-5)
    fgsm = FGSM(LInf(0.1, low=0.0, high=1.0))
    np.testing.assert_allclose(fgsm(model, x, labels, targets=goal), x + 0.1 * np.sign(away), atol=1e-6)
    lengths = np.linalg.norm(away.reshape(len(x), -1), axis=1).reshape(-1, 1, 1, 1)
    of_each = np.linspace(0, 0.3, len(x), dtype=np.float32)
    fgm = FGSM(L2(of_each, low=0.0, high=1.0))
    expected = x + of_each.reshape(-1, 1, 1, 1) * away / lengths
    np.testing.assert_allclose(fgm(model, x, labels, targets=goal), expected, atol=1e-5)


def test_a_bounded_step_stays_in_the_ball():
    moved = GradientStep(LInf(0.01, low=0.0, high=1.0), 1e3)(model, x, labels)
    assert float(jnp.max(jnp.abs(moved - x))) <= 0.01 + 1e-6


def test_a_number_is_a_value():
    traced = []

    def counted(x):
        traced.append(1)
        return model(x)

    for epsilon in (0.1, 0.2, 0.3):
        FGSM(LInf(epsilon, low=0.0, high=1.0))(counted, x, labels)
    first = len(traced)
    FGSM(LInf(0.4, low=0.0, high=1.0))(counted, x, labels)
    assert len(traced) == first


FIRST = FGSM(LInf(0.1, low=0.0, high=1.0))


@jax.custom_vjp
def broken(x):
    return x


broken.defvjp(lambda x: (x, None), lambda _, g: (g * jnp.where(jnp.arange(len(g)) == 2, jnp.nan, 1)[:, None],))


class Noisy:
    def __call__(self, x):
        return model(x) * np.random.default_rng().uniform(0.5, 1.5)


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: FIRST(model, x * 2, labels), r"x must be between 0 and 1, but ranges from 0.6\d* to 1.3"),
        (lambda: FIRST(model, x.at[0].set(jnp.nan), labels), "x must be finite, but contains nan at index"),
        (lambda: FIRST(model, "x", labels), "x must be an array of numbers"),
        (lambda: FIRST(model, x[0, 0, 0], labels), r"x must contain one or more examples .* has shape \(1,\)"),
        (lambda: FIRST(model, x[:0], labels[:0]), "x must contain one or more examples"),
        (lambda: FIRST(model, x, labels[:-1]), r"labels must be one class for each of 12 examples, .* shape \(11,\)"),
        (lambda: FIRST(model, x, labels + 0.5), "labels must be integers, but have dtype float32"),
        (
            lambda: FIRST(model, x, labels + 1),
            "labels must be between 0 and 3, the classes of the model, but range from",
        ),
        (lambda: FIRST(model, x, labels, targets=targets + 4), "targets must be between 0 and 3, .* but range from 4"),
        (lambda: FIRST(model, x, labels, targets=labels), "targets must differ from the labels, but both are"),
        (lambda: FIRST(lambda x: broken(model(x)), x, labels), "must be finite, but those of 1 of 12 .* example 2;"),
        (lambda: FIRST(Noisy(), x, labels), "the model must return the same logits each time, but .* differ by up to"),
        (lambda: FIRST(lambda x: x[:, 0], x, labels), r"must return logits of shape \(N, classes\) for inputs of"),
        (lambda: FIRST(lambda x: 1 / 0, x, labels), "division by zero"),
        (lambda: FIRST(type(model), x, labels), "model must be an object, but is the class Affine itself"),
        (lambda: FIRST(None, x, labels), "model must be a function, but is None"),
        (lambda: FIRST(model, x, labels, key=3), "key must be one random key"),
        (lambda: FGSM(LInf(np.inf, low=0, high=1))(model, x, labels), "epsilon must be finite and not negative"),
        (lambda: FGSM(LInf(np.ones(3), low=0, high=1))(model, x, labels), "one for each of 12 examples, but has shape"),
        (lambda: FGSM(0.1), "threat must be a ThreatModel, but is 0.1"),
        (lambda: FGSM(LInf(0.1, low=0, high=1), "ce"), "loss must be a function, but is 'ce'"),
        (lambda: GradientStep(LInf(0.1, low=0, high=1), 0.0), "size must be positive"),
    ],
)
def test_what_cannot_be_is_refused(call, message):
    error = ZeroDivisionError if "zero" in message else InputError
    with pytest.raises(error, match=message):
        call()


def test_in_a_compiled_program_there_is_nan_instead():
    moved = jax.jit(lambda x: FIRST(lambda x: broken(model(x)), x, labels, key=KEY))(x)
    assert np.isnan(moved[2]).all()
    assert np.isfinite(np.delete(np.asarray(moved), 2, axis=0)).all()
