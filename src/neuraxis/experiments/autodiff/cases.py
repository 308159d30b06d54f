"""A function of each rule of the tape, what JAX calls it, and where to compare them."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from neuraxis.autodiff import convolution, einsum, max_pool, ops
from neuraxis.autodiff.convolution import fold, unfold


class Case(NamedTuple):
    """One function in both languages, and arguments away from its kinks."""

    tape: Callable[..., Any]
    jax: Callable[..., Any]
    arguments: tuple[np.ndarray, ...]


def _normal(*shape: int) -> np.ndarray:
    """Numbers that stay 0.1 away from 0 and from each other, so that differences do not meet a kink."""
    random = np.random.default_rng(shape)
    count = int(np.prod(shape))
    sizes = 0.2 + 0.13 * np.arange(count)
    return (random.permutation(sizes) * random.choice([-1.0, 1.0], count)).reshape(shape) / (1 + 0.05 * count)


def _positive(*shape: int) -> np.ndarray:
    return 0.3 + np.abs(_normal(*shape))


def _jax_convolution(x: jax.Array, kernel: jax.Array) -> jax.Array:
    return lax.conv_general_dilated(x, kernel, (2, 2), [(1, 1), (1, 1)], dimension_numbers=("NHWC", "HWIO", "NHWC"))


def _jax_unfold(x: jax.Array) -> jax.Array:
    return jnp.stack([x[..., i : i + 3 : 2, j : j + 5 : 2, :] for i in range(2) for j in range(2)], axis=-2)


def _jax_fold(patches: jax.Array) -> jax.Array:
    return jax.linear_transpose(_jax_unfold, jnp.zeros((2, 4, 6, 1)))(patches)[0]


def _einsum(subscripts: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    return partial(einsum, subscripts), partial(jnp.einsum, subscripts)


_A, _B = _normal(4, 3), _normal(3)
_CONDITION = np.array([[True, False, True], [False, True, True]])
_KEY = (np.array([0, 2, 2]), slice(None, None, 2))
_WINDOWS = {"size": (2, 2), "stride": 2, "shape": (2, 4, 6, 1)}

# Every rule of the table has its case under its own name; more of the same rule, and what is composed of several,
# have names of their own.
CASES: dict[str, Case] = {
    "add": Case(lambda a, b: a + b, lambda a, b: a + b, (_A, _B)),
    "subtract": Case(lambda a, b: a - b, lambda a, b: a - b, (_B, _A)),
    "multiply": Case(lambda a, b: a * b, lambda a, b: a * b, (_normal(4, 1), _B)),
    "divide": Case(lambda a, b: a / b, lambda a, b: a / b, (_A, _positive(3))),
    "negate": Case(lambda x: -x, lambda x: -x, (_A,)),
    "power": Case(lambda x, p: x**p, lambda x, p: x**p, (_positive(4, 3), _B)),
    "power, whole": Case(lambda x: x**3 + 2.0**x, lambda x: x**3 + 2.0**x, (_A,)),
    "exp": Case(ops.exp, jnp.exp, (_A,)),
    "log": Case(ops.log, jnp.log, (_positive(4, 3),)),
    "sqrt": Case(ops.sqrt, jnp.sqrt, (_positive(4, 3),)),
    "sin": Case(ops.sin, jnp.sin, (_A,)),
    "cos": Case(ops.cos, jnp.cos, (_A,)),
    "tanh": Case(ops.tanh, jnp.tanh, (_A,)),
    "logistic": Case(ops.logistic, jax.nn.sigmoid, (10 * _A,)),
    "relu": Case(ops.relu, jax.nn.relu, (_A,)),
    "abs": Case(ops.abs, jnp.abs, (_A,)),
    "maximum": Case(ops.maximum, jnp.maximum, (_A, _B)),
    "minimum": Case(ops.minimum, jnp.minimum, (_A, _B)),
    "clip": Case(lambda x: ops.clip(x, -0.5, 0.7), lambda x: jnp.clip(x, -0.5, 0.7), (_A,)),
    "where": Case(
        lambda a, b: ops.where(_CONDITION, a, b), lambda a, b: jnp.where(_CONDITION, a, b), (_normal(2, 1), _B)
    ),
    "cast": Case(lambda x: ops.cast(x, dtype=x.dtype) * x, lambda x: x * x, (_A,)),
    "broadcast": Case(lambda x: ops.broadcast(x, shape=(4, 3)), lambda x: jnp.broadcast_to(x, (4, 3)), (_B,)),
    "reshape": Case(lambda x: ops.reshape(x, (2, -1)), lambda x: x.reshape(2, -1), (_A,)),
    "transpose": Case(
        lambda x: ops.transpose(x, (1, 2, 0)), lambda x: jnp.transpose(x, (1, 2, 0)), (_normal(2, 3, 4),)
    ),
    "transpose, axes from the end": Case(
        lambda x: ops.transpose(x, (-1, 0, -2)), lambda x: jnp.transpose(x, (-1, 0, -2)), (_normal(2, 3, 4),)
    ),
    "index": Case(lambda x: x[_KEY], lambda x: x[_KEY], (_A,)),
    "index, slices": Case(lambda x: x[1, ..., ::-1], lambda x: x[1, ..., ::-1], (_A,)),
    "scatter": Case(
        lambda x: ops.scatter(x, key=_KEY, shape=(4, 3)), lambda x: jnp.zeros((4, 3)).at[_KEY].add(x), (_normal(3, 2),)
    ),
    "concatenate": Case(
        lambda a, b: ops.concatenate([a, b, a], axis=1), lambda a, b: jnp.concatenate([a, b, a], 1), (_A, _normal(4, 2))
    ),
    "stack": Case(lambda a, b: ops.stack([a, b], axis=-1), lambda a, b: jnp.stack([a, b], axis=-1), (_A, _A[::-1])),
    "sum": Case(lambda x: ops.sum(x, axis=(0, -1)), lambda x: jnp.sum(x, axis=(0, -1)), (_normal(2, 3, 4),)),
    "mean": Case(lambda x: ops.mean(x, axis=0), lambda x: jnp.mean(x, axis=0), (_A,)),
    "var": Case(lambda x: ops.var(x, axis=0), lambda x: jnp.var(x, axis=0), (_A,)),
    "norm": Case(lambda x: ops.norm(x, axis=0), lambda x: jnp.linalg.norm(x, axis=0), (_A,)),
    "max": Case(lambda x: ops.max(x, axis=1), lambda x: jnp.max(x, axis=1), (_A,)),
    "min": Case(lambda x: ops.min(x, axis=1), lambda x: jnp.min(x, axis=1), (_A,)),
    "log_sum_exp": Case(lambda x: ops.log_sum_exp(x, axis=0), lambda x: jax.nn.logsumexp(x, axis=0), (_A,)),
    "softmax": Case(ops.softmax, jax.nn.softmax, (_A,)),
    "log_softmax": Case(ops.log_softmax, jax.nn.log_softmax, (_A,)),
    "matmul": Case(ops.matmul, jnp.matmul, (_A, _normal(3, 5))),
    "matmul, batches": Case(ops.matmul, jnp.matmul, (_normal(2, 1, 4, 3), _normal(5, 3, 2))),
    "matmul, one matrix": Case(ops.matmul, jnp.matmul, (_normal(2, 4, 3), _normal(3, 2))),
    "matmul, vector first": Case(ops.matmul, jnp.matmul, (_B, _normal(2, 3, 4))),
    "matmul, vector last": Case(ops.matmul, jnp.matmul, (_normal(2, 4, 3), _B)),
    "matmul, vectors": Case(ops.matmul, jnp.matmul, (_B, _positive(3))),
    "einsum": Case(*_einsum("ij,jk->ki"), (_A, _normal(3, 5))),
    "einsum, three": Case(*_einsum("bqd,bkd,bk->bq"), (_normal(2, 3, 4), _normal(2, 5, 4), _normal(2, 5))),
    "einsum, diagonal": Case(*_einsum("iij->j"), (_normal(3, 3, 2),)),
    "einsum, summed alone": Case(*_einsum("ij,kj"), (_A, _normal(2, 3))),
    "einsum, summed in one": Case(*_einsum("ij,k->k"), (_A, _B)),
    "einsum, any axes before": Case(*_einsum("...ij,...j"), (_normal(2, 1, 4, 3), _normal(5, 3))),
    "unfold": Case(lambda x: unfold(x, **_WINDOWS), _jax_unfold, (_normal(2, 4, 6, 1),)),
    "fold": Case(lambda p: fold(p, **_WINDOWS), _jax_fold, (_normal(2, 2, 3, 4, 1),)),
    "convolution": Case(
        lambda x, kernel: convolution(x, kernel, stride=2, padding=1),
        _jax_convolution,
        (_normal(2, 5, 4, 2), _normal(3, 3, 2, 3)),
    ),
    "max_pool": Case(
        lambda x: max_pool(x, 2),
        lambda x: lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID"),
        (_normal(2, 4, 6, 1),),
    ),
}
