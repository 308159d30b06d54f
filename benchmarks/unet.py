"""Training steps of a U-Net for diffusion, on images of 28×28, by Adam."""

import jax
import numpy as np
import optax

from benchmarks._torch_unet import torch_unet
from benchmarks._training import epochs
from benchmarks.harness import Workload
from neuraxis.engine import descent
from neuraxis.generative import Diffusion, UNet, V, cosine

BATCH_SIZE, WIDTH, MULTIPLIERS = 32, 32, (1, 2, 4)


def workload(quick: bool) -> Workload:
    """Ours is `fit`'s epoch; PyTorch's is its usual loop in channels_last, with the same loss on v."""
    import torch

    steps = 2 if quick else 5
    x = np.random.default_rng(0).uniform(-1, 1, (steps * BATCH_SIZE, 28, 28, 1)).astype(np.float32)
    diffusion = Diffusion(cosine(1000), V())
    ours = epochs(
        UNet(1, WIDTH, MULTIPLIERS, key=jax.random.key(0)),
        descent(diffusion.loss, optax.adam(1e-3)),
        (x,),
        BATCH_SIZE,
    )
    images = torch.from_numpy(x).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
    net = torch_unet(1, WIDTH, MULTIPLIERS)
    adam = torch.optim.Adam(net.parameters(), 1e-3)
    signal, noise_level = (torch.tensor(np.asarray(table)) for table in diffusion.schedule.at(np.arange(1001)))

    def epoch():
        for index in torch.randperm(len(images)).split(BATCH_SIZE):
            batch = images[index].contiguous(memory_format=torch.channels_last)
            t, noise = torch.randint(1, 1001, (len(batch),)), torch.randn_like(batch)
            a, s = signal[t][:, None, None, None], noise_level[t][:, None, None, None]
            loss = torch.mean((net(a * batch + s * noise, t / 1000) - (a * noise - s * batch)) ** 2)
            adam.zero_grad()
            loss.backward()
            adam.step()

    return Workload(
        title=f"U-Net, {steps} training steps, {WIDTH} channels, 28×28, batch {BATCH_SIZE}",
        experiment="diffusion",
        ours=ours,
        peers={"PyTorch, channels_last": epoch},
        targets={"PyTorch, channels_last": 1.0},
    )
