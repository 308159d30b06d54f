import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
from hypothesis import given, settings
from hypothesis import strategies as st

from neuraxis.errors import InputError
from neuraxis.functions import losses
from neuraxis.functions.activations import identity, logistic, softmax
from neuraxis.functions.losses import (
    bernoulli_cross_entropy,
    bernoulli_cross_entropy_with_logits,
    categorical_cross_entropy,
    categorical_cross_entropy_with_logits,
    mean_error,
    one_hot,
    squared_error,
)

RNG = np.random.default_rng(0)
Z = RNG.normal(0, 3, (2, 5, 4))
REAL = RNG.normal(0, 3, (2, 5, 4))
BINARY = RNG.integers(0, 2, (2, 5, 4)).astype(float)
CLASSES = np.eye(4)[RNG.integers(0, 4, (2, 5))]
FRACTIONS = RNG.uniform(0, 1, (2, 5, 4))

MATCHING = pytest.mark.parametrize(
    ("activation", "loss", "with_logits", "target"),
    [
        (identity, squared_error, squared_error, REAL),
        (logistic, bernoulli_cross_entropy, bernoulli_cross_entropy_with_logits, BINARY),
        (logistic, bernoulli_cross_entropy, bernoulli_cross_entropy_with_logits, FRACTIONS),
        (softmax, categorical_cross_entropy, categorical_cross_entropy_with_logits, CLASSES),
        (softmax, categorical_cross_entropy, categorical_cross_entropy_with_logits, softmax(REAL)),
    ],
)


@MATCHING
def test_the_gradient_by_the_input_of_the_output_is_y_minus_t(activation, loss, with_logits, target):
    difference = activation(Z) - target
    for error in (lambda z: loss(activation(z), target).sum(), lambda z: with_logits(z, target).sum()):
        np.testing.assert_allclose(jax.grad(error)(jnp.asarray(Z)), difference, atol=1e-5)


@MATCHING
def test_with_logits_equals_without(activation, loss, with_logits, target):
    with jax.enable_x64(True):
        np.testing.assert_allclose(with_logits(Z, target), loss(activation(Z), target), rtol=1e-10)


@MATCHING
def test_there_is_one_value_per_example(activation, loss, with_logits, target):
    for value in (loss(activation(Z), target), with_logits(Z, target)):
        assert value.shape == (2, 5)
        assert value.dtype == jnp.float32
        assert np.all(np.isfinite(value))


def test_values_equal_scipys():
    y = scipy.special.softmax(Z, axis=-1)
    expected = -scipy.special.xlogy(CLASSES, y).sum(-1)
    np.testing.assert_allclose(categorical_cross_entropy(y, CLASSES), expected, rtol=1e-5)
    y = scipy.special.expit(Z)
    expected = -(scipy.special.xlogy(FRACTIONS, y) + scipy.special.xlog1py(1 - FRACTIONS, -y)).sum(-1)
    np.testing.assert_allclose(bernoulli_cross_entropy(y, FRACTIONS), expected, rtol=1e-5)
    np.testing.assert_allclose(squared_error(Z, REAL), 0.5 * np.linalg.norm(Z - REAL, axis=-1) ** 2, rtol=1e-5)


@settings(deadline=None, max_examples=10)
@given(
    z=st.lists(st.floats(-1e4, 1e4, width=32), min_size=8, max_size=8),
    t=st.lists(st.floats(0, 1, width=32), min_size=8, max_size=8),
)
def test_cross_entropies_with_logits_are_exact_everywhere(z, t):
    z, t = np.array(z, np.float32)[:, None], np.array(t, np.float32)[:, None]
    exact, right = z.astype(float), t.astype(float)
    expected = (np.logaddexp(exact, 0) * (1 - right) + np.logaddexp(-exact, 0) * right)[:, 0]
    np.testing.assert_allclose(bernoulli_cross_entropy_with_logits(z, t), expected, rtol=1e-6, atol=1e-37)
    # Two classes are one yes or no: softmax of (z, 0) is the logistic function of z.
    two = np.concatenate([z, np.zeros_like(z)], axis=-1), np.concatenate([t, 1 - t], axis=-1)
    np.testing.assert_allclose(categorical_cross_entropy_with_logits(*two), expected, rtol=1e-5, atol=1e-6)
    gradient = jax.grad(lambda z: bernoulli_cross_entropy_with_logits(z, t).sum())(z)
    np.testing.assert_allclose(gradient, scipy.special.expit(exact) - right, atol=1e-6)


