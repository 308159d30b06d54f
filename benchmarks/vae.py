"""Fifty training steps of the variational autoencoder of PyTorch's examples, 784-400-20, on its own terms.

Those are grey pixels, whose cross-entropy is summed; it is no likelihood, so that the library's `Bernoulli` refuses it.
"""

import jax
import numpy as np
import optax
from jaxtyping import Array, ArrayLike, Float

from benchmarks._training import epochs
from benchmarks.harness import Workload
from neuraxis.engine import descent
from neuraxis.functions.losses import bernoulli_cross_entropy_with_logits
from neuraxis.generative import Bernoulli, NegativeELBO, dense_vae

BATCH_SIZE, SIZES = 128, (784, 400, 20)


class GreyCrossEntropy(Bernoulli):
    """−Σ (x ln y + (1 − x) ln(1 − y)) for x from 0 to 1."""

    def log_prob(self, output: ArrayLike, x: ArrayLike) -> Float[Array, "..."]:
        """Return minus the cross-entropy."""
        return -bernoulli_cross_entropy_with_logits(output, x)


def twin(torch):
    """Make the network and the loss of pytorch/examples/vae/main.py."""
    nn, functional = torch.nn, torch.nn.functional

    class Twin(nn.Module):
        def __init__(self):
            super().__init__()
            pixels, hidden, latent = SIZES
            self.hidden, self.mean, self.log_var = (
                nn.Linear(pixels, hidden),
                nn.Linear(hidden, latent),
                nn.Linear(hidden, latent),
            )
            self.spread, self.pixels = nn.Linear(latent, hidden), nn.Linear(hidden, pixels)

        def forward(self, x):
            h = functional.relu(self.hidden(x))
            mean, log_var = self.mean(h), self.log_var(h)
            deviation = torch.exp(0.5 * log_var)
            z = mean + torch.randn_like(deviation) * deviation
            y = torch.sigmoid(self.pixels(functional.relu(self.spread(z))))
            errors = functional.binary_cross_entropy(y, x, reduction="sum")
            return errors - 0.5 * torch.sum(1 + log_var - mean.pow(2) - log_var.exp())

    return Twin()


def workload(quick: bool) -> Workload:
    """Ours is `fit`'s epoch; PyTorch's is the loop of the example, data in memory and no data loader."""
    import torch

    steps = 2 if quick else 50
    x = np.random.default_rng(0).random((steps * BATCH_SIZE, SIZES[0]), np.float32)
    images = torch.from_numpy(x)

    def torch_epoch(**optimizer):
        net = twin(torch)
        adam = torch.optim.Adam(net.parameters(), 1e-3, **optimizer)

        def epoch():
            for index in torch.randperm(len(images)).split(BATCH_SIZE):
                adam.zero_grad()
                net(images[index]).backward()
                adam.step()

        return epoch

    ours = epochs(
        dense_vae(SIZES, key=jax.random.key(0), likelihood=GreyCrossEntropy()),
        descent(NegativeELBO(), optax.adam(1e-3)),
        (x,),
        BATCH_SIZE,
    )
    return Workload(
        title=f"VAE, {steps} training steps, {'-'.join(map(str, SIZES))} and back, batch {BATCH_SIZE}",
        experiment="vae",
        ours=ours,
        peers={"PyTorch, Adam as it comes": torch_epoch(), "PyTorch, Adam(fused=True)": torch_epoch(fused=True)},
        targets={"PyTorch, Adam as it comes": 1.8},
    )
