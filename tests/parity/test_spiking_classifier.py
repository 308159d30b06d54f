"""The same spiking network in PyTorch, written by hand and in snnTorch: spikes, losses and gradients agree."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from neuraxis.feedforward import classification
from neuraxis.functions.surrogates import Arctan, FastSigmoid, Triangular
from neuraxis.neurons import DiscreteLIF, reset_by_subtraction, reset_to_zero
from neuraxis.spiking import SpikingClassifier, latency_code, max_potential, mean_potential, spike_count

snn = pytest.importorskip("snntorch")
surrogate = pytest.importorskip("snntorch.surrogate")

SIZES, STEPS, TAU_M = (12, 40, 24, 5), 20, 9.0
random = np.random.default_rng(0)
x = random.random((16, 12)).astype(np.float32)
labels = random.integers(0, 5, 16)


def model(neurons, readout=spike_count, coding=None, scale=2):
    made = SpikingClassifier(
        SIZES, key=jax.random.key(0), neurons=neurons, readout=readout, coding=coding, steps=STEPS, dt=1.0
    )
    # Strong enough that all layers fire.
    return eqx.tree_at(lambda m: [layer.weight for layer in m.layers], made, replace_fn=lambda w: scale * w + 0.05)


def linears(made):
    twins = [torch.nn.Linear(*layer.weight.shape) for layer in made.layers]
    for twin, layer in zip(twins, made.layers, strict=True):
        with torch.no_grad():
            twin.weight.copy_(torch.tensor(np.array(layer.weight.T)))
            twin.bias.copy_(torch.tensor(np.array(layer.bias)))
    return twins


def agree(made, twins, logits):
    """Compare loss and gradients; `logits` are the twin's."""

    def mean_loss(made):
        return jnp.mean(classification.loss(made, x, labels))

    value, gradient = eqx.filter_value_and_grad(mean_loss)(made)
    loss = torch.nn.functional.cross_entropy(logits, torch.tensor(labels))
    loss.backward()
    np.testing.assert_allclose(value, loss.item(), rtol=1e-5)
    for layer, twin in zip(gradient.layers, twins, strict=True):
        assert np.any(layer.weight != 0)
        np.testing.assert_allclose(layer.weight.T, twin.weight.grad, rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(layer.bias, twin.bias.grad, rtol=1e-3, atol=1e-5)


class ByHand(torch.autograd.Function):
    """The threshold, with a derivative that is given."""

    @staticmethod
    def forward(ctx, u, derivative):
        ctx.save_for_backward(u)
        ctx.derivative = derivative
        return (u > 0).float()

    @staticmethod
    def backward(ctx, gradient):
        (u,) = ctx.saved_tensors
        return gradient * ctx.derivative(u), None


DERIVATIVES = [
    (FastSigmoid(10), lambda u: 1 / (1 + 10 * u.abs()) ** 2),
    (Arctan(3.0), lambda u: 1.5 / (1 + (np.pi * 1.5 * u) ** 2)),
    (Triangular(2.0), lambda u: torch.clamp(1 - u.abs() / 2, min=0)),
]


def run_by_hand(made, twins, inputs, derivative, reset):
    """Return the outputs of the last layer in every step, its spikes or, where it integrates, its potentials."""
    beta = float(np.exp(-1 / TAU_M))
    integrates = not isinstance(made.readout.neurons, DiscreteLIF)
    v, outputs = [0.0] * len(twins), []
    for s in inputs:
        for i, linear in enumerate(twins):
            v[i] = beta * v[i] + linear(s)
            if integrates and i == len(twins) - 1:
                s = v[i]
                break
            s = ByHand.apply(v[i] - 1, derivative)
            v[i] = v[i] * (1 - s.detach()) if reset is reset_to_zero else v[i] - s.detach()
        outputs.append(s)
    return torch.stack(outputs)


@pytest.mark.parametrize("reset", [reset_to_zero, reset_by_subtraction])
@pytest.mark.parametrize(("ours", "theirs"), DERIVATIVES, ids=["fast sigmoid", "arctan", "triangular"])
def test_a_network_by_hand_agrees(ours, theirs, reset):
    made = model(DiscreteLIF(TAU_M, surrogate=ours, reset=reset))
    twins = linears(made)
    spikes = run_by_hand(made, twins, [torch.tensor(x)] * STEPS, theirs, reset)
    assert 0 < spikes.mean() < 0.9
    np.testing.assert_array_equal(made(x), spikes.sum(0).detach())
    agree(made, twins, spikes.sum(0))


@pytest.mark.parametrize(
    ("readout", "read"), [(mean_potential, lambda v: v.mean(0)), (max_potential, lambda v: v.max(0).values)]
)
def test_readouts_of_the_potential_agree(readout, read):
    made = model(DiscreteLIF(TAU_M, surrogate=DERIVATIVES[1][0]), readout, latency_code, scale=5)
    twins = linears(made)
    inputs = torch.tensor(np.array(latency_code(x, STEPS)))
    logits = read(run_by_hand(made, twins, inputs, DERIVATIVES[1][1], reset_to_zero))
    np.testing.assert_allclose(made(x), logits.detach(), rtol=1e-4, atol=1e-5)
    agree(made, twins, logits)


SNNTORCH = [
    (FastSigmoid(25), surrogate.fast_sigmoid(slope=25)),
    (Arctan(2.0), surrogate.atan(alpha=2.0)),
]


@pytest.mark.parametrize(("ours", "theirs"), SNNTORCH, ids=["fast sigmoid", "arctan"])
def test_snntorch_agrees(ours, theirs):
    made = model(DiscreteLIF(TAU_M, surrogate=ours, reset=reset_to_zero))
    twins = linears(made)
    beta = float(np.exp(-1 / TAU_M))
    neurons = [snn.Leaky(beta, spike_grad=theirs, reset_mechanism="zero", reset_delay=False) for _ in twins]
    v, count = [neuron.reset_mem() for neuron in neurons], 0
    for _ in range(STEPS):
        s = torch.tensor(x)
        for i, (linear, neuron) in enumerate(zip(twins, neurons, strict=True)):
            s, v[i] = neuron(linear(s), v[i])
        count = count + s
    np.testing.assert_array_equal(made(x), count.detach())
    assert 0 < count.mean() < STEPS
