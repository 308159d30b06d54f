"""The same network in PyTorch, relaxed by its autograd: settled states and changes of the weights agree."""

from itertools import pairwise

import jax
import numpy as np
import pytest
import torch

from neuraxis.energy import Clamped, ErrorRelaxation, PredictiveCoding, StateRelaxation, local_slopes
from neuraxis.functions import tanh

SIZES, VARIANCES, STEPS, STEP = (5, 12, 10, 8), (4.0, 1.0, 0.5), 25, 0.1
random = np.random.default_rng(0)
bottom = random.normal(size=(32, 5)).astype(np.float32)
top = random.normal(size=(32, 8)).astype(np.float32)
ours = PredictiveCoding(SIZES, key=jax.random.key(0), activation=tanh, variances=VARIANCES)


def torch_twin():
    """Linear layers from the top down, the first of which predicts the layer below the top."""
    layers = [torch.nn.Linear(above, below) for below, above in pairwise(SIZES)]
    with torch.no_grad():
        for layer, M in zip(layers, ours.weights, strict=True):
            layer.weight.copy_(torch.tensor(np.array(M).T))
            layer.bias.zero_()
    return layers


def sweep(layers, errors):
    """Values from the top down, the lowest of them as predicted."""
    values = [torch.tensor(top)]
    for i in (2, 1):
        values.insert(0, layers[i](torch.tanh(values[0])) + VARIANCES[i] * errors[i - 1])
    return [layers[0](torch.tanh(values[0])), *values]


def energy_of_values(layers, values):
    full = [torch.tensor(bottom), *values, torch.tensor(top)]
    gaps = [full[i] - layers[i](torch.tanh(full[i + 1])) for i in range(3)]
    return sum(0.5 / variance * (gap**2).sum() for gap, variance in zip(gaps, VARIANCES, strict=True))


def energy_of_errors(layers, errors):
    predicted = sweep(layers, errors)[0]
    inner = sum(0.5 * VARIANCES[i] * (errors[i - 1] ** 2).sum() for i in (1, 2))
    return inner + 0.5 / VARIANCES[0] * ((torch.tensor(bottom) - predicted) ** 2).sum()


def relaxed(layers, energy, free):
    optimizer = torch.optim.SGD([part.requires_grad_() for part in free], STEP)
    for _ in range(STEPS):
        optimizer.zero_grad()
        energy(layers, free).backward()
        optimizer.step()
    return [part.detach() for part in free]


@pytest.mark.parametrize("kind", [StateRelaxation, ErrorRelaxation])
def test_states_and_weight_changes_agree(kind):
    layers, zeros = torch_twin(), [torch.zeros(32, size) for size in SIZES[1:-1]]
    settled = kind(STEPS, STEP)(Clamped(ours, bottom, top))
    with torch.no_grad():
        first = sweep(layers, zeros)[1:-1]
    if kind is StateRelaxation:
        values = relaxed(layers, energy_of_values, first)
    else:
        with torch.no_grad():
            errors = relaxed_errors(layers, zeros)
            values = sweep(layers, errors)[1:-1]
    for mine, theirs in zip(settled.values[1:-1], values, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-5)
    for layer in layers:
        layer.zero_grad()
    (energy_of_values(layers, values) / 32).backward()
    slopes = local_slopes(ours, settled)
    for weight, bias, layer in zip(slopes.weights, slopes.biases, layers, strict=True):
        np.testing.assert_allclose(weight, layer.weight.grad.T, atol=1e-5)
        np.testing.assert_allclose(bias, layer.bias.grad, atol=1e-5)


def relaxed_errors(layers, zeros):
    with torch.enable_grad():
        return relaxed(layers, energy_of_errors, zeros)
