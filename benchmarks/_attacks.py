"""An attack of ours and torchattacks' on a convolutional network with the same weights."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.harness import Workload
from neuraxis.feedforward import CNN
from neuraxis.robust import LInf

CHANNELS, HIDDEN, EPSILON = (32, 64), 128, 0.1


def attack(title: str, ours: Callable[[LInf], Any], theirs: Callable[[Any, Any], Any], images: int) -> Workload:
    """Attack images of 28×28, all of which the network classifies as labelled.

    The peer runs as it comes, in PyTorch's layout of images, and in channels_last, which its convolutions run fastest.
    """
    import torch
    import torchattacks

    from benchmarks._torch_cnn import TorchCNN

    net = CNN((28, 28, 1), CHANNELS, (HIDDEN,), 10, key=jax.random.key(0))
    x = jax.random.uniform(jax.random.key(1), (images, 28, 28, 1))
    labels = jnp.argmax(net(x), axis=-1)
    made, key = ours(LInf(EPSILON, low=0.0, high=1.0)), jax.random.key(2)
    targets = torch.tensor(np.array(labels)).long()
    batch = torch.tensor(np.array(x)).permute(0, 3, 1, 2).contiguous()

    def peer(layout):
        twin, moved = TorchCNN(net).to(memory_format=layout), batch.contiguous(memory_format=layout)
        found = theirs(torchattacks, twin)
        return lambda: found(moved, targets)

    return Workload(
        title=f"{title} on {images} images of 28×28, CNN of {CHANNELS[0]} and {CHANNELS[1]} kernels",
        experiment="adversarial-attack",
        ours=lambda: made(net, x, labels, key=key).block_until_ready(),
        peers={
            "torchattacks": peer(torch.contiguous_format),
            "torchattacks, channels_last": peer(torch.channels_last),
        },
        targets={"torchattacks": 1.2, "torchattacks, channels_last": 1.2},
    )
