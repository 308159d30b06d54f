"""One training step of a spiking classifier by surrogate gradients: 784-1000-10, 25 time steps, batch of 128, Adam."""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks.harness import Workload
from neuraxis.feedforward import DiscreteLIF, SpikingClassifier, classification, reset_by_subtraction

STEPS, BATCH_SIZE, HIDDEN, TAU_M = 25, 128, 1000, 20.0


def workload(quick: bool) -> Workload:
    """All sides take the same images as a constant current and count spikes; snnTorch's loop is its tutorial's.

    The tutorial computes the product with the images in every time step and a loss in each; the other PyTorch side
    computes the product once, and has its threshold written by hand. Each does forward, backward and Adam.
    """
    import snntorch
    import torch

    hidden = 50 if quick else HIDDEN
    random = np.random.default_rng(0)
    x = (random.random((BATCH_SIZE, 784)) * (random.random((BATCH_SIZE, 784)) < 0.2)).astype(np.float32)
    labels = random.integers(0, 10, BATCH_SIZE)
    beta = float(np.exp(-1 / TAU_M))
    tensors = torch.from_numpy(x), torch.from_numpy(labels)

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
            for _ in range(STEPS):
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
            for _ in range(STEPS):
                mem1 = beta * mem1 + current
                spikes = Threshold.apply(mem1 - 1)
                mem1 = mem1 - spikes.detach()
                mem2 = beta * mem2 + self.fc2(spikes)
                spikes = Threshold.apply(mem2 - 1)
                mem2 = mem2 - spikes.detach()
                count = count + spikes
            return count

    cross_entropy = torch.nn.CrossEntropyLoss()

    def torch_step(net, loss):
        optimizer = torch.optim.Adam(net.parameters(), lr=5e-4, betas=(0.9, 0.999))

        def step():
            value = loss(net(tensors[0]))
            optimizer.zero_grad()
            value.backward()
            optimizer.step()

        return step

    def tutorial_loss(outputs):
        _, potentials = outputs
        value = torch.zeros(1)
        for potential in potentials:
            value = value + cross_entropy(potential, tensors[1])
        return value

    neurons = DiscreteLIF(tau_m=TAU_M, reset=reset_by_subtraction)
    model = SpikingClassifier((784, hidden, 10), key=jax.random.key(0), neurons=neurons, steps=STEPS)
    parameters, static = eqx.partition(model, eqx.is_inexact_array)
    optimizer = optax.adam(5e-4)
    images, classes = jnp.asarray(x), jnp.asarray(labels)

    def mean_loss(parameters):
        return jnp.mean(classification.loss(eqx.combine(parameters, static), images, classes))

    @partial(jax.jit, donate_argnums=0)
    def step(position):
        parameters, state = position
        updates, state = optimizer.update(jax.grad(mean_loss)(parameters), state)
        return optax.apply_updates(parameters, updates), state

    position = parameters, optimizer.init(parameters)

    def ours():
        nonlocal position
        position = jax.block_until_ready(step(position))

    return Workload(
        title=f"spiking classifier, one step of 784-{hidden}-10, {STEPS} time steps, batch {BATCH_SIZE}",
        ours=ours,
        peers={
            "snnTorch, as in its tutorial": torch_step(Tutorial(), tutorial_loss),
            "PyTorch, first product hoisted": torch_step(Hoisted(), lambda count: cross_entropy(count, tensors[1])),
        },
        targets={"snnTorch, as in its tutorial": 8.0, "PyTorch, first product hoisted": 2.0},
    )
