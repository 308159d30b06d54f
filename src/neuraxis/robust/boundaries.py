"""Linear approximations of the decision boundaries between classes."""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from neuraxis.robust.attack import Problem, along, logits_of
from neuraxis.robust.threat_models import ThreatModel


def rivals(problem: Problem, count: int) -> Int[Array, "N rival"]:
    """Return the classes whose boundary with the label may be crossed: the target, or the most likely classes."""
    if problem.targets is not None:
        return problem.targets[:, None]
    logits = logits_of(problem.model, problem.x)
    own = jnp.arange(logits.shape[-1]) == problem.labels[:, None]
    # `count` includes the label.
    return lax.top_k(jnp.where(own, -jnp.inf, logits), min(count, logits.shape[-1]) - 1)[1]


def differences(
    problem: Problem, x: Float[Array, "N ..."], others: Int[Array, "N rival"]
) -> tuple[Float[Array, "N rival"], Float[Array, "rival N ..."]]:
    """Return f_k = z_k − z_label for each rival k, and its gradient with respect to x."""

    def values(x):
        logits = logits_of(problem.model, x)
        return jnp.take_along_axis(logits, others, -1) - jnp.take_along_axis(logits, problem.labels[:, None], -1)

    f, back = jax.vjp(values, x)
    one = jnp.eye(others.shape[-1], dtype=f.dtype)
    slopes = jax.vmap(lambda row: back(jnp.broadcast_to(row, f.shape))[0])(one)
    return f, slopes


def nearest(
    threat: ThreatModel, f: Float[Array, "N rival"], slopes: Float[Array, "rival N ..."]
) -> tuple[Float[Array, " N"], Float[Array, "N ..."]]:
    """Return f_k and its gradient for the rival k with the nearest boundary, of smallest |f_k|/‖∇f_k‖_*."""
    sizes = jax.vmap(threat.dual_norm)(slopes).T
    rival = jnp.argmin(jnp.abs(f) / (sizes + 1e-12), axis=-1)
    chosen = jnp.take_along_axis(slopes, along(rival, slopes[0])[None], axis=0)[0]
    return jnp.take_along_axis(f, rival[:, None], axis=-1)[:, 0], chosen