@pytest.mark.parametrize("loss", [bernoulli_cross_entropy, categorical_cross_entropy])
def test_sure_and_right_answers_cost_nothing(loss):
    sure = jnp.array([0.0, 1.0, 0.0])
    assert loss(sure, sure) == 0
    assert np.all(np.isfinite(jax.grad(loss)(sure, sure)))


@pytest.mark.parametrize("loss", [bernoulli_cross_entropy, categorical_cross_entropy])
def test_sure_and_wrong_answers_cost_infinity(loss):
    assert loss(jnp.array([0.0, 1.0]), jnp.array([1.0, 0.0])) == np.inf


def test_small_probabilities_keep_their_digits():
    np.testing.assert_allclose(bernoulli_cross_entropy(np.array([1e-12]), np.array([0.0])), 1e-12, rtol=1e-6)


def test_one_hot():
    np.testing.assert_array_equal(one_hot(np.array([[2, 0]]), 3), [[[0, 0, 1], [1, 0, 0]]])
    assert one_hot(np.uint8(1), 2).dtype == jnp.float32


def test_bool_targets_are_numbers():
    z, yes = np.array([1.0, 2.0]), np.array([True, False])
    as_numbers = bernoulli_cross_entropy_with_logits(z, yes.astype(float))
    np.testing.assert_array_equal(bernoulli_cross_entropy_with_logits(z, yes), as_numbers)


def test_error_of_a_data_set_is_the_mean_over_its_examples():
    y = np.array([[0.0, 2.0], [1.0, 0.0], [3.0, 4.0]])
    assert mean_error(squared_error, y, np.zeros_like(y)) == pytest.approx((2 + 0.5 + 12.5) / 3)


ALL = pytest.mark.parametrize(
    "loss", [getattr(losses, name) for name in dir(losses) if "entropy" in name or name == "squared_error"]
)


@ALL
@pytest.mark.usefixtures("as_user")
def test_shapes_that_would_broadcast_unseen_are_refused(loss):
    with pytest.raises(InputError, match=r"t must have shape \(…, 1\), but has shape \(5,\)"):
        loss(np.full((5, 1), 0.5), np.full(5, 0.5))
    with pytest.raises(InputError, match="but is a single number"):
        loss(0.5, 0.5)


@ALL
@pytest.mark.usefixtures("as_user")
def test_numbers_that_are_not_finite_are_refused(loss):
    good = np.array([[0.5, 0.5]])
    for bad in (np.array([[0.5, np.nan]]), np.array([[0.5, np.inf]])):
        with pytest.raises(InputError, match=r"must be finite, but holds (nan|inf) at index \(0, 1\)"):
            loss(bad, good)
        with pytest.raises(InputError, match=r"must be finite, but holds (nan|inf) at index \(0, 1\)"):
            loss(good, bad)


@pytest.mark.usefixtures("as_user")
def test_numbers_that_are_no_probabilities_are_refused():
    good, bad = np.array([0.5, 0.5]), np.array([0.5, 255.0])
    for loss in (bernoulli_cross_entropy, categorical_cross_entropy):
        with pytest.raises(InputError, match=r"y must hold probabilities from 0 to 1, but reaches from 0\.5 to 255"):
            loss(bad, good)
    for loss in (
        bernoulli_cross_entropy,
        categorical_cross_entropy,
        bernoulli_cross_entropy_with_logits,
        categorical_cross_entropy_with_logits,
    ):
        with pytest.raises(InputError, match=r"t must hold probabilities from 0 to 1, but reaches from 0\.5 to 255"):
            loss(good, bad)


@pytest.mark.usefixtures("as_user")
def test_bad_labels_and_empty_data_are_refused():
    with pytest.raises(InputError, match="labels must lie from 0 to 2"):
        one_hot(np.array([0, 3]), 3)
    with pytest.raises(InputError, match="labels must be integers"):
        one_hot(np.array([0.0]), 3)
    with pytest.raises(InputError, match="hold no example"):
        mean_error(squared_error, np.zeros((0, 2)), np.zeros((0, 2)))
    with pytest.raises(InputError, match="agree along their first axis"):
        mean_error(squared_error, np.zeros((3, 2)), np.zeros((1, 2)))
