import re
from functools import partial

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
    absolute_error,
    bernoulli_cross_entropy,
    bernoulli_cross_entropy_with_logits,
    categorical_cross_entropy,
    categorical_cross_entropy_with_logits,
    huber_loss,
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


def test_robust_losses():
    residual = np.array([0.0, 0.3, -1.0, 1.0, -2.0, 40.0])
    y, t = (residual + 1)[:, None], np.ones((6, 1))
    np.testing.assert_allclose(absolute_error(y, t), [0, 0.3, 1, 1, 2, 40], rtol=1e-6)
    np.testing.assert_allclose(huber_loss(y, t), [0, 0.045, 0.5, 0.5, 1.5, 39.5], rtol=1e-6)
    expected = scipy.special.huber(2.5, residual)
    np.testing.assert_allclose(huber_loss(y, t, 2.5), expected, rtol=1e-6)
    np.testing.assert_allclose(huber_loss(y.T, t.T, 2.5), [expected.sum()], rtol=1e-6)  # a sum over the last axis
    slope = jax.grad(lambda y: huber_loss(y, t, 2.5).sum())(jnp.asarray(y))[:, 0]
    np.testing.assert_allclose(slope, np.clip(residual, -2.5, 2.5), rtol=1e-5)
    pull = jax.grad(lambda y: absolute_error(y, t).sum())(jnp.asarray(y))[:, 0]
    np.testing.assert_array_equal(pull, np.sign(residual))


NAMES = ("squared_error", "absolute_error", "huber_loss")
ALL = pytest.mark.parametrize(
    "loss", [getattr(losses, name) for name in dir(losses) if "entropy" in name or name in NAMES]
)


@ALL
def test_no_example_and_one_example_pass(loss):
    assert loss(np.zeros((0, 3)), np.zeros((0, 3))).shape == (0,)
    assert loss(np.full((1, 1), 0.5), np.full((1, 1), 0.5)).shape == (1,)
    assert jax.jit(loss)(np.zeros((2, 0, 3)), np.zeros((2, 0, 3))).shape == (2, 0)


@ALL
def test_half_precision_is_summed_in_single(loss):
    """A thousand terms between 0.1 and 0.9 are off by a percent and more where they are added up in float16."""
    y, t = (RNG.uniform(0.1, 0.9, (2, 1000)).astype(np.float16) for _ in range(2))
    value = loss(y, t)
    assert value.dtype == jnp.float32
    np.testing.assert_allclose(value, loss(y.astype(np.float32), t.astype(np.float32)), rtol=1e-6)
    assert squared_error(np.float16([60000]), np.float16([-60000])) == 7.2e9


@ALL
@pytest.mark.usefixtures("as_user")
def test_lists_and_integers_are_numbers_and_complex_ones_are_refused(loss):
    np.testing.assert_allclose(loss([[1, 0]], np.array([[True, False]])), loss(np.eye(2)[:1], np.eye(2)[:1]))
    np.testing.assert_allclose(loss(np.uint8([[0, 1]]), np.uint8([[1, 0]])), loss(np.eye(2)[1:], np.eye(2)[:1]))
    for bad in (np.array([[0.5j]]), "text", None):
        with pytest.raises(InputError, match=r"[yz] must (be an array of|contain real) numbers"):
            loss(bad, np.array([[0.5]]))
        with pytest.raises(InputError, match=r"t must (be an array of|contain real) numbers"):
            loss(np.array([[0.5]]), bad)


@ALL
@pytest.mark.usefixtures("as_user")
def test_shapes_that_would_broadcast_unseen_are_refused(loss):
    half = partial(np.full, fill_value=0.5)
    for y, t in (((5, 1), (5,)), ((3, 3), (3,)), ((5, 1, 3), (5, 3)), ((5, 3), (1, 3)), ((5, 3), (5, 1))):
        with pytest.raises(InputError, match=f"t must have the shape of [yz], {re.escape(str(y))}, but has shape"):
            jax.jit(loss)(half(y), half(t))
    for y in (half(()), half((5, 0))):
        with pytest.raises(InputError, match=r"must have shape \(…, k\), but (is a single number|has shape \(5, 0\))"):
            loss(y, y)


