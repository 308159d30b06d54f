"""The layer of minGRU-pytorch and ours, with the same weights and the same positive activation of the candidate."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.harness import Workload
from neuraxis.functions import logistic
from neuraxis.recurrent import MinGRU

BATCH, WIDTH = 16, 128


def positive(x: jax.Array) -> jax.Array:
    """Return the peer's activation, which keeps its states positive, so that they have logarithms: x + ½, or σ(x)."""
    return jnp.where(x >= 0, x + 0.5, logistic(x))


def twins(width: int):
    """Make ours and the peer's layer with the same weights."""
    from minGRU_pytorch import minGRU

    theirs = minGRU(width)
    candidate, gate = np.split(theirs.to_hidden_and_gate.weight.detach().numpy().T, 2, axis=1)
    ours = MinGRU(width, width, key=jax.random.key(0), activation=positive)
    weights = tuple(jnp.array(w) for w in (candidate, gate))
    return eqx.tree_at(lambda m: (m.candidate.weight, m.gate.weight), ours, weights), theirs


def layer(steps: int, target: float | None = None) -> Workload:
    """Loss Σ c·h with a fixed c; gradients of the weights and the inputs. First both sides' results are compared."""
    import torch

    random = np.random.default_rng(0)
    x, c = (random.normal(size=(BATCH, steps, WIDTH)).astype(np.float32) for _ in range(2))
    model, theirs = twins(WIDTH)
    their_x, their_c = torch.tensor(x, requires_grad=True), torch.tensor(c)

    arrays, static = eqx.partition(model, eqx.is_array)
    step = jax.jit(jax.value_and_grad(lambda both, c: jnp.sum(eqx.combine(both[0], static)(both[1]) * c)))
    mine = (arrays, jnp.asarray(x)), jnp.asarray(c)

    def ours():
        return jax.block_until_ready(step(*mine))

    def peer():
        theirs.zero_grad()
        their_x.grad = None
        (theirs(their_x) * their_c).sum().backward()

    _, (_, dx) = ours()
    peer()
    # Within what the sums of logarithms lose in single precision: at 4096 steps 0.005, where ours is within 1e-6.
    np.testing.assert_allclose(dx, their_x.grad.numpy(), atol=0.02)
    return Workload(
        title=f"minGRU, batch {BATCH}, {steps} steps, width {WIDTH}, forwards and backwards",
        experiment="min-gru",
        ours=ours,
        peers={"minGRU-pytorch": peer},
        targets={} if target is None else {"minGRU-pytorch": target},
    )
