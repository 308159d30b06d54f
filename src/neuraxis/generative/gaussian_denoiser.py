"""The optimal diffusion network for normally distributed data, in closed form."""

from functools import partial

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, ArrayLike, Float

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.generative.diffusion import Diffusion
from neuraxis.generative.noise_schedule import spread
from neuraxis.generative.parametrisations import target


class GaussianDenoiser(eqx.Module):
    """The prediction with the minimum expected loss for x₀ ~ N(m, C): p E[x₀|x_t] + q E[ε|x_t].

    Since x_t ~ N(a m, a²C + s²I), and x₀, ε and x_t are jointly normal,

        E[x₀|x] = m + a C (a²C + s²I)⁻¹ (x − a m),    E[ε|x] = s (a²C + s²I)⁻¹ (x − a m).

    It can replace the network in `Diffusion` and `Sampler`.

    Args:
        mean: m, (d,).
        covariance: C, (d, d).
        diffusion: diffusion model, which defines a, s, p and q.

    Raises:
        InputError: for shapes other than (d,) and (d, d), or a covariance that is not symmetric and positive definite.
    """

    mean: Float[Array, " d"]
    directions: Float[Array, "d d"]
    """Principal directions, in the columns."""
    variances: Float[Array, " d"]
    """Variances along the directions."""
    diffusion: Diffusion

    def __init__(self, mean: ArrayLike, covariance: ArrayLike, diffusion: Diffusion):
        check.finite(mean=mean, covariance=covariance)
        check.instance(Diffusion, diffusion=diffusion)
        m, C = np.asarray(mean, float), np.asarray(covariance, float)
        if m.ndim != 1 or C.shape != (m.size, m.size):
            raise InputError(
                f"mean and covariance must have shapes (d,) and (d, d), but have shapes {m.shape} and {C.shape}"
            )
        variances, directions = np.linalg.eigh(C)
        if not np.allclose(C, C.T) or variances.min(initial=1.0) <= 0:
            raise InputError("covariance must be symmetric and positive definite, but is not")
        self.mean, self.directions, self.variances = map(jnp.asarray, (m, directions, variances))
        self.diffusion = diffusion

    def __call__(self, x: Float[ArrayLike, "... d"], time: Float[ArrayLike, "..."], label=None, *, key=None) -> Array:
        """Map points (…, d) at times t/T (…) to predictions (…, d)."""
        points = check.floats("x", x)
        check.last_axis(self.mean.size, x=points)
        schedule = self.diffusion.schedule
        t = jnp.round(check.floats("time", time) * schedule.steps).astype(jnp.int32)
        t = jnp.broadcast_to(t, points.shape[:-1])
        a, s = spread(schedule.at(t), points)
        product = partial(jnp.matmul, precision=lax.Precision.HIGHEST)
        away = product(points - a * self.mean, self.directions) / (a * a * self.variances + s * s)
        clean = self.mean + product(a * self.variances * away, self.directions.T)
        noise = product(s * away, self.directions.T)
        return target(spread(self.diffusion.weights_at(t), points), clean, noise)
