"""Run any dynamics over time."""

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
    """What a simulation recorded: `record` has a leading axis of `len(times)`."""

    times: Float[Array | np.ndarray, " time"]  # end of each recorded step [ms], in double precision unless dt is traced
    record: PyTree
    state: PyTree  # after the last step; pass it to `simulate` to go on


def record_output(state: Any, output: Any) -> Any:
    """Record what the dynamics put out at each recorded step (the default)."""
    return output


def record_state(state: Any, output: Any) -> Any:
    """Record the whole state at the end of each recorded step."""
    return state


def record_nothing(state: Any, output: Any) -> None:
    """Record nothing: only the final state is wanted."""


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

    Numbers in the fields of the dynamics, a held input, dt and the state are values: a new one runs the same program.

    Args:
        dynamics: anything with `init_state(input_shape)` and `step(state, input, dt) -> (state, output)`; its optional
            methods `project` and `prepare` are called before the loop (see `neuraxis.kinds.Dynamics`).
        inputs: arrays with a leading time axis, one entry a step, or a tree of them; truth values, integers (in 32 bits
            at least) and random keys are inputs, too. With `steps`, instead either one input that is held constant or a
            function of the time [ms] at the start of a step (in the precision of JAX: in single precision 0.03 ms
            after five minutes).
        dt: length of a step [ms]; by default that of the dynamics' `step`, where it has one.
        steps: number of steps, where `inputs` has no time axis.
        state: where to start; by default `dynamics.init_state` of the shape of one step's input.
        key: noise, for a dynamics whose `step` has a parameter `key`; each step receives one of its own.
        record: `record(state, output)` gives what to store, such as `record_output` (default), `record_state` or
            `record_nothing`. It is part of the compiled program, with the values that it holds or reads.
        every: record at every k-th step only. What happens between, such as spikes, is then not in the record; around
            the dynamics, `Total` counts it.
        remat: cut the run into blocks of that many steps whose inside is computed again in the backward pass, so that
            the gradient through T steps stores T/remat + remat states instead of T.
        unroll: number of steps in one round of the loop. More than one takes longer to compile. It pays in gradients
            through layers of neurons; neurons by themselves become slower.
        chunk: run that many steps at a time and move the record to the host after each, so that device memory stays
            bounded and an interrupt is heard. Not under `jit`, `grad` or `vmap`.
        progress: label of a progress bar (needs `chunk`).

    Returns:
        A `Trace` with the times, the record and the final state.

    Raises:
        InputError: for what is no dynamics, a dt that is missing or not positive, steps that do not fit, inputs that
            are not finite, a function of the time that JAX cannot trace, a record of strings, or a state that a step
            does not give back in the same shapes and dtypes.
        DivergedError: for a state that ends as NaN, unless JAX is tracing; the message says when that began.
    """
    check_dynamics("dynamics", dynamics)
    check.functions(record=record)
    length = _checked_dt(dynamics, dt)
    check_key(dynamics, key)
    inputs = as_inputs(inputs)
    held, steps = steps is not None, number_of_steps(inputs, steps)
    _check_options(every, remat, unroll, chunk, progress)
    state = _begin(dynamics, one_input(inputs, held), state)
    # NumPy's integers would be traced.
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
    """A stretch of the simulation, which is all of it without chunks."""

    dynamics: Dynamics
    dt: Any
    key: Any
    held: bool
    record: Callable[[Any, Any], Any]
    every: int
    remat: int | None
    unroll: int

    def run(self, state: PyTree, inputs: PyTree, start: int, steps: int) -> tuple[PyTree, PyTree]:
        """Take steps from number `start` on, and refuse to end in NaN."""
        how = {"every": self.every, "remat": self.remat, "unroll": self.unroll, "record": self.record}
        what = self.dynamics, state, inputs, start, self.dt, self.key
        after, records, nan = run(*what, steps=steps, held=self.held, **how)
        if nan is not None and bool(nan):
            raise self._explained(state, inputs, start, steps)
        return after, records

    def _explained(self, state: PyTree, inputs: PyTree, start: int, steps: int) -> Exception:
        """Say where the NaN came from: run once more and look at each step."""
        if bool(holds_nan(jax.tree.map(jnp.asarray, state))):
            return InputError("the state to start from must be finite, but contains NaN")
        how = {"every": 1, "remat": None, "unroll": 1, "record": _record_nan}
        what = self.dynamics, state, inputs, start, self.dt, self.key
        _, found, _ = run(*what, steps=steps, held=self.held, **how)
        step = start + int(np.argmax(found))
        if callable(inputs) and bool(holds_nan(jax.tree.map(jnp.asarray, inputs(jnp.asarray(step * self.dt))))):
            return InputError(f"inputs must be finite, but as a function of the time give NaN at {step * self.dt:g} ms")
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
        for start in range(0, max(steps, 1), chunk):  # no steps leave an empty record
            interrupt.check()
            size = min(chunk, steps - start)
            own = inputs if part.held else jax.tree.map(lambda x, i=start, n=size: x[i : i + n], inputs)
            state, new = part.run(state, own, start, size)
            records.append(jax.tree.map(np.asarray, new))  # waits, so that the bar is honest and memory is freed
            bar.advance(size)
    return state, jax.tree.map(lambda *parts: np.concatenate(parts), *records)


def _checked_dt(dynamics: Dynamics, dt: Any) -> Any:
    """Return dt as a number, unless it is being traced."""
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
    """Return the state to start from, as arrays: whole numbers in it decide no shapes."""
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
