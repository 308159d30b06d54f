import jax
import numpy as np
import pytest
import torch

from neuraxis.functions import activations

PAIRS = pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (activations.logistic, torch.sigmoid),
        (activations.arctan, torch.arctan),
        (activations.tanh, torch.tanh),
        (activations.relu, torch.relu),
        (activations.softplus, torch.nn.functional.softplus),
        (activations.leaky_relu, torch.nn.functional.leaky_relu),
        (activations.elu, torch.nn.functional.elu),
        (activations.silu, torch.nn.functional.silu),
        (activations.gelu, torch.nn.functional.gelu),
        (activations.softmax, lambda z: torch.softmax(z, dim=-1)),
    ],
    ids=lambda f: getattr(f, "name", ""),
)
Z = np.random.default_rng(0).normal(0, 4, (3, 5)).astype(np.float32)


@PAIRS
def test_values_equal_pytorchs(ours, theirs):
    np.testing.assert_allclose(ours(Z), theirs(torch.tensor(Z)).numpy(), rtol=1e-5, atol=1e-6)


@PAIRS
def test_gradients_equal_pytorchs(ours, theirs):
    weights = np.random.default_rng(1).normal(size=Z.shape).astype(np.float32)
    z = torch.tensor(Z, requires_grad=True)
    (theirs(z) * torch.tensor(weights)).sum().backward()
    slope = ours.derivative(Z)
    by_hand = weights * slope if slope.ndim == 2 else np.einsum("ni,nij->nj", weights, slope)
    np.testing.assert_allclose(by_hand, z.grad.numpy(), rtol=1e-5, atol=1e-6)
    automatic = jax.grad(lambda z: (ours(z) * weights).sum())(Z)
    np.testing.assert_allclose(automatic, z.grad.numpy(), rtol=1e-5, atol=1e-6)
