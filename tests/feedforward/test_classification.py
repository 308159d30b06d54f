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
    with pytest.raises(InputError, match="labels must lie from 0 to 3, but reach from 0 to 4"):
        classification.loss(model, x, labels.at[1].set(4))


@pytest.mark.usefixtures("as_user")
def test_labels_that_would_broadcast_are_refused():
    for measure in (classification.loss, classification.correct):
        with pytest.raises(InputError, match=r"of shape \(5,\), but have shape \(5, 1\); take the last axis off"):
            measure(model, x, labels[:, None])
        with pytest.raises(InputError, match=r"must be one per example, of shape \(5,\), but have shape \(5, 4\)"):
            measure(model, x, np.eye(4)[labels])
