"""One epoch of a multilayer perceptron on 60 000 images of 28×28, by Adam."""

import jax
import numpy as np
import optax

from benchmarks._training import epochs
from benchmarks.harness import Workload
from neuraxis.engine import descent
from neuraxis.feedforward import MLP, classification

BATCH_SIZE, HIDDEN = 128, 512


def workload(quick: bool) -> Workload:
    """Ours is `fit`'s epoch; PyTorch's is the loop of its tutorials, data in memory and no data loader."""
    import torch

    images = 1280 if quick else 60_000
    random = np.random.default_rng(0)
    x = random.random((images, 784), np.float32)
    labels = random.integers(0, 10, images)
    net = torch.nn.Sequential(
        torch.nn.Linear(784, HIDDEN),
        torch.nn.ReLU(),
        torch.nn.Linear(HIDDEN, HIDDEN),
        torch.nn.ReLU(),
        torch.nn.Linear(HIDDEN, 10),
    )
    tensors = torch.from_numpy(x), torch.from_numpy(labels)

    def torch_epoch(optimizer):
        def epoch():
            for index in torch.randperm(images).split(BATCH_SIZE):
                loss = torch.nn.functional.cross_entropy(net(tensors[0][index]), tensors[1][index])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()

        return epoch

    ours = epochs(
        MLP((784, HIDDEN, HIDDEN, 10), key=jax.random.key(0)),
        descent(classification.loss, optax.adam(1e-3)),
        (x, labels.astype(np.int32)),
        BATCH_SIZE,
    )
    return Workload(
        title=f"MLP epoch, 784-{HIDDEN}-{HIDDEN}-10, batch {BATCH_SIZE}",
        experiment="mlp",
        ours=ours,
        peers={
            "PyTorch, Adam as it comes": torch_epoch(torch.optim.Adam(net.parameters(), 1e-3)),
            "PyTorch, Adam(fused=True)": torch_epoch(torch.optim.Adam(net.parameters(), 1e-3, fused=True)),
        },
        targets={"PyTorch, Adam as it comes": 1.5},
    )
