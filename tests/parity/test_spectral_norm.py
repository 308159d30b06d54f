"""Spectral normalisation as PyTorch's: the same weights, vectors and gradients, step by step."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from torch.nn.utils.parametrizations import spectral_norm

from neuraxis.layers import Convolution, Linear, SpectralNorm

KEY = jax.random.key(0)
RNG = np.random.default_rng(0)


def linear():
    """Return our layer, PyTorch's with its weights, and an input for each."""
    ours, theirs = Linear(6, 4, key=KEY), torch.nn.Linear(6, 4)
    with torch.no_grad():
        theirs.weight.copy_(torch.tensor(np.array(ours.weight).T))
        theirs.bias.zero_()
    x = RNG.normal(size=(5, 6)).astype(np.float32)
    return ours, theirs, x, torch.tensor(x)


def convolution():
    ours, theirs = Convolution(2, 4, 3, key=KEY), torch.nn.Conv2d(2, 4, 3)
    with torch.no_grad():
        theirs.weight.copy_(torch.tensor(np.array(ours.kernel)).permute(3, 2, 0, 1))
        theirs.bias.zero_()
    x = RNG.normal(size=(3, 5, 6, 2)).astype(np.float32)
    return ours, theirs, x, torch.tensor(x).permute(0, 3, 1, 2)


def with_their_vectors(ours, theirs):
    """Begin with the vectors that PyTorch has drawn; its rows are our columns, and a kernel's entries stand as ours."""
    state = theirs.parametrizations.weight[0]
    u, v = (state.get_buffer(name).numpy().copy() for name in ("_u", "_v"))
    if theirs.parametrizations.weight.original.ndim == 4:  # reading `weight` itself would iterate
        v = v.reshape(2, 3, 3).transpose(1, 2, 0).ravel()
    return eqx.tree_at(lambda m: (m.vectors.left, m.vectors.right), ours, (jnp.asarray(v), jnp.asarray(u)))


@pytest.mark.parametrize("make", [linear, convolution])
def test_outputs_and_gradients_agree(make):
    layer, plain, x, tensor = make()
    torch.manual_seed(0)
    theirs = spectral_norm(plain)
    ours = with_their_vectors(SpectralNorm(layer), theirs)
    for _ in range(3):
        expected = theirs(tensor)
        found, ours_after = ours.measure(x)
        channels_last = expected.detach().movedim(1, -1)
        np.testing.assert_allclose(found, channels_last, rtol=1e-4, atol=1e-5)
        theirs.zero_grad()
        torch.sin(expected).sum().backward()
        slope = eqx.filter_grad(lambda model: jnp.sum(jnp.sin(model(x))))(ours).layer
        original = theirs.parametrizations.weight.original.grad
        if make is linear:
            np.testing.assert_allclose(slope.weight, original.T, rtol=1e-3, atol=1e-4)
        else:
            np.testing.assert_allclose(slope.kernel, original.permute(2, 3, 1, 0), rtol=1e-3, atol=1e-4)
        ours = ours_after
