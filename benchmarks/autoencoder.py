"""Fifty training steps of an autoencoder on images of 28×28, by Adam."""

import itertools

import jax
import numpy as np
import optax

from benchmarks._training import epochs
from benchmarks.harness import Workload
from neuraxis.engine import descent
from neuraxis.generative import Autoencoder
from neuraxis.generative.reconstruction import bernoulli_cross_entropy

BATCH_SIZE, SIZES = 128, (784, 256, 64, 16)


def workload(quick: bool) -> Workload:
    """Ours is `fit`'s epoch; PyTorch's is the loop of its tutorials, data in memory and no data loader."""
    import torch

    nn, steps = torch.nn, 2 if quick else 50
    x = np.random.default_rng(0).random((steps * BATCH_SIZE, SIZES[0]), np.float32)
    images = torch.from_numpy(x)

    def half(sizes):
        layers = [[nn.Linear(i, o), nn.ReLU()] for i, o in itertools.pairwise(sizes)]
        return [part for layer in layers for part in layer][:-1]

    def torch_epoch(**optimizer):
        net = nn.Sequential(*half(SIZES), *half(SIZES[::-1]))
        adam = torch.optim.Adam(net.parameters(), 1e-3, **optimizer)

        def epoch():
            for index in torch.randperm(len(images)).split(BATCH_SIZE):
                batch = images[index]
                errors = nn.functional.binary_cross_entropy_with_logits(net(batch), batch, reduction="none")
                adam.zero_grad()
                errors.sum(1).mean().backward()
                adam.step()

        return epoch

    ours = epochs(
        Autoencoder(SIZES, key=jax.random.key(0)),
        descent(bernoulli_cross_entropy, optax.adam(1e-3)),
        (x,),
        BATCH_SIZE,
    )
    return Workload(
        title=f"Autoencoder, {steps} training steps, {'-'.join(map(str, SIZES))} and back, batch {BATCH_SIZE}",
        experiment="autoencoder",
        ours=ours,
        peers={"PyTorch, Adam as it comes": torch_epoch(), "PyTorch, Adam(fused=True)": torch_epoch(fused=True)},
        targets={"PyTorch, Adam as it comes": 1.5},
    )
