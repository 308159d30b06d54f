"""minGRU-pytorch with the same weights: outputs from any first state, streaming, and gradients agree."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import torch
from minGRU_pytorch import minGRU

from neuraxis.engine import simulate
from neuraxis.functions import logistic
from neuraxis.recurrent import MinGRU

random = np.random.default_rng(0)
x = random.normal(size=(3, 40, 6)).astype(np.float32)
c = random.normal(size=x.shape).astype(np.float32)
h0 = random.uniform(0.1, 2, (3, 6)).astype(np.float32)  # positive: the peer takes its logarithm


def positive(z):
    """Return the peer's candidate, which has to have a logarithm."""
    return jnp.where(z >= 0, z + 0.5, logistic(z))


def twins():
    theirs = minGRU(6)
    candidate, gate = np.split(theirs.to_hidden_and_gate.weight.detach().numpy().T, 2, axis=1)
    ours = MinGRU(6, 6, key=jax.random.key(0), activation=positive)
    weights = (jnp.array(candidate), jnp.array(gate))
    return eqx.tree_at(lambda m: (m.candidate.weight, m.gate.weight), ours, weights), theirs


def test_values_and_gradients_agree():
    ours, theirs = twins()
    first, inputs = (torch.tensor(a, requires_grad=True) for a in (h0[:, None], x))
    h = theirs(inputs, first)
    (h * torch.tensor(c)).sum().backward()
    np.testing.assert_allclose(ours(x, h0), h.detach().numpy(), rtol=1e-4, atol=1e-5)
    gradient, dx, dh0 = eqx.filter_grad(lambda parts: jnp.sum(parts[0](*parts[1:]) * c))((ours, jnp.array(x), h0))
    np.testing.assert_allclose(dx, inputs.grad.numpy(), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(dh0, first.grad.numpy()[:, 0], rtol=1e-3, atol=1e-4)
    weight = np.concatenate([gradient.candidate.weight, gradient.gate.weight], axis=1)
    np.testing.assert_allclose(weight, theirs.to_hidden_and_gate.weight.grad.numpy().T, rtol=1e-3, atol=1e-3)


def test_streaming_agrees():
    ours, theirs = twins()
    state, rows = torch.tensor(h0[:, None]), []
    with torch.no_grad():
        for t in range(10):
            row, state = theirs(torch.tensor(x[:, t : t + 1]), state, return_next_prev_hidden=True)
            rows.append(row.numpy())
    found = simulate(ours, np.moveaxis(x[:, :10], 1, 0), state=h0).record
    np.testing.assert_allclose(np.moveaxis(found, 0, 1), np.concatenate(rows, axis=1), rtol=1e-5, atol=1e-5)
