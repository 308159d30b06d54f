"""The same network, data and optimiser in PyTorch: losses, gradients and trained weights agree."""

from itertools import pairwise

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import torch

from neuraxis.feedforward import MLP, classification

SIZES = (12, 16, 16, 5)
random = np.random.default_rng(0)
x = random.normal(size=(64, 12)).astype(np.float32)
labels = random.integers(0, 5, 64)


def twins():
    ours = MLP(SIZES, key=jax.random.key(0))
    linears = [torch.nn.Linear(i, o) for i, o in pairwise(SIZES)]
    for mine, theirs in zip(ours.layers, linears, strict=True):
        with torch.no_grad():
            theirs.weight.copy_(torch.tensor(np.array(mine.weight).T))
            theirs.bias.copy_(torch.tensor(np.array(mine.bias)))
    theirs = torch.nn.Sequential(linears[0], torch.nn.ReLU(), linears[1], torch.nn.ReLU(), linears[2])
    return ours, theirs, linears


def mean_loss(model):
    return jnp.mean(classification.loss(model, x, labels))


def torch_loss(net):
    return torch.nn.functional.cross_entropy(net(torch.tensor(x)), torch.tensor(labels))


def test_loss_and_gradients_agree():
    ours, theirs, linears = twins()
    value, gradient = eqx.filter_value_and_grad(mean_loss)(ours)
    loss = torch_loss(theirs)
    loss.backward()
    np.testing.assert_allclose(value, loss.item(), rtol=1e-5)
    for mine, linear in zip(gradient.layers, linears, strict=True):
        np.testing.assert_allclose(mine.weight.T, linear.weight.grad, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(mine.bias, linear.bias.grad, rtol=1e-4, atol=1e-6)


def test_a_hundred_steps_of_adam_agree():
    ours, theirs, linears = twins()
    optimizer, state = (o := optax.adam(1e-2)), o.init(eqx.filter(ours, eqx.is_array))
    step = eqx.filter_jit(eqx.filter_value_and_grad(mean_loss))
    peer = torch.optim.Adam(theirs.parameters(), 1e-2)
    for _ in range(100):
        _, gradient = step(ours)
        updates, state = optimizer.update(gradient, state)
        ours = eqx.apply_updates(ours, updates)
        loss = torch_loss(theirs)
        peer.zero_grad()
        loss.backward()
        peer.step()
    np.testing.assert_allclose(mean_loss(ours), torch_loss(theirs).item(), rtol=0.02)
    np.testing.assert_allclose(ours.layers[0].weight.T, linears[0].weight.detach(), atol=0.02)
