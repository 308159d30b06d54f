import jax
import numpy as np
import pytest
import torch
from torch.nn import functional

from neuraxis.functions import losses

RNG = np.random.default_rng(0)
Z = RNG.normal(0, 3, (6, 5)).astype(np.float32)
REAL = RNG.normal(0, 3, (6, 5)).astype(np.float32)
FRACTIONS = RNG.uniform(size=(6, 5)).astype(np.float32)
LABELS = RNG.integers(0, 5, 6)

PAIRS = pytest.mark.parametrize(
    ("ours", "theirs", "y", "target"),
    [
        (losses.squared_error, lambda y, t: functional.mse_loss(y, t, reduction="none").sum(-1) / 2, Z, REAL),
        (losses.absolute_error, lambda y, t: functional.l1_loss(y, t, reduction="none").sum(-1), Z, REAL),
        (losses.huber_loss, lambda y, t: functional.huber_loss(y, t, reduction="none").sum(-1), Z, REAL),
        (
            losses.bernoulli_cross_entropy,
            lambda y, t: functional.binary_cross_entropy(y, t, reduction="none").sum(-1),
            FRACTIONS[::-1].copy(),
            FRACTIONS,
        ),
        (
            losses.bernoulli_cross_entropy_with_logits,
            lambda z, t: functional.binary_cross_entropy_with_logits(z, t, reduction="none").sum(-1),
            Z,
            FRACTIONS,
        ),
        (
            losses.categorical_cross_entropy_with_logits,
            lambda z, t: functional.cross_entropy(z, t, reduction="none"),
            Z,
            FRACTIONS / FRACTIONS.sum(-1, keepdims=True),
        ),
    ],
    ids=["squared", "absolute", "huber", "bernoulli", "bernoulli_with_logits", "categorical_with_logits"],
)


@PAIRS
def test_values_and_gradients_equal_pytorchs(ours, theirs, y, target):
    output = torch.tensor(y, requires_grad=True)
    error = theirs(output, torch.tensor(target))
    np.testing.assert_allclose(ours(y, target), error.detach().numpy(), rtol=1e-5)
    error.sum().backward()
    gradient = jax.grad(lambda y: ours(y, target).sum())(y)
    np.testing.assert_allclose(gradient, output.grad.numpy(), rtol=1e-4, atol=1e-5)


def test_labels_give_pytorchs_cross_entropy():
    theirs = functional.cross_entropy(torch.tensor(Z), torch.tensor(LABELS))
    ours = losses.mean_error(losses.categorical_cross_entropy_with_logits, Z, losses.one_hot(LABELS, 5))
    np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-6)
