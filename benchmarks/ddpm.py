"""Drawing 16 images of 28×28 by DDPM from a U-Net."""

import jax
import numpy as np

from benchmarks._torch_unet import torch_unet
from benchmarks.harness import Workload
from neuraxis.generative import Diffusion, Sampler, UNet, V, cosine, ddpm

COUNT, WIDTH, MULTIPLIERS = 16, 32, (1, 2, 4)


def workload(quick: bool) -> Workload:
    """Ours is `Sampler.sample`; PyTorch's is the loop of the paper in channels_last, with the same coefficients."""
    import torch

    steps = 2 if quick else 20
    diffusion = Diffusion(cosine(steps), V())
    sampler = Sampler(UNet(1, WIDTH, MULTIPLIERS, key=jax.random.key(0)), diffusion, ddpm, shape=(28, 28, 1))
    times = np.arange(1, steps + 1)
    a, s = (np.asarray(table) for table in diffusion.schedule.at(times))
    q = [np.asarray(table) for table in diffusion.schedule.posterior(times, times - 1)]
    net = torch_unet(1, WIDTH, MULTIPLIERS).eval()

    def ours():
        return jax.block_until_ready(sampler.sample(COUNT, key=jax.random.key(0)))

    def theirs():
        with torch.inference_mode():
            x = torch.randn(COUNT, 1, 28, 28).contiguous(memory_format=torch.channels_last)
            for i in reversed(range(steps)):
                prediction = net(x, torch.full((COUNT,), (i + 1) / steps))
                clean = float(a[i]) * x - float(s[i]) * prediction
                x = float(q[0][i]) * x + float(q[1][i]) * clean + float(q[2][i]) ** 0.5 * torch.randn_like(x)
            return x

    return Workload(
        title=f"DDPM, {COUNT} images of 28×28 in {steps} steps, U-Net of {WIDTH} channels",
        experiment="diffusion",
        ours=ours,
        peers={"PyTorch, channels_last": theirs},
        targets={"PyTorch, channels_last": 1.0},
    )
