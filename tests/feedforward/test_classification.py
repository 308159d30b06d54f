from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import log_softmax

from neuraxis.errors import InputError
from neuraxis.feedforward import classification
from neuraxis.layers import Linear

model = Linear(3, 4, key=jax.random.key(0))
x = jnp.asarray(np.random.default_rng(0).normal(size=(5, 3)), jnp.float32)
labels = jnp.array([0, 3, 2, 1, 3])


def test_loss_is_the_negative_log_likelihood():
    expected = -log_softmax(np.asarray(model(x)), axis=-1)[np.arange(5), labels]
    np.testing.assert_allclose(classification.loss(model, x, labels), expected, rtol=1e-5)


def test_correct_compares_the_largest_logit():
    np.testing.assert_array_equal(
        classification.correct(model, x, labels), np.argmax(np.asarray(model(x)), -1) == np.asarray(labels)
    )


def test_labels_out_of_range_are_refused():
    with pytest.raises(InputError, match="labels must be between 0 and 3, but range from 0 to 4"):
        classification.loss(model, x, labels.at[1].set(4))


@pytest.mark.usefixtures("as_user")
def test_labels_that_would_broadcast_are_refused():
    for measure in (classification.loss, classification.correct):
        with pytest.raises(InputError, match=r"of shape \(5,\), but have shape \(5, 1\); remove the last axis"):
            measure(model, x, labels[:, None])
        with pytest.raises(InputError, match=r"must be one per example, of shape \(5,\), but have shape \(5, 2\)"):
            measure(model, x, np.eye(4)[labels][:, :2])
        for wrong in (["a"] * 5, np.full(5, 1j), np.full(5, 0.5), None):
            with pytest.raises(InputError, match="labels must"):
                measure(model, x, wrong)
        with pytest.raises(InputError, match=r"labels must be probabilities that add up to 1, but one adds up to 2"):
            measure(model, x, np.ones((5, 4)) * np.array([[0.25], [0.25], [0.25], [0.5], [0.25]]))
        with pytest.raises(InputError, match=r"must return logits of shape \(…, class\), but returned shape \(\)"):
            measure(lambda x, key: x.sum(), x, labels)


def test_truth_values_and_lists_are_labels():
    yes = np.array([True, False, True, True, False])
    np.testing.assert_array_equal(classification.loss(model, x, yes), classification.loss(model, x, yes.astype(int)))
    np.testing.assert_array_equal(classification.correct(model, x, yes), np.argmax(np.asarray(model(x)), -1) == yes)


def test_soft_labels_are_probabilities():
    soft = np.random.default_rng(1).dirichlet(np.ones(4), 5)
    expected = -(soft * log_softmax(np.asarray(model(x)), axis=-1)).sum(-1)
    np.testing.assert_allclose(classification.loss(model, x, soft), expected, rtol=1e-5)
    np.testing.assert_allclose(classification.loss(model, x, jnp.asarray(soft, jnp.float16)), expected, rtol=1e-2)
    hard = np.eye(4, dtype=int)[labels]
    np.testing.assert_array_equal(classification.loss(model, x, hard), classification.loss(model, x, labels))
    right = np.argmax(np.asarray(model(x)), -1) == soft.argmax(-1)
    np.testing.assert_array_equal(classification.correct(model, x, soft), right)
    assert np.isnan(jax.jit(lambda t: classification.loss(model, x, t))(2 * soft)).all()


def test_class_weights_weigh_the_examples_of_a_class():
    weights = np.array([0.5, 2.0, 0.0, 3.0])
    expected = weights[labels] * classification.loss(model, x, labels)
    weighted = partial(classification.loss, class_weights=weights)
    np.testing.assert_allclose(weighted(model, x, labels), expected, rtol=1e-6)
    values, same = classification.measuring_loss(model, x, labels, class_weights=weights)
    np.testing.assert_allclose(values, expected, rtol=1e-6)
    assert same is model


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize("wrong", [np.ones(3), 1.0, [1, 1, 1, -1], [1, 1, 1, np.nan], "text", np.full(4, 1j)])
def test_bad_class_weights(wrong):
    with pytest.raises(InputError, match="class_weights must"):
        classification.loss(model, x, labels, class_weights=wrong)


def test_what_is_nan_is_not_correct():
    unknown = jnp.array([[jnp.nan, 1.0], [jnp.nan, jnp.nan], [2.0, 1.0], [2.0, jnp.nan]])
    right = classification.correct(lambda x, key: x, unknown, np.zeros(4, int))
    np.testing.assert_array_equal(right, [False, False, True, False])


@pytest.mark.parametrize("count", [0, 1])
def test_no_example_one_example_and_one_class(count):
    for found in (classification.loss, classification.correct):
        assert found(model, x[:count], labels[:count]).shape == (count,)
    one = Linear(3, 1, key=jax.random.key(0))
    np.testing.assert_array_equal(classification.loss(one, x, np.zeros(5, int)), np.zeros(5))
    assert classification.correct(one, x, np.zeros(5, int)).all()
