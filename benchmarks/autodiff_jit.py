"""Gradients of a multilayer perceptron by the tape under `jax.jit`, where it unrolls while JAX traces it."""

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.harness import Workload
from neuraxis.autodiff import Network, cross_entropy, value_and_grad
from neuraxis.autodiff.network import forward

SIZES, BATCH_SIZE = (784, 512, 512, 10), 128


def workload(quick: bool) -> Workload:
    """Against `jax.value_and_grad` of the same network; both results are compared before anything is timed."""
    repeats = 2 if quick else 20
    net = Network(SIZES, key=jax.random.key(0))
    layers = jax.device_put([(W.val, b.val) for W, b in net.layers])
    x = jax.random.uniform(jax.random.key(1), (BATCH_SIZE, SIZES[0]))
    t = jnp.eye(SIZES[-1])[jnp.arange(BATCH_SIZE) % SIZES[-1]]

    def tape_loss(layers, x, t):
        return cross_entropy(forward(layers, x), t)

    def jax_loss(layers, x, t):
        return -jnp.sum(jax.nn.log_softmax(forward(layers, x, jax.nn.relu)) * t) / len(x)

    def side(step):
        def run():
            for _ in range(repeats):
                result = jax.block_until_ready(step(layers, x, t))
            return result

        return run

    ours, peer = side(jax.jit(value_and_grad(tape_loss))), side(jax.jit(jax.value_and_grad(jax_loss)))
    for mine, theirs in zip(jax.tree.leaves(ours()), jax.tree.leaves(peer()), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-6)
    title = f"MLP {'-'.join(map(str, SIZES))}, gradient of a batch of {BATCH_SIZE}, {repeats} times, jitted"
    return Workload(title, "autodiff", ours, peers={"jax.grad": peer}, targets={"jax.grad": 0.95})
