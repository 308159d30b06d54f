"""Attacks on selected examples, in blocks of a few sizes, each of which is compiled once."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from neuraxis.errors import InputError
from neuraxis.robust.attack import Attack, Problem, logits_of, rank_of, succeeds
from neuraxis.robust.threat_models import ThreatModel, for_examples
from neuraxis.values import compiled, is_traced

_SMALLEST = 32  # examples in a block: for fewer, compilation takes longer than it saves


def attacked(
    attack: Attack,
    problem: Problem,
    chosen: Int[np.ndarray, " some"],
    *,
    key: PRNGKeyArray | None,
    batch_size: int,
    targets: Any = None,
) -> Float[np.ndarray, "some ..."]:
    """Attack the chosen examples, `batch_size` at a time, and return the images on the host.

    The last block is filled by repeating its examples, to the batch size or a quarter, sixteenth, … of it, unless that
    is very small, so that few programs are compiled.
    """
    found = []
    for first in range(0, len(chosen), batch_size):
        part = chosen[first : first + batch_size]
        filled = np.resize(part, _size(len(part), batch_size))
        own = None if key is None else jax.random.fold_in(key, first)
        some = None if targets is None else targets[filled]
        images = for_examples(attack, filled)(
            problem.model, problem.x[filled], problem.labels[filled], targets=some, key=own
        )
        found.append(np.asarray(images)[: len(part)])
    return np.concatenate(found) if found else np.asarray(problem.x)[:0]


def _size(count: int, batch_size: int) -> int:
    while (quarter := -(-batch_size // 4)) >= max(count, _SMALLEST):
        batch_size = quarter
    return batch_size


def broken(
    threat: ThreatModel, problem: Problem, images: Float[np.ndarray, "N ..."], batch_size: int
) -> Bool[np.ndarray, " N"]:
    """Return which images reach the goal when they are predicted again, and lie in ball and range up to rounding."""
    found = np.zeros(len(images), bool)
    for first in range(0, len(images), batch_size):
        part = np.arange(first, min(first + batch_size, len(images)))
        filled = np.resize(part, _size(len(part), batch_size))
        some = Problem(
            problem.model,
            problem.x[filled],
            problem.labels[filled],
            None if problem.targets is None else problem.targets[filled],
        )
        found[part] = np.asarray(_broken(for_examples(threat, filled), some, jnp.asarray(images[filled])))[: len(part)]
    return found


@compiled
def _broken(threat: ThreatModel, problem: Problem, images: Array) -> Bool[Array, " N"]:
    close = threat.norm(images - problem.x) <= jnp.asarray(threat.epsilon) * (1 + 1e-5) + 1e-6
    flat = images.reshape(len(images), -1)
    inside = jnp.all((flat >= threat.low - 1e-6) & (flat <= threat.high + 1e-6), axis=-1)
    return succeeds(rank_of(logits_of(problem.model, images), problem), problem) & close & inside


def check_on_host(name: str) -> None:
    """Check that JAX is not tracing.

    Raises:
        InputError: under jit, grad or vmap.
    """
    if is_traced():
        raise InputError(f"{name} selects examples on the host, which is not possible under jit, grad or vmap")


def fold(key: PRNGKeyArray | None, number: int) -> PRNGKeyArray | None:
    """Return the key of that number derived from `key`, if there is one."""
    return None if key is None else jax.random.fold_in(key, number)
