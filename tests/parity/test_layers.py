"""PyTorch's layer, RMS and group normalisation, embedding and linear maps without bias: values and gradients agree."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from neuraxis.layers import Embedding, GroupNorm, LayerNorm, Linear, RMSNorm

random = np.random.default_rng(0)
images = random.normal(2.0, 3.0, (3, 4, 5, 6)).astype(np.float32)
gamma, beta = random.uniform(0.5, 2, 6).astype(np.float32), random.normal(size=6).astype(np.float32)


def channels_first(x):
    return torch.movedim(x, -1, 1)


PAIRS = {
    "layer": (LayerNorm(6), torch.nn.LayerNorm(6), lambda layer, x: layer(x)),
    "rms": (RMSNorm(6), torch.nn.RMSNorm(6, eps=1e-5), lambda layer, x: layer(x)),
    "group": (GroupNorm(3, 6), torch.nn.GroupNorm(3, 6), lambda layer, x: layer(channels_first(x)).movedim(1, -1)),
}


@pytest.mark.parametrize("name", PAIRS)
def test_normalisation(name):
    ours, theirs, call = PAIRS[name]
    weights = {"weight": gamma} | ({} if name == "rms" else {"bias": beta})
    names = ("gamma", "beta")[: len(weights)]
    ours = eqx.tree_at(lambda layer: [getattr(layer, n) for n in names], ours, [*weights.values()])
    theirs.load_state_dict({n: torch.tensor(value) for n, value in weights.items()})
    dy = random.normal(size=images.shape).astype(np.float32)
    x = torch.tensor(images, requires_grad=True)
    y = call(theirs, x)
    y.backward(torch.tensor(dy))
    np.testing.assert_allclose(ours(images), y.detach().numpy(), atol=3e-6)
    gradient, dx = eqx.filter_grad(lambda both: jnp.sum(both[0](both[1]) * dy))((ours, jnp.asarray(images)))
    np.testing.assert_allclose(dx, x.grad.numpy(), atol=3e-6)
    np.testing.assert_allclose(gradient.gamma, theirs.weight.grad.numpy(), rtol=1e-4, atol=1e-4)


def test_embedding():
    ours, tokens = Embedding(7, 3, key=jax.random.key(0)), np.array([[1, 6, 1], [0, 0, 2]])
    table = torch.tensor(np.array(ours.weight), requires_grad=True)
    dy = random.normal(size=(2, 3, 3)).astype(np.float32)
    y = torch.nn.functional.embedding(torch.tensor(tokens), table)
    y.backward(torch.tensor(dy))
    np.testing.assert_array_equal(ours(tokens), y.detach().numpy())
    gradient = jax.grad(lambda layer: jnp.sum(layer(tokens) * dy))(ours)
    np.testing.assert_allclose(gradient.weight, table.grad.numpy(), atol=1e-6)


def test_linear_without_bias():
    ours = Linear(6, 2, key=jax.random.key(0), bias=False)
    theirs = torch.nn.functional.linear(torch.tensor(images), torch.tensor(np.array(ours.weight).T))
    np.testing.assert_allclose(ours(images), theirs.numpy(), rtol=1e-5, atol=1e-5)
