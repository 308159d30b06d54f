"""Simulation of any dynamics over time."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.tree_util import keystr
from jax.typing import ArrayLike
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from neuraxis import check, values
from neuraxis.engine.dynamics import check_dynamics, check_key, default_dt, first_state, prepared, shapes_of
from neuraxis.engine.inputs import as_inputs, number_of_steps, one_input
from neuraxis.engine.interrupt import InterruptBetweenSteps
from neuraxis.engine.loop import holds_nan, run
from neuraxis.engine.progress import Progress, check_label
from neuraxis.errors import DivergedError, InputError
from neuraxis.kinds import Dynamics


class Trace(eqx.Module):
    """Result of a simulation: `record` has a leading axis of `len(times)`."""

    times: Float[Array | np.ndarray, " time"]  # end of each recorded step [ms], in double precision unless dt is traced
    record: PyTree
    state: PyTree  # after the last step; pass it to `simulate` to continue


def record_output(state: Any, output: Any) -> Any:
    """Record the output of the dynamics at each recorded step (the default)."""
    return output


def record_state(state: Any, output: Any) -> Any:
    """Record the whole state at the end of each recorded step."""
    return state


def record_nothing(state: Any, output: Any) -> None:
    """Record nothing, if only the final state is needed."""


def simulate(
    dynamics: Dynamics,
    inputs: PyTree = None,
    *,
    dt: ArrayLike | None = None,
    steps: int | None = None,
    state: PyTree = None,
    key: PRNGKeyArray | None = None,
    record: Callable[[Any, Any], Any] = record_output,
    every: int = 1,
    remat: int | None = None,
    unroll: int = 1,
    chunk: int | None = None,
    progress: str | None = None,
) -> Trace:
    """Run `dynamics` over time in one `lax.scan`.

    Numbers in the fields of the dynamics, a constant input, dt and the state are values: changing them does not
    recompile.

    Args:
        dynamics: anything with `init_state(input_shape)` and `step(state, input, dt) -> (state, output)`; its optional
            methods `project` and `prepare` are called before the loop (see `neuraxis.kinds.Dynamics`).
        inputs: arrays with a leading time axis, one entry per step, or a tree of them; booleans, integers (converted to
            at least 32 bits) and random keys are allowed, too. With `steps`, instead either one constant input or a
            function of the time [ms] at the start of a step (in the precision of JAX: in single precision, to 0.03 ms
            after five minutes).
        dt: length of a step [ms]; by default that of the dynamics' `step`, if it has one.
        steps: number of steps, if `inputs` has no time axis.
        state: initial state; by default `dynamics.init_state` for the shape of one step's input.
        key: random key, for a dynamics whose `step` has a parameter `key`; each step receives a different one.
        record: `record(state, output)` returns what to store, such as `record_output` (default), `record_state` or
            `record_nothing`. It is part of the compiled program, with the values that it captures or reads.
        every: record only every k-th step. Events in between, such as spikes, are then missing from the record; wrap
            the dynamics in `Total` to count them.
        remat: divide the run into blocks of that many steps whose inside is recomputed in the backward pass, so that
            the gradient through T steps stores T/remat + remat states instead of T.
        unroll: number of steps per iteration of the loop. More than one takes longer to compile. It speeds up gradients
            through layers of neurons, but slows down neurons by themselves.
        chunk: run that many steps at a time and move the record to the host after each chunk, so that device memory is
            bounded and the run can be interrupted. Not available under `jit`, `grad` or `vmap`.
        progress: label of a progress bar (needs `chunk`).

    Returns:
        A `Trace` with the times, the record and the final state.

    Raises:
        InputError: if `dynamics` is not a dynamics, for a dt that is missing or not positive, steps that do not fit,
            inputs that are not finite, a function of time that JAX cannot trace, a record of strings, or a step that
            changes the shapes or dtypes of the state.
        DivergedError: if the final state contains NaN, unless JAX is tracing; the message says when it first did.
    """
    check_dynamics("dynamics", dynamics)
    check.functions(record=record)
    length = _checked_dt(dynamics, dt)
    check_key(dynamics, key)
    inputs = as_inputs(inputs)
    held, steps = steps is not None, number_of_steps(inputs, steps)
    _check_options(every, remat, unroll, chunk, progress)
    state = _begin(dynamics, one_input(inputs, held), state)
    # NumPy integers would be traced.
    remat, chunk = (size if size is None else int(size) for size in (remat, chunk))
    every, unroll = int(every), int(unroll)
    part = _Part(prepared(dynamics, length), length, key, held, record, every, remat, unroll)
    if chunk is None:
        state, records = part.run(state, inputs, 0, steps)
    else:
        state, records = _run_in_chunks(part, state, inputs, steps, chunk, progress)
    numbers = (jnp if isinstance(length, Tracer) else np).arange(every, steps + 1, every)
    return Trace(numbers * length, records, state)


@dataclass(frozen=True)
class _Part:
    """A section of the simulation, which is all of it without chunks."""

    dynamics: Dynamics
    dt: Any
    key: Any
    held: bool
    record: Callable[[Any, Any], Any]
    every: int
    remat: int | None
    unroll: int

    def run(self, state: PyTree, inputs: PyTree, start: int, steps: int) -> tuple[PyTree, PyTree]:
        """Take steps from index `start` on, and raise an error if the state ends as NaN."""
        how = {"every": self.every, "remat": self.remat, "unroll": self.unroll, "record": self.record}
        what = self.dynamics, state, inputs, start, self.dt, self.key
        after, records, nan = run(*what, steps=steps, held=self.held, **how)
        if nan is not None and bool(nan):
            raise self._explained(state, inputs, start, steps)
        return after, records

    def _explained(self, state: PyTree, inputs: PyTree, start: int, steps: int) -> Exception:
        """Return an error that says where the NaN came from, by running again and checking each step."""
        if bool(holds_nan(jax.tree.map(jnp.asarray, state))):
            return InputError("the initial state must be finite, but contains NaN")
        how = {"every": 1, "remat": None, "unroll": 1, "record": _record_nan}
        what = self.dynamics, state, inputs, start, self.dt, self.key
        _, found, _ = run(*what, steps=steps, held=self.held, **how)
        step = start + int(np.argmax(found))
        if callable(inputs) and bool(holds_nan(jax.tree.map(jnp.asarray, inputs(jnp.asarray(step * self.dt))))):
            return InputError(f"inputs must be finite, but the function of time returns NaN at {step * self.dt:g} ms")
        return DivergedError(
            f"the state became NaN in step {step} (counted from 0), by the time {(step + 1) * self.dt:g} ms; a dt "
            f"smaller than {self.dt:g} ms may help",
            step,
        )


def _record_nan(state: PyTree, output: Any) -> Array:
    return holds_nan(state)


def _run_in_chunks(part, state, inputs, steps, chunk, progress):
    records = []
    with Progress(steps, progress) as bar, InterruptBetweenSteps() as interrupt:
        for start in range(0, max(steps, 1), chunk):  # zero steps leave an empty record
            interrupt.check()
            size = min(chunk, steps - start)
            own = inputs if part.held else jax.tree.map(lambda x, i=start, n=size: x[i : i + n], inputs)
            state, new = part.run(state, own, start, size)
            records.append(jax.tree.map(np.asarray, new))  # waits, so that the bar is correct and memory is freed
            bar.advance(size)
    return state, jax.tree.map(lambda *parts: np.concatenate(parts), *records)


def _checked_dt(dynamics: Dynamics, dt: Any) -> Any:
    """Return dt, as a Python number unless it is being traced."""
    if dt is None:
        dt = default_dt(dynamics)
    if dt is None:
        raise InputError(f"dt, the length of a step, must be given, since {type(dynamics).__name__} has no default")
    check.positive(dt=dt)
    check.one_number(dt=dt)
    return dt if isinstance(dt, Tracer) else float(dt)


def _check_options(every: int, remat: int | None, unroll: int, chunk: int | None, progress: str | None) -> None:
    check.whole(every=every, unroll=unroll)
    for name, size in (("chunk", chunk), ("remat", remat)):
        if size is not None:
            check.whole(**{name: size})
            if size % every:
                raise InputError(f"{name} must be a multiple of every ({every}), but is {size}")
    if chunk is not None and values.is_traced():
        raise InputError("chunk= moves the record to the host, which is not possible under jit, grad or vmap")
    check_label(progress)
    if progress is not None and chunk is None:
        raise InputError("a progress bar needs chunk=, the number of steps between its updates")


def _begin(dynamics: Dynamics, input: PyTree, given: PyTree) -> PyTree:
    """Return the initial state as arrays, including its integers, which do not determine shapes."""
    if given is None:
        try:
            given = first_state(dynamics, input)
        except TypeError as error:
            if isinstance(input, jax.ShapeDtypeStruct):
                raise
            name, shapes = type(dynamics).__name__, shapes_of(input)
            raise InputError(f"{name} does not take inputs that are a tree of shapes {shapes}: {error}") from error
    elif any(_is_complex(x) for x in jax.tree.leaves(given)):
        first = jax.tree.leaves(jax.eval_shape(partial(first_state, dynamics), input))
        if not any(jnp.issubdtype(x.dtype, jnp.complexfloating) for x in first):
            raise InputError(f"state must contain real numbers, as that of {type(dynamics).__name__} does; take .real")
    return jax.tree.map_with_path(_as_state, given)


def _is_complex(leaf: Any) -> bool:
    return isinstance(leaf, complex) or (eqx.is_array_like(leaf) and jnp.iscomplexobj(leaf))


def _as_state(path: Any, leaf: Any) -> Any:
    if values.is_value(leaf) and not isinstance(leaf, float):
        return leaf
    if values.is_key(leaf) or _is_complex(leaf):
        return jnp.asarray(leaf)
    return check.array(f"state{keystr(path)}", leaf)
