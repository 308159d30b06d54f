"""The only loop over time in neuraxis: a `lax.scan` in blocks, compiled once for all values."""

from collections.abc import Callable
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import ArrayLike, PyTree

from neuraxis import process, values
from neuraxis.engine import one_function
from neuraxis.engine.dynamics import project, take_step
from neuraxis.engine.explain import check_record, check_state, explained
from neuraxis.engine.inputs import widened
from neuraxis.kinds import Dynamics


def run(
    dynamics: Dynamics, state: PyTree, inputs: PyTree, start: int, dt: ArrayLike, key: Any, **how: Any
) -> tuple[Any, ...]:
    """Take steps from index `start` on; return the final state, the record, and whether the state contains NaN.

    The last is None while JAX is tracing. `how` has the static arguments steps, held, every, remat, unroll and record,
    as for `simulate`.

    Raises:
        InputError: for a step or record that returns invalid values.
    """
    # XLA accepts options for a whole program only, not for a part of one that is being traced.
    watched = not values.is_traced()
    compiled = _compiled(bool(_wide_vectors()) and watched)
    try:
        return compiled(dynamics, state, inputs, jnp.asarray(start), dt, key, **how, watched=watched)
    except Exception as error:
        reason = explained(error, dynamics, state, inputs, held=how["held"], dt=dt, record=how["record"])
        if reason is error:
            raise
        raise reason from error


def holds_nan(state: PyTree) -> jax.Array:
    """Return whether a state contains NaN."""
    numbers = [leaf for leaf in jax.tree.leaves(state) if jnp.issubdtype(leaf.dtype, jnp.inexact)]
    return jnp.any(jnp.stack([jnp.any(jnp.isnan(leaf)) for leaf in numbers])) if numbers else jnp.asarray(False)


@cache
def _wide_vectors() -> dict[str, int]:
    """Return XLA's option for 512-bit vectors if the CPU has them: elementwise dynamics run up to 1.8 times faster."""
    if jax.default_backend() == "cpu" and process.instruction_set() == "AVX-512":
        return {"xla_cpu_prefer_vector_width": 512}
    return {}


@cache
def _compiled(wide: bool) -> Callable[..., tuple[Any, ...]]:
    return values.compiled(_run, compiler_options=_wide_vectors() if wide else None)


def _run(dynamics, state, inputs, start, dt, key, *, steps, held, every, remat, unroll, record, watched):
    # Nothing is differentiated or mapped if there is no outer trace.
    scan = one_function.scan if watched and one_function.pays() else lax.scan
    by_block = remat is not None and not (held or callable(inputs))  # else the projections of all steps would be stored
    if not callable(inputs):
        inputs = jax.tree.map(jnp.asarray, inputs)
        inputs = inputs if by_block else project(dynamics, inputs)

    def step(state, x):
        i, input = x
        if callable(inputs):
            input = project(dynamics, widened(inputs(i * dt)))
        elif held:
            input = inputs
        own = None if key is None else jax.random.fold_in(key, i)
        state, output = take_step(dynamics, state, input, dt, key=own, t=i * dt)
        check_state(state)
        return state, output

    def pass_by(state, xs, scan=lax.scan):
        """Take steps and record nothing."""
        if not _length(xs):  # even an empty loop would be compiled
            return state
        return _loop(scan, lambda s, x: (step(s, x)[0], None), state, xs, unroll)[0]

    def one(state, x):
        """Take a step and record."""
        state, out = step(state, x)
        found = record(state, out)
        check_record(found)
        return state, found

    def period(state, xs):
        """Take `every` steps, then record."""
        return one(pass_by(state, _part(xs, 0, every - 1)), jax.tree.map(lambda x: x[-1], xs))

    def ready(xs):
        numbers, inputs = xs
        return numbers, project(dynamics, inputs) if by_block else inputs

    def periods(state, xs):
        xs = ready(xs)
        # Splitting copies the inputs, which is avoided if every step is recorded.
        return _loop(scan, one, state, xs, unroll) if every == 1 else scan(period, state, _split(xs, every))

    xs = (start + jnp.arange(steps), None if held else inputs)
    recorded = steps - steps % every
    if remat is None:
        state, records = periods(state, _part(xs, 0, recorded))
    else:
        state, records = _in_blocks(jax.checkpoint(periods), remat, state, _part(xs, 0, recorded))
    if recorded < steps:
        state = pass_by(state, ready(_part(xs, recorded, steps)), scan)
    return state, records, holds_nan(state) if watched else None


def _loop(scan, step, state, xs, unroll):
    """Scan with `unroll` steps per iteration.

    The option of `lax.scan` unrolls after differentiation, which copies what the gradient stores of each iteration.
    """

    def several(state, xs):
        outputs = []
        for i in range(_length(xs)):
            state, output = step(state, jax.tree.map(lambda x, i=i: x[i], xs))
            outputs.append(output)
        return state, jax.tree.map(lambda *outputs: jnp.stack(outputs), *outputs)

    return scan(step, state, xs) if unroll == 1 else _in_blocks(several, unroll, state, xs)


def _in_blocks(run, size, state, xs):
    """Scan over blocks of `size` steps, each passed to `run` as a whole, and run the remaining steps."""
    steps = _length(xs)
    whole = steps - steps % size
    records = []
    if whole or not steps:
        state, blocks = lax.scan(run, state, _split(_part(xs, 0, whole), size))
        records.append(jax.tree.map(lambda x: x.reshape(len(x) * x.shape[1], *x.shape[2:]), blocks))
    if whole < steps:
        state, rest = run(state, _part(xs, whole, steps))
        records.append(rest)
    return state, jax.tree.map(lambda *parts: jnp.concatenate(parts), *records)


def _length(xs):
    return len(jax.tree.leaves(xs)[0])


def _part(xs, first, last):
    return jax.tree.map(lambda x: x[first:last], xs)


def _split(xs, size):
    return jax.tree.map(lambda x: x.reshape(len(x) // size, size, *x.shape[1:]), xs)
