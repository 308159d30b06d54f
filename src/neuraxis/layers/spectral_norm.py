"""Spectral normalisation."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, PRNGKeyArray

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.functions.precision import single
from neuraxis.kinds import Statistics
from neuraxis.layers.apply import apply

_SMALLEST = 1e-12  # avoids division by 0 where all weights are 0


class SingularVectors(Statistics):
    """Estimates of the left and right singular vectors of a matrix for its largest singular value."""

    left: Float[Array, " row"]
    right: Float[Array, " column"]


class SpectralNorm(eqx.Module):
    """A layer with the weight W/σ(W) in place of W, where σ(W) is the largest singular value of W as a matrix.

    A dense layer then lengthens no vector, and a network of such layers and of activations with slopes up to 1 is
    1-Lipschitz. The matrix of a kernel (*space, in, out) has a row for each entry of (*space, in); a convolution whose
    windows overlap may still lengthen vectors.

    σ = uᵀWv with the singular vectors u and v, which are exact at initialisation. In training, each call follows W by
    power iteration, v ← Wᵀu/‖Wᵀu‖ and u ← Wv/‖Wv‖, and the gradient treats u and v as constant; `measure` returns the
    layer with the new vectors. In inference they do not change.

    Args:
        layer: layer with a `weight` (in, out) or a `kernel` (*space, in, out), such as `Linear` and `Convolution`.
        iterations: number of power iterations at each call.
        inference: whether to keep u and v fixed; set by `equinox.nn.inference_mode`, which `evaluate` calls.

    Raises:
        InputError: for a layer without such a weight, or iterations that are not positive.

    Source: Miyato, Kataoka, Koyama and Yoshida, International Conference on Learning Representations (2018).
    """

    layer: Callable[..., Any]
    vectors: SingularVectors
    name: str = eqx.field(static=True)
    """Name of the field that holds the weight."""
    iterations: int = eqx.field(static=True)
    inference: bool

    def __init__(self, layer: Callable[..., Any], *, iterations: int = 1, inference: bool = False):
        check.no_class(layer=layer)
        check.whole(iterations=iterations)
        check.boolean(inference=inference)
        self.layer, self.name = layer, _name_of_weight(layer)
        left, _, right = jnp.linalg.svd(self._matrix, full_matrices=False)
        self.vectors = SingularVectors(left[:, 0], right[0])
        self.iterations, self.inference = int(iterations), inference

    def __call__(self, x: Any, *, key: PRNGKeyArray | None = None) -> Any:
        """Map x through the layer with W/σ."""
        return self.measure(x, key=key)[0]

    def measure(self, x: Any, *, key: PRNGKeyArray | None = None) -> tuple[Any, "SpectralNorm"]:
        """Map x through the layer with W/σ, and return y and the layer with its singular vectors updated."""
        matrix, weight = self._matrix, getattr(self.layer, self.name)
        vectors = self.vectors if self.inference else _iterated(matrix, self.vectors, self.iterations)
        normal = (weight / _norm(matrix, vectors)).astype(weight.dtype)
        layer = eqx.tree_at(lambda layer: getattr(layer, self.name), self.layer, normal)
        return apply(layer, x, key), eqx.tree_at(lambda layer: layer.vectors, self, vectors)

    @property
    def _matrix(self) -> Float[Array, "row column"]:
        """The weight as a matrix, in at least single precision."""
        weight = getattr(self.layer, self.name)
        return single(weight.reshape(-1, weight.shape[-1]))


def _norm(matrix: Array, vectors: SingularVectors) -> Array:
    """Return σ = uᵀWv."""
    size = jnp.dot(vectors.left, _product(matrix, vectors.right), precision=lax.Precision.HIGHEST)
    return jnp.maximum(size, _SMALLEST)


def _iterated(matrix: Array, vectors: SingularVectors, iterations: int) -> SingularVectors:
    """Update the singular vectors of a matrix by power iteration."""
    matrix, left, right = lax.stop_gradient(matrix), vectors.left, vectors.right
    for _ in range(iterations):
        right = _unit(_product(matrix.T, left))
        left = _unit(_product(matrix, right))
    return SingularVectors(lax.stop_gradient(left), lax.stop_gradient(right))


def _unit(x: Array) -> Array:
    return x / jnp.maximum(jnp.sqrt(jnp.sum(jnp.square(x))), _SMALLEST)


def _product(matrix: Array, vector: Array) -> Array:
    return jnp.matmul(matrix, vector, precision=lax.Precision.HIGHEST)


def _name_of_weight(layer: Any) -> str:
    for name in ("weight", "kernel"):
        weight: Any = getattr(layer, name, None)
        if eqx.is_array(weight) and weight.ndim > 1:
            return name
    raise InputError(
        "layer must have a weight (in, out) or a kernel (*space, in, out), as Linear and Convolution have, but is "
        f"{check.received(layer)}"
    )
