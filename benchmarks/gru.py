"""A gated recurrent unit forwards and backwards through time."""

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.harness import Workload
from neuraxis.recurrent import GRU

BATCH, IN, HIDDEN = 64, 128, 128


def workload(quick: bool) -> Workload:
    """Ours is `GRU` under `jax.grad`, PyTorch's `torch.nn.GRU`, whose reset is applied after the product.

    Both give Σ h² over all steps and its gradient by the weights, of inputs that are at hand.
    """
    import torch

    steps = 10 if quick else 100
    x = np.random.default_rng(0).normal(size=(BATCH, steps, IN)).astype(np.float32)
    model = GRU(IN, HIDDEN, key=jax.random.key(0))
    gradient = jax.jit(jax.value_and_grad(lambda model, x: jnp.sum(model(x) ** 2)))
    inputs = jnp.asarray(x)

    net = torch.nn.GRU(IN, HIDDEN, batch_first=True)
    tensor = torch.from_numpy(x.copy())

    def pytorch() -> None:
        net.zero_grad()
        (net(tensor)[0] ** 2).sum().backward()

    return Workload(
        title=f"GRU forwards and backwards, {steps} steps, batch {BATCH}, {IN} inputs, {HIDDEN} hidden",
        experiment="gru",
        ours=lambda: jax.block_until_ready(gradient(model, inputs)),
        peers={"torch.nn.GRU": pytorch},
        targets={"torch.nn.GRU": 1.6},
    )
