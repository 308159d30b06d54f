"""PyTorch's batch normalisation of vectors and images: outputs, running statistics and gradients agree."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from neuraxis.layers import BatchNorm

SIZE = 3
random = np.random.default_rng(0)
gamma, beta = random.uniform(0.5, 2, SIZE).astype(np.float32), random.normal(size=SIZE).astype(np.float32)


def to_torch(h):
    """Ours has features last, PyTorch's after the batch."""
    return torch.tensor(np.ascontiguousarray(np.moveaxis(h, -1, 1)))


def from_torch(h):
    return np.moveaxis(h.detach().numpy(), 1, -1)


@pytest.fixture(params=[(torch.nn.BatchNorm1d, (16,)), (torch.nn.BatchNorm2d, (6, 5, 4))], ids=["vectors", "images"])
def twins(request):
    kind, batch = request.param
    ours = eqx.tree_at(
        lambda layer: (layer.gamma, layer.beta), BatchNorm(SIZE, momentum=0.9, epsilon=1e-5), (gamma, beta)
    )
    theirs = kind(SIZE, momentum=0.1, eps=1e-5)  # PyTorch's momentum is 1 − m
    with torch.no_grad():
        theirs.weight.copy_(torch.tensor(gamma))
        theirs.bias.copy_(torch.tensor(beta))
    batches = [random.normal(2.0, 3.0, (*batch, SIZE)).astype(np.float32) for _ in range(4)]
    return ours, theirs, batches


def measured(ours, theirs, batches):
    """Go through the batches in training, comparing the outputs."""
    for h in batches:
        y, ours = ours.measure(h)
        np.testing.assert_allclose(y, from_torch(theirs(to_torch(h))), atol=2e-6)
    return ours


def test_training_and_running_statistics(twins):
    ours = measured(*twins)
    theirs = twins[1]
    np.testing.assert_allclose(ours.running.mean, theirs.running_mean, rtol=1e-5)
    np.testing.assert_allclose(ours.running.variance, theirs.running_var, rtol=1e-5)


def test_inference(twins):
    ours = eqx.nn.inference_mode(measured(*twins))
    theirs, h = twins[1].eval(), twins[2][0]
    np.testing.assert_allclose(ours(h), from_torch(theirs(to_torch(h))), atol=2e-6)


@pytest.mark.parametrize("inference", [False, True])
def test_gradients(twins, inference):
    ours = eqx.nn.inference_mode(measured(*twins), inference)
    theirs, h = twins[1].train(not inference), twins[2][0]
    dy = random.normal(size=h.shape).astype(np.float32)
    gradient, dh = eqx.filter_grad(lambda both: jnp.sum(both[0](both[1]) * dy))((ours, jnp.asarray(h)))
    leaf = to_torch(h).requires_grad_()
    theirs.zero_grad()
    theirs(leaf).backward(to_torch(dy))
    np.testing.assert_allclose(dh, from_torch(leaf.grad), atol=2e-6)
    np.testing.assert_allclose(gradient.gamma, theirs.weight.grad, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(gradient.beta, theirs.bias.grad, rtol=1e-4, atol=1e-4)
