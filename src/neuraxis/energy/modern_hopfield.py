"""The modern Hopfield network, whose update is attention.

H. Ramsauer et al., Hopfield networks is all you need, ICLR 2021; D. Krotov and J. J. Hopfield, Dense associative memory
for pattern recognition, NeurIPS 2016.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, ArrayLike, Float

from neuraxis import check
from neuraxis.energy.hopfield import at_least_single
from neuraxis.errors import InputError
from neuraxis.functions.activations import softmax


class ModernHopfield(eqx.Module):
    """A memory of M real patterns, the rows of X (M, N), with the energy of a state ξ

        E(ξ) = −β⁻¹ ln Σ_m e^{β x_m·ξ} + ½ ξξᵀ + β⁻¹ ln M + ½ max_m ‖x_m‖²  ≥ 0,

    and the update ξ ← softmax(β ξXᵀ) X, which is attention with the patterns as keys and values. As ∇E = ξ −
    softmax(β ξXᵀ) X, the update is a gradient descent step of size 1, so that `neuraxis.engine.relax(memory.energy, x,
    step_size=1.0)` recalls a pattern. For patterns on a sphere, the number that can be recalled grows exponentially
    with N, since β determines how far apart they must be, not how many there may be.

    β is one number for all states, or an array with one number per leading index of the states.

    Raises:
        InputError: for patterns that are not finite and of shape (M, N), or a β that is not positive.
    """  # noqa: D415 - the first line ends in an equation

    patterns: Float[Array, "m n"]
    """Stored patterns X (pattern, feature)."""
    beta: float | Array
    """Inverse temperature β: large values select the nearest pattern, small ones average over many."""

    def __init__(self, patterns: ArrayLike, beta: ArrayLike = 1.0):
        """Store patterns (M, N)."""
        check.finite(patterns=patterns)
        X = check.floats("patterns", patterns)
        if X.ndim != 2 or 0 in X.shape:
            raise InputError(f"patterns must have shape (M, N), but have shape {X.shape}")
        check.positive(beta=beta)
        self.patterns = at_least_single(X)
        self.beta = beta if isinstance(beta, float) else check.floats("beta", beta)

    def energy(self, x: ArrayLike) -> Float[Array, "..."]:
        """Return E of states (…, N)."""
        x = self._state(x)
        largest = jnp.max(jnp.sum(self.patterns**2, axis=-1))
        pull = jax.nn.logsumexp(self._similarity(x), axis=-1) - jnp.log(self.patterns.shape[0])
        return 0.5 * (jnp.sum(x * x, axis=-1) + largest) - pull / self.beta

    def step(self, x: ArrayLike) -> Float[Array, "... n"]:
        """Update states (…, N): softmax(β ξXᵀ) X."""
        shares = softmax(self._similarity(self._state(x)))
        return jnp.matmul(shares, self.patterns, precision=lax.Precision.HIGHEST)

    def _similarity(self, x: Array) -> Float[Array, "... m"]:
        # In full single precision; at default precision a GPU would round to three digits.
        products = jnp.matmul(x, self.patterns.T, precision=lax.Precision.HIGHEST)
        return products * jnp.expand_dims(self.beta, -1)

    def _state(self, x: ArrayLike) -> Array:
        check.last_axis(self.patterns.shape[1], x=x)
        check.finite(x=x)
        if np.ndim(self.beta):
            check.fits(np.shape(x)[:-1], beta=self.beta)
        return jnp.asarray(check.array("x", x), self.patterns.dtype)
