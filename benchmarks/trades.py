"""Training steps of TRADES on a small convolutional network, with ten inner steps each."""

import jax
import numpy as np
import optax

from benchmarks._training import epochs
from benchmarks.harness import Workload
from neuraxis.engine import descent
from neuraxis.feedforward import CNN
from neuraxis.robust import TRADES, LInf

BATCH_SIZE, CHANNELS, HIDDEN = 128, (16, 32), 64
EPSILON, BETA, INNER = 0.3, 6.0, 10


def workload(quick: bool) -> Workload:
    """Both do what algorithm 1 of the paper does; PyTorch's is the loop of its code, in channels_last.

    The network has two 3×3 convolutions, each with pooling, and two dense layers. The paper's code predicts the natural
    images anew in every inner step; the peer does it once, as ours.
    """
    import torch

    nn, functional = torch.nn, torch.nn.functional
    steps = 2 if quick else 5
    random = np.random.default_rng(0)
    x = random.random((steps * BATCH_SIZE, 28, 28, 1), np.float32)
    labels = random.integers(0, 10, len(x))
    ours = epochs(
        CNN((28, 28, 1), CHANNELS, (HIDDEN,), 10, key=jax.random.key(0)),
        descent(TRADES(LInf(EPSILON, low=0.0, high=1.0), BETA, INNER, 0.25), optax.adam(1e-3)),
        (x, labels.astype(np.int32)),
        BATCH_SIZE,
    )
    images = torch.from_numpy(x).permute(0, 3, 1, 2)
    targets = torch.from_numpy(labels)
    first, second = CHANNELS
    net = nn.Sequential(
        *(nn.Conv2d(1, first, 3, padding=1), nn.MaxPool2d(2), nn.ReLU()),
        *(nn.Conv2d(first, second, 3, padding=1), nn.MaxPool2d(2), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(7 * 7 * second, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 10)),
    ).to(memory_format=torch.channels_last)
    adam = torch.optim.Adam(net.parameters(), 1e-3)

    def worst(batch):
        net.eval()
        with torch.no_grad():
            natural = functional.softmax(net(batch), dim=1)
        moved = batch + 0.001 * torch.randn_like(batch)
        for _ in range(INNER):
            moved.requires_grad_()
            apart = functional.kl_div(functional.log_softmax(net(moved), dim=1), natural, reduction="sum")
            (slope,) = torch.autograd.grad(apart, moved)
            moved = moved.detach() + 0.25 * EPSILON * slope.sign()
            moved = torch.clamp(torch.min(torch.max(moved, batch - EPSILON), batch + EPSILON), 0.0, 1.0)
        net.train()
        return moved

    def torch_epoch():
        for index in torch.randperm(len(images)).split(BATCH_SIZE):
            batch = images[index].contiguous(memory_format=torch.channels_last)
            moved, logits = worst(batch), net(batch)
            apart = functional.kl_div(
                functional.log_softmax(net(moved), dim=1), functional.softmax(logits, dim=1), reduction="batchmean"
            )
            loss = functional.cross_entropy(logits, targets[index]) + BETA * apart
            adam.zero_grad()
            loss.backward()
            adam.step()

    return Workload(
        title=f"TRADES, {steps} training steps with {INNER} inner ones, two 3×3 convolutions of {first} and {second} "
        f"kernels, batch {BATCH_SIZE}",
        experiment="trades",
        ours=ours,
        peers={"PyTorch, channels_last": torch_epoch},
        targets={"PyTorch, channels_last": 1.0},
    )
