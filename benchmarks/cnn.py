"""Thirty training steps of a convolutional network on images of 28×28, by Adam."""

import itertools

import jax
import numpy as np
import optax

from benchmarks._training import epochs
from benchmarks.harness import Workload
from neuraxis.engine import descent
from neuraxis.feedforward import CNN, classification

BATCH_SIZE, CHANNELS, HIDDEN = 128, (32, 64), 128


def workload(quick: bool) -> Workload:
    """Ours is `fit`'s epoch; PyTorch's is the loop of its tutorials in channels_last, the layout that it runs fastest.

    The network is that of the experiment, without dropout: two 3×3 convolutions, each with pooling, and two dense
    layers. PyTorch applies ReLU before pooling, as its tutorials do, or after it, as we do.
    """
    import torch

    steps = 2 if quick else 30
    random = np.random.default_rng(0)
    x = random.random((steps * BATCH_SIZE, 28, 28, 1), np.float32)
    labels = random.integers(0, 10, len(x))
    ours = epochs(
        CNN((28, 28, 1), CHANNELS, (HIDDEN,), 10, key=jax.random.key(0)),
        descent(classification.loss, optax.adam(1e-3)),
        (x, labels.astype(np.int32)),
        BATCH_SIZE,
    )
    images = torch.from_numpy(x).permute(0, 3, 1, 2)
    targets = torch.from_numpy(labels)

    def torch_epoch(pool_first: bool, **optimizer):
        nn, layers = torch.nn, []
        for i, o in itertools.pairwise((1, *CHANNELS)):
            after = [nn.MaxPool2d(2), nn.ReLU()] if pool_first else [nn.ReLU(), nn.MaxPool2d(2)]
            layers += [nn.Conv2d(i, o, 3, padding=1), *after]
        layers += [nn.Flatten(), nn.Linear(7 * 7 * CHANNELS[-1], HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 10)]
        net = nn.Sequential(*layers).to(memory_format=torch.channels_last)
        adam = torch.optim.Adam(net.parameters(), 1e-3, **optimizer)

        def epoch():
            for index in torch.randperm(len(images)).split(BATCH_SIZE):
                batch = images[index].contiguous(memory_format=torch.channels_last)
                loss = nn.functional.cross_entropy(net(batch), targets[index])
                adam.zero_grad()
                loss.backward()
                adam.step()

        return epoch

    return Workload(
        title=f"CNN, {steps} training steps, two 3×3 convolutions of 32 and 64 kernels, batch {BATCH_SIZE}",
        experiment="cnn",
        ours=ours,
        peers={
            "PyTorch, channels_last": torch_epoch(pool_first=False),
            "PyTorch, channels_last, pooling before ReLU, Adam(fused=True)": torch_epoch(pool_first=True, fused=True),
        },
        targets={"PyTorch, channels_last": 1.0},
    )
