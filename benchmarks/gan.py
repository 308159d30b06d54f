"""Training steps of a GAN for images of 28×28, as the DCGAN example plays it, by Adam."""

import jax
import numpy as np
import optax

from benchmarks._training import epochs
from benchmarks.harness import Workload
from neuraxis.generative import adversarial, convolutional_gan, cross_entropy

BATCH_SIZE, CHANNELS, LATENT = 64, (32, 64), 64
SMALL = 7  # places of the smallest layer along each side


def workload(quick: bool) -> Workload:
    """Ours is `fit`'s epoch; PyTorch's is the loop of its DCGAN example in channels_last, its fastest layout.

    The networks are those of the experiment on both sides: upsampling with 3×3 convolutions in the generator, a
    convolution with stride 2, one with pooling and a linear layer in the discriminator.
    """
    import torch

    nn, steps = torch.nn, 2 if quick else 20
    x = np.random.default_rng(0).random((steps * BATCH_SIZE, 28, 28, 1), np.float32)
    images = torch.from_numpy(x).permute(0, 3, 1, 2)
    first, second = CHANNELS

    def torch_epoch(**optimizer):
        up = nn.Upsample(scale_factor=2)
        convolve = lambda i, o, **how: nn.Conv2d(i, o, 3, padding=1, **how)
        generator = nn.Sequential(
            nn.Linear(LATENT, second * SMALL**2),
            nn.Unflatten(1, (second, SMALL, SMALL)),
            *(nn.LeakyReLU(), up, convolve(second, first)),
            *(nn.LeakyReLU(), up, convolve(first, 1), nn.Sigmoid()),
        )
        discriminator = nn.Sequential(
            *(convolve(1, first, stride=2), nn.LeakyReLU()),
            *(convolve(first, second), nn.LeakyReLU(), nn.AvgPool2d(2)),
            *(nn.Flatten(), nn.Linear(second * SMALL**2, 1)),
        )
        networks = [net.to(memory_format=torch.channels_last) for net in (generator, discriminator)]
        for_generator, for_discriminator = (
            torch.optim.Adam(net.parameters(), 2e-4, betas=(0.5, 0.999), **optimizer) for net in networks
        )
        of = nn.functional.binary_cross_entropy_with_logits
        ones, zeros = torch.ones(BATCH_SIZE, 1), torch.zeros(BATCH_SIZE, 1)

        def epoch():
            for index in torch.randperm(len(images)).split(BATCH_SIZE):
                real = images[index].contiguous(memory_format=torch.channels_last)
                fake = generator(torch.randn(BATCH_SIZE, LATENT))
                loss = of(discriminator(real), ones) + of(discriminator(fake.detach()), zeros)
                for_discriminator.zero_grad()
                loss.backward()
                for_discriminator.step()
                cost = of(discriminator(fake), ones)
                for_generator.zero_grad()
                cost.backward()
                for_generator.step()

        return epoch

    adam = optax.adam(2e-4, b1=0.5)
    ours = epochs(
        convolutional_gan((28, 28, 1), CHANNELS, LATENT, key=jax.random.key(0)),
        adversarial(cross_entropy, adam, adam),
        (x,),
        BATCH_SIZE,
    )
    return Workload(
        title=f"Convolutional GAN, {steps} training steps, channels {first} and {second}, batch {BATCH_SIZE}",
        experiment="gan",
        ours=ours,
        peers={
            "PyTorch, channels_last": torch_epoch(),
            "PyTorch, channels_last, Adam(fused=True)": torch_epoch(fused=True),
        },
        targets={"PyTorch, channels_last": 1.2},
    )
