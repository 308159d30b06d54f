"""One step of TRADES in PyTorch, written after the paper's algorithm 1, on a network with the same weights."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.feedforward import MLP
from neuraxis.robust import TRADES, LInf

torch = pytest.importorskip("torch")
F = torch.nn.functional
BETA, EPSILON, STEPS = 6.0, 0.3, 5


def test_gradients_of_a_step():
    random = np.random.default_rng(0)
    x = random.random((32, 20), np.float32)
    labels = random.integers(0, 4, 32)
    start = x + 0.001 * random.normal(size=x.shape).astype(np.float32)
    model = MLP((20, 16, 4), key=jax.random.key(0))
    loss = TRADES(LInf(EPSILON, low=0.0, high=1.0), BETA, STEPS, 0.25)

    def mean_loss(model):
        moved = jax.lax.stop_gradient(loss.worst(model, jnp.asarray(x), jnp.asarray(start)))
        values = loss.natural(model(x), labels) + BETA * loss.between(model(x), model(moved))
        return jnp.mean(values), moved

    (value, moved), gradient = eqx.filter_jit(eqx.filter_value_and_grad(mean_loss, has_aux=True))(model)
    net = torch.nn.Sequential(torch.nn.Linear(20, 16), torch.nn.ReLU(), torch.nn.Linear(16, 4))
    for twin, layer in zip((net[0], net[2]), model.layers, strict=True):
        with torch.no_grad():
            twin.weight.copy_(torch.tensor(np.array(layer.weight).T))
            twin.bias.copy_(torch.tensor(np.array(layer.bias)))
    inputs, classes = torch.tensor(x), torch.tensor(labels)
    theirs = torch.tensor(start)
    for _ in range(STEPS):
        theirs.requires_grad_(True)
        far = F.kl_div(F.log_softmax(net(theirs), 1), F.softmax(net(inputs), 1), reduction="sum")
        (slope,) = torch.autograd.grad(far, theirs)
        theirs = theirs.detach() + 0.25 * EPSILON * slope.sign()
        theirs = torch.clamp(torch.min(torch.max(theirs, inputs - EPSILON), inputs + EPSILON), 0, 1)
    np.testing.assert_allclose(moved, theirs, atol=1e-6)
    robust = F.kl_div(F.log_softmax(net(theirs), 1), F.softmax(net(inputs), 1), reduction="batchmean")
    total = F.cross_entropy(net(inputs), classes) + BETA * robust
    total.backward()
    np.testing.assert_allclose(value, total.item(), rtol=1e-5)
    for twin, layer in zip((net[0], net[2]), gradient.layers, strict=True):
        np.testing.assert_allclose(layer.weight, twin.weight.grad.T, atol=1e-4)
        np.testing.assert_allclose(layer.bias, twin.bias.grad, atol=1e-4)
