"""Training steps of a GAN for points in the plane, the relativistic game with gradient penalties, by Adam."""

import itertools

import jax
import numpy as np
import optax

from benchmarks._training import epochs
from benchmarks.harness import Workload
from neuraxis.generative import adversarial, dense_gan, relativistic

BATCH_SIZE, HIDDEN, LATENT, PENALTY = 256, (128, 128, 128, 128), 2, 0.2


def workload(quick: bool) -> Workload:
    """Ours is `fit`'s epoch; PyTorch's is a loop with `torch.autograd.grad` for the penalties, data in memory."""
    import torch

    nn, steps = torch.nn, 2 if quick else 100
    x = np.random.default_rng(0).normal(size=(steps * BATCH_SIZE, 2)).astype(np.float32)
    points = torch.from_numpy(x)
    softplus = nn.functional.softplus

    def network(*sizes):
        layers = [[nn.Linear(i, o), nn.ReLU()] for i, o in itertools.pairwise(sizes)]
        return nn.Sequential(*[part for layer in layers for part in layer][:-1])

    def torch_epoch(**optimizer):
        generator, discriminator = network(LATENT, *HIDDEN, 2), network(2, *HIDDEN, 1)
        for_generator, for_discriminator = (
            torch.optim.Adam(net.parameters(), 1e-3, betas=(0.0, 0.99), **optimizer)
            for net in (generator, discriminator)
        )

        def judge(x):
            x = x.detach().requires_grad_()
            logits = discriminator(x)
            (slope,) = torch.autograd.grad(logits.sum(), x, create_graph=True)
            return logits, slope.square().sum(1).mean()

        def epoch():
            for index in torch.randperm(len(points)).split(BATCH_SIZE):
                real, fake = points[index], generator(torch.randn(BATCH_SIZE, LATENT))
                (of_real, steep), (of_fake, steep_too) = judge(real), judge(fake)
                loss = softplus(of_fake - of_real).mean() + PENALTY / 2 * (steep + steep_too)
                for_discriminator.zero_grad()
                loss.backward()
                for_discriminator.step()
                with torch.no_grad():
                    of_real = discriminator(real)
                cost = softplus(of_real - discriminator(fake)).mean()
                for_generator.zero_grad()
                cost.backward()
                for_generator.step()

        return epoch

    adam = optax.adam(1e-3, b1=0.0, b2=0.99)
    ours = epochs(
        dense_gan(2, HIDDEN, LATENT, key=jax.random.key(0)),
        adversarial(relativistic, adam, adam, r1=PENALTY, r2=PENALTY),
        (x,),
        BATCH_SIZE,
    )
    return Workload(
        title=f"GAN of points with gradient penalties, {steps} training steps, four layers of 128, batch {BATCH_SIZE}",
        experiment="gan",
        ours=ours,
        peers={"PyTorch, Adam as it comes": torch_epoch(), "PyTorch, Adam(fused=True)": torch_epoch(fused=True)},
        targets={"PyTorch, Adam as it comes": 1.2},
    )
