"""Thirty training steps of a spiking classifier by surrogate gradients: 784-1000-10, 25 time steps, batch 128, Adam."""

import jax
import numpy as np
import optax

from benchmarks._training import epochs
from benchmarks.harness import Workload
from neuraxis.engine import descent
from neuraxis.feedforward import classification
from neuraxis.neurons import DiscreteLIF, reset_by_subtraction
from neuraxis.spiking import SpikingClassifier

TIME_STEPS, BATCH_SIZE, HIDDEN, TAU_M = 25, 128, 1000, 20.0


def workload(quick: bool) -> Workload:
    """Ours is `fit`'s epoch; all sides take images as a constant current, and snnTorch's loop is its tutorial's.

    The tutorial computes the product with the images in every time step and a loss in each; the other PyTorch side
    computes the product once, and has its threshold written by hand. Each does forward, backward and Adam.
    """
    import snntorch
    import torch

    steps, hidden = (2, 50) if quick else (30, HIDDEN)
    random = np.random.default_rng(0)
    shape = steps * BATCH_SIZE, 784
    x = (random.random(shape) * (random.random(shape) < 0.2)).astype(np.float32)
    labels = random.integers(0, 10, len(x))
    beta = float(np.exp(-1 / TAU_M))
    images, targets = torch.from_numpy(x), torch.from_numpy(labels)

    class Tutorial(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.fc1 = torch.nn.Linear(784, hidden)
            self.lif1 = snntorch.Leaky(beta=beta)
            self.fc2 = torch.nn.Linear(hidden, 10)
            self.lif2 = snntorch.Leaky(beta=beta)

        def forward(self, x):
            mem1, mem2 = self.lif1.reset_mem(), self.lif2.reset_mem()
            recorded_spikes, recorded_potentials = [], []
            for _ in range(TIME_STEPS):
                spikes, mem1 = self.lif1(self.fc1(x), mem1)
                spikes, mem2 = self.lif2(self.fc2(spikes), mem2)
                recorded_spikes.append(spikes)
                recorded_potentials.append(mem2)
            return torch.stack(recorded_spikes), torch.stack(recorded_potentials)

    class Threshold(torch.autograd.Function):
        @staticmethod
        def forward(ctx, u):
            ctx.save_for_backward(u)
            return (u > 0).float()

        @staticmethod
        def backward(ctx, gradient):
            (u,) = ctx.saved_tensors
            return gradient / (1 + (torch.pi * u) ** 2)

    class Hoisted(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.fc1 = torch.nn.Linear(784, hidden)
            self.fc2 = torch.nn.Linear(hidden, 10)

        def forward(self, x):
            current = self.fc1(x)
            mem1, mem2 = torch.zeros_like(current), torch.zeros(len(x), 10)
            count = torch.zeros(len(x), 10)
            for _ in range(TIME_STEPS):
                mem1 = beta * mem1 + current
                spikes = Threshold.apply(mem1 - 1)
                mem1 = mem1 - spikes.detach()
                mem2 = beta * mem2 + self.fc2(spikes)
                spikes = Threshold.apply(mem2 - 1)
                mem2 = mem2 - spikes.detach()
                count = count + spikes
            return count

    cross_entropy = torch.nn.CrossEntropyLoss()

    def torch_epoch(net, loss):
        adam = torch.optim.Adam(net.parameters(), lr=5e-4, betas=(0.9, 0.999))

        def epoch():
            for index in torch.randperm(len(images)).split(BATCH_SIZE):
                value = loss(net(images[index]), targets[index])
                adam.zero_grad()
                value.backward()
                adam.step()

        return epoch

    def tutorial_loss(outputs, targets):
        _, potentials = outputs
        value = torch.zeros(1)
        for potential in potentials:
            value = value + cross_entropy(potential, targets)
        return value

    neurons = DiscreteLIF(tau_m=TAU_M, reset=reset_by_subtraction)
    model = SpikingClassifier((784, hidden, 10), key=jax.random.key(0), neurons=neurons, steps=TIME_STEPS)
    data = x, labels.astype(np.int32)

    size = f"784-{hidden}-10, {TIME_STEPS} time steps, batch {BATCH_SIZE}"
    return Workload(
        title=f"spiking classifier, {steps} training steps of {size}",
        experiment="spiking-classifier",
        ours=epochs(model, descent(classification.loss, optax.adam(5e-4)), data, BATCH_SIZE),
        peers={
            "snnTorch, as in its tutorial": torch_epoch(Tutorial(), tutorial_loss),
            "PyTorch, first product hoisted": torch_epoch(Hoisted(), cross_entropy),
        },
        targets={"snnTorch, as in its tutorial": 8.0, "PyTorch, first product hoisted": 2.0},
    )