@pytest.mark.usefixtures("as_user")
def test_integer_labels_are_no_targets():
    with pytest.raises(InputError, match=r"has shape \(3,\); one_hot\(labels, 3\) converts labels to targets"):
        categorical_cross_entropy_with_logits(np.eye(3), np.arange(3))
    with pytest.raises(InputError, match="converts labels to targets"):
        categorical_cross_entropy_with_logits(np.eye(3), [0, 1, 2])
    with pytest.raises(InputError, match=r"delta must be one number, but has shape \(2,\)"):
        huber_loss(np.eye(2), np.eye(2), np.ones(2))
    with pytest.raises(InputError, match="delta must be positive"):
        huber_loss(np.eye(2), np.eye(2), -1.0)


@ALL
@pytest.mark.usefixtures("as_user")
def test_numbers_that_are_not_finite_are_refused(loss):
    good = np.array([[0.5, 0.5]])
    for bad in (np.array([[0.5, np.nan]]), np.array([[0.5, np.inf]])):
        with pytest.raises(InputError, match=r"must be finite, but contains (nan|inf) at index \(0, 1\)"):
            loss(bad, good)
        with pytest.raises(InputError, match=r"must be finite, but contains (nan|inf) at index \(0, 1\)"):
            loss(good, bad)


@pytest.mark.usefixtures("as_user")
def test_numbers_that_are_no_probabilities_are_refused():
    good, bad = np.array([0.5, 0.5]), np.array([0.5, 255.0])
    for loss in (bernoulli_cross_entropy, categorical_cross_entropy):
        with pytest.raises(
            InputError, match=r"y must contain probabilities between 0 and 1, but ranges from 0\.5 to 255"
        ):
            loss(bad, good)
    for loss in (
        bernoulli_cross_entropy,
        categorical_cross_entropy,
        bernoulli_cross_entropy_with_logits,
        categorical_cross_entropy_with_logits,
    ):
        with pytest.raises(
            InputError, match=r"t must contain probabilities between 0 and 1, but ranges from 0\.5 to 255"
        ):
            loss(good, bad)


def test_no_probabilities_give_nan_where_they_cannot_be_refused():
    """So `fit` stops at pixels up to 255, in place of learning from them."""
    good, bad = np.array([0.5, 0.5]), np.array([0.5, 255.0])
    for loss in (bernoulli_cross_entropy_with_logits, categorical_cross_entropy_with_logits):
        assert np.isnan(jax.jit(loss)(good, bad))
        assert np.isfinite(jax.jit(loss)(bad, good))
    for loss in (bernoulli_cross_entropy, categorical_cross_entropy):
        assert np.isnan(jax.jit(loss)(good, bad))
        assert np.isnan(jax.jit(loss)(bad, good))


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (np.arange(256, dtype=np.uint8), 256),
        (np.arange(128, dtype=np.int8), 200),
        (np.array([True, False]), 2),
        (np.array([0]), 1),
        (np.zeros(0, np.uint8), 300),
    ],
)
def test_labels_of_every_type(labels, classes):
    expected = np.eye(classes)[labels.astype(int)]
    np.testing.assert_array_equal(one_hot(labels, classes), expected)
    np.testing.assert_array_equal(jax.jit(one_hot, static_argnums=1)(labels, classes), expected)


@pytest.mark.usefixtures("as_user")
def test_bad_labels_and_empty_data_are_refused():
    with pytest.raises(InputError, match="labels must be between 0 and 2"):
        one_hot(np.array([0, 3]), 3)
    with pytest.raises(InputError, match="labels must be integers"):
        one_hot(np.array([0.0]), 3)
    with pytest.raises(InputError, match="classes must be an integer below 2³¹"):
        one_hot(np.array([0]), 2**40)
    with pytest.raises(InputError, match=r"one value per example for y of shape \(3, 1\), but .* has shape \(3, 3\)"):
        mean_error(lambda y, t: (y - t) ** 2, np.zeros((3, 1)), np.zeros(3))
    with pytest.raises(InputError, match="contain no examples"):
        mean_error(squared_error, np.zeros((0, 2)), np.zeros((0, 2)))
    with pytest.raises(InputError, match="agree along their first axis"):
        mean_error(squared_error, np.zeros((3, 2)), np.zeros((1, 2)))
