"""Group normalisation, with an activation if desired: by a C++ kernel on a CPU and by XLA elsewhere.

The kernel computes the values, with SiLU included, and the reverse-mode derivative; derivatives of all other kinds are
those of the same equation in JAX.
"""

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import ShapedArray
from jax.custom_batching import custom_vmap
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir
from jaxtyping import Array, ArrayLike, Float

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.functions.activations import identity, silu
from neuraxis.functions.normalization import check_groups, standardize_groups
from neuraxis.functions.spatial import flatten_leading
from neuraxis.kernels import compiled, is_one_cpu, one_by_one

_KERNELS = "neuraxis_group_norm", "neuraxis_group_norm_gradient"


def group_norm(
    x: Float[ArrayLike, "... place channel"],
    gamma: Float[ArrayLike, "..."],
    beta: Float[ArrayLike, "..."],
    groups: int,
    epsilon: ArrayLike,
    activation: Callable[[Array], Array] = identity,
) -> Float[Array, "... place channel"]:
    """Return y = σ(γ x̂ + β), with x̂ = (x − μ)/√(v + ε) as in `standardize_groups`.

    Args:
        x: array with at least one place and one channel.
        gamma: γ, one factor per channel.
        beta: β, one offset per channel.
        groups: number of groups, a divisor of the number of channels.
        epsilon: ε, which keeps the root away from 0.
        activation: σ; on a CPU, `silu` takes hardly any extra time.

    Raises:
        InputError: as `standardize_groups`, and for a γ or β that is not one number per channel.
    """
    numbers = check_groups(x, groups, epsilon)
    factors, offsets = check.floats("gamma", gamma), check.floats("beta", beta)
    for name, each in (("gamma", factors), ("beta", offsets)):
        if each.shape != numbers.shape[-1:]:
            raise InputError(f"{name} must have shape {numbers.shape[-1:]}, but has shape {each.shape}")
    with_silu = activation is silu
    if _has_kernel(numbers, factors, offsets):
        y = _by_kernel(numbers, factors, offsets, jnp.asarray(epsilon, jnp.float32), int(groups), with_silu)
    else:
        y = _plain(numbers, factors, offsets, epsilon, groups=int(groups), with_silu=with_silu)
    return y if with_silu else activation(y)


def _has_kernel(*arrays: Array) -> bool:
    single = all(array.dtype == jnp.float32 for array in arrays)
    return single and is_one_cpu() and compiled("group_norm", *_KERNELS)


def _plain(x: Array, gamma: Array, beta: Array, epsilon: ArrayLike, *, groups: int, with_silu: bool) -> Array:
    y = standardize_groups(x, groups, epsilon) * gamma + beta
    return silu(y) if with_silu else y


# --- the kernel and its derivatives ---


@partial(jax.custom_jvp, nondiff_argnums=(4, 5))
def _value(x, gamma, beta, epsilon, groups, with_silu):
    return _over_batches(_compute_value, groups, with_silu)(x, gamma, beta, epsilon)


@_value.defjvp
def _(groups, with_silu, primals, tangents):
    y = _value(*primals, groups, with_silu)
    return y, _tangent.bind(*primals, *tangents, groups=groups, with_silu=with_silu)


@partial(jax.custom_jvp, nondiff_argnums=(5, 6))
def _gradient(x, gamma, beta, epsilon, dy, groups, with_silu):
    """Return the gradients of Σ y dy with respect to x and, for each image, with respect to γ, β and ε."""
    return _over_batches(_compute_gradient, groups, with_silu)(x, gamma, beta, epsilon, dy)


@_gradient.defjvp
def _(groups, with_silu, primals, tangents):
    plain = partial(_plain_gradient, groups=groups, with_silu=with_silu)
    return _gradient(*primals, groups, with_silu), jax.jvp(plain, primals, tangents)[1]


_by_kernel = jax.jit(_value, static_argnums=(4, 5))


