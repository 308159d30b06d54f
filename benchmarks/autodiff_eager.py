"""Training steps of a multilayer perceptron by the tape on NumPy arrays, operation by operation.

All sides do the classic loop in float32: outputs, cross-entropy, gradients, θ ← θ − κ ∂E/∂θ. Their losses are compared
before anything is timed.
"""

import itertools

import jax
import numpy as np

from benchmarks.harness import Workload
from neuraxis.autodiff import Network, cross_entropy

SIZES, BATCH_SIZE, LEARNING_RATE = (784, 128, 10), 64, 0.1


def workload(quick: bool) -> Workload:
    """Against HIPS autograd, which differentiates NumPy too, and PyTorch without compilation."""
    random = np.random.default_rng(0)
    steps = 3 if quick else 100
    x = random.random((steps, BATCH_SIZE, SIZES[0]), np.float32)
    t = np.eye(SIZES[-1], dtype=np.float32)[random.integers(0, SIZES[-1], (steps, BATCH_SIZE))]
    net = Network(SIZES, key=jax.random.key(0))
    start = [np.array(parameter.val) for parameter in net.parameters]  # which the peers can write to

    def ours():
        for parameter, value in zip(net.parameters, start, strict=True):
            parameter.val = value
        for batch, targets in zip(x, t, strict=True):
            loss = cross_entropy(net(batch), targets)
            net.zero_grad()
            loss.backward()
            for parameter in net.parameters:
                parameter.val = parameter.val - LEARNING_RATE * parameter.grad
        return [float(loss.val)]

    sides = {"HIPS autograd": _hips(start, x, t), "PyTorch, eager": _torch(start, x, t)}
    for name, side in sides.items():
        np.testing.assert_allclose(side(), ours(), rtol=1e-3, err_msg=name)
    title = f"MLP {'-'.join(map(str, SIZES))}, {steps} steps of {BATCH_SIZE}, eager"
    return Workload(title, "autodiff", ours, sides, targets={"HIPS autograd": 2.0, "PyTorch, eager": 1.2})


def _hips(start, x, t):
    import autograd.numpy as anp
    from autograd import value_and_grad

    def loss(parameters, x, t):
        *hidden, W, b = parameters
        for V, c in zip(hidden[::2], hidden[1::2], strict=True):
            x = anp.maximum(x @ V + c, 0)
        z = x @ W + b
        shifted = z - anp.max(z, axis=1, keepdims=True)
        return anp.sum((anp.log(anp.sum(anp.exp(shifted), axis=1, keepdims=True)) - shifted) * t) / len(x)

    step = value_and_grad(loss)

    def side():
        parameters = start
        for batch, targets in zip(x, t, strict=True):
            value, gradients = step(parameters, batch, targets)
            parameters = [p - LEARNING_RATE * g for p, g in zip(parameters, gradients, strict=True)]
        return [float(value)]

    return side


def _torch(start, x, t):
    import torch

    x, t = torch.from_numpy(x), torch.from_numpy(t)
    linears = [torch.nn.Linear(n, m) for n, m in itertools.pairwise(SIZES)]
    net = torch.nn.Sequential(*[part for linear in linears for part in (linear, torch.nn.ReLU())][:-1])
    optimizer = torch.optim.SGD(net.parameters(), LEARNING_RATE)

    def side():
        with torch.no_grad():
            for parameter, value in zip(net.parameters(), start, strict=True):
                parameter.copy_(torch.from_numpy(value.T))
        for batch, targets in zip(x, t, strict=True):
            loss = torch.nn.functional.cross_entropy(net(batch), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return [loss.item()]

    return side
