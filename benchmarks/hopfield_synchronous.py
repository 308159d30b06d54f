"""Ten synchronous updates of a Hopfield network of 2000 neurons, in float32."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from benchmarks.harness import Workload
from neuraxis.energy.hopfield import Hopfield

_UPDATES = 10


def workload(quick: bool) -> Workload:
    """Against the same product and sign in NumPy."""
    size = 200 if quick else 2000
    random = np.random.default_rng(0)
    patterns = random.choice([-1, 1], (size // 10 + 1, size)).astype(np.float32)
    network = Hopfield.store(patterns)
    weights = np.asarray(network.weights)
    state = (patterns[0] * np.where(random.random(size) < 0.2, -1, 1)).astype(np.float32)

    @jax.jit
    def update(x):
        return lax.fori_loop(0, _UPDATES, lambda _, x: network.synchronous_step(x), x)

    def numpy():
        x = state
        for _ in range(_UPDATES):
            field = x @ weights
            x = np.where(field == 0, x, np.sign(field))
        return x

    start = jnp.asarray(state)
    if not np.array_equal(update(start), numpy()):
        raise AssertionError("NumPy ends in another state than neuraxis")
    return Workload(
        title=f"Hopfield, {_UPDATES} synchronous updates, {size} neurons",
        experiment="hopfield",
        ours=lambda: jax.block_until_ready(update(start)),
        peers={"NumPy": numpy},
    )