# The directional derivative is a primitive of its own, so that `_gradient` can be its transpose.
def _compute_tangent(*arguments, **static):
    return jax.jvp(partial(_plain, **static), arguments[:4], arguments[4:])[1]


def _tangent_jvp(arguments, tangents, **static):
    return jax.jvp(partial(_compute_tangent, **static), tuple(arguments), tuple(map(ad.instantiate_zeros, tangents)))


def _tangent_transpose(dy, x, gamma, beta, epsilon, *tangents, groups, with_silu):
    dx, *others = _gradient(x, gamma, beta, epsilon, ad.instantiate_zeros(dy), groups, with_silu)
    slopes = dx, *(jnp.sum(d, range(x.ndim - 2)) for d in others)
    return [None] * 4 + [d if ad.is_undefined_primal(t) else None for d, t in zip(slopes, tangents, strict=True)]


def _tangent_batch(arguments, axes, **static):
    return jax.vmap(partial(_compute_tangent, **static), axes)(*arguments), 0


_tangent = Primitive("group_norm_tangent")
_tangent.def_impl(_compute_tangent)
_tangent.def_abstract_eval(lambda x, *others, **static: ShapedArray(x.shape, x.dtype))
mlir.register_lowering(_tangent, mlir.lower_fun(_compute_tangent, multiple_results=False))
ad.primitive_jvps[_tangent] = _tangent_jvp
ad.primitive_transposes[_tangent] = _tangent_transpose
batching.primitive_batchers[_tangent] = _tangent_batch


# --- the calls ---


@cache
def _over_batches(compute: Callable, groups: int, with_silu: bool) -> Callable:
    """Return `compute` with these settings; under `vmap`, a batch is a leading axis of x and dy."""
    function = custom_vmap(partial(compute, groups=groups, with_silu=with_silu))

    @function.def_vmap
    def _(size, in_batched, x, gamma, beta, epsilon, *dy):
        arguments = x, gamma, beta, epsilon, *dy
        if any(in_batched[1:4]):
            result = one_by_one(function, in_batched, arguments)
        else:
            each = zip(arguments, in_batched, (True, False, False, False, True), strict=False)
            result = function(
                *(jnp.broadcast_to(a, (size, *a.shape)) if image and not b else a for a, b, image in each)
            )
        return result, jax.tree.map(lambda _: True, result)

    return function


def _compute_value(x, gamma, beta, epsilon, **static):
    images = flatten_leading(x, 1)
    call = jax.ffi.ffi_call(_KERNELS[0], _array(images.shape))
    return _on_cpu(call, _plain, (images, gamma, beta, epsilon), **static).reshape(x.shape)


def _compute_gradient(x, gamma, beta, epsilon, dy, **static):
    images, size = flatten_leading(x, 1), x.shape[-1]
    shapes = images.shape, (len(images), size), (len(images), size), (len(images),)
    call = jax.ffi.ffi_call(_KERNELS[1], [_array(shape) for shape in shapes])
    as_tuple = lambda *arguments, **static: tuple(call(*arguments, **static))
    dx, *others = _on_cpu(as_tuple, _plain_gradient, (images, gamma, beta, epsilon, flatten_leading(dy, 1)), **static)
    return dx.reshape(x.shape), *(d.reshape(*x.shape[:-2], *d.shape[1:]) for d in others)


def _plain_gradient(x, gamma, beta, epsilon, dy, **static):
    def of_one_image(x, dy):
        return jax.vjp(partial(_plain, **static), x, gamma, beta, epsilon)[1](dy)

    return jnp.vectorize(of_one_image, signature="(p,c),(p,c)->(p,c),(c),(c),()")(x, dy)


def _on_cpu(call: Callable, otherwise: Callable, arguments: Sequence[Array], groups: int, with_silu: bool) -> Any:
    by_kernel = partial(call, groups=np.int64(groups), silu=with_silu)
    plain = partial(otherwise, groups=groups, with_silu=with_silu)
    return lax.platform_dependent(*arguments, cpu=by_kernel, default=plain)


def _array(shape: Sequence[int]) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(tuple(shape), jnp.float32)
