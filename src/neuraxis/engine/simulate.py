"""Run any dynamics over time: the only loop over time in neuraxis."""

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import Tracer
from jaxtyping import Array, Float, PyTree

from neuraxis import check
from neuraxis.engine.interrupt import InterruptBetweenSteps
from neuraxis.engine.progress import Progress
from neuraxis.errors import InputError
from neuraxis.kinds import Dynamics


class Trace(eqx.Module):
    """What a simulation recorded: `record` has a leading axis of `len(times)`."""

    times: Float[Array | np.ndarray, " time"]  # end of each recorded step [ms]
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


class Total(eqx.Module):
    """A dynamics around another one that adds up its outputs: spike counts without storing the spikes.

    The state is the pair (inner state, sum of the outputs so far) and the output that sum.
    """

    dynamics: Dynamics

    @eqx.filter_jit  # remembers what the step puts out, which takes long to find
    def init_state(self, input_shape: tuple[int, ...]) -> Any:
        """Start from the inner state and a sum of 0."""
        inner = self.dynamics.init_state(input_shape)
        number = jnp.result_type(float)
        input, dt = jax.ShapeDtypeStruct(input_shape, number), jax.ShapeDtypeStruct((), number)
        _, out = jax.eval_shape(self.dynamics.step, inner, input, dt)
        return inner, jax.tree.map(lambda o: jnp.zeros(o.shape, o.dtype), out)

    def step(self, state: Any, input: Any, dt: float) -> tuple[Any, Any]:
        """Advance the inner dynamics by `dt` [ms] and add its output to the sum."""
        inner, total = state
        inner, out = self.dynamics.step(inner, input, dt)
        total = jax.tree.map(jnp.add, total, out)
        return (inner, total), total


def simulate(
    dynamics: Dynamics,
    inputs: PyTree = None,
    *,
    dt: float,
    steps: int | None = None,
    state: PyTree = None,
    record: Callable[[Any, Any], Any] = record_output,
    every: int = 1,
    remat: int | None = None,
    unroll: int = 1,
    chunk: int | None = None,
    progress: str | None = None,
) -> Trace:
    """Run `dynamics` over time in one `lax.scan`.

    Args:
        dynamics: anything with `init_state(input_shape)` and `step(state, input, dt) -> (state, output)`.
        inputs: arrays with a leading time axis, one entry a step. With `steps`, instead either one input that is held
            constant or a function of the time [ms] at the beginning of a step.
        dt: length of a step [ms].
        steps: number of steps, where `inputs` has no time axis.
        state: where to start; by default `dynamics.init_state` of the shape of one step's input.
        record: `record(state, output)` gives what to store, such as `record_output` (default), `record_state` or
            `record_nothing`. It is part of the compiled program: pass the same function again to reuse it.
        every: record at every k-th step only.
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
        InputError: for a dt that is not positive, steps that do not fit, inputs that are not finite, a function of the
            time that JAX cannot trace, or a state that a step does not give back in the same shapes and dtypes.
    """
    check.positive(dt=dt)
    if np.ndim(dt):
        raise InputError(f"dt must be one number, but has shape {np.shape(dt)}")
    check.whole(every=every, unroll=unroll)
    held = steps is not None
    if held:
        check.whole(0, steps=steps)
    elif inputs is None or callable(inputs):
        raise InputError("without a time axis in the inputs the number of steps must be given, as steps=")
    elif any(np.ndim(x) == 0 for x in jax.tree.leaves(inputs)):
        raise InputError("inputs of one number have no time axis: the number of steps must be given, as steps=")
    else:
        check.same_length(**{f"inputs{jax.tree_util.keystr(k)}": x for k, x in jax.tree.leaves_with_path(inputs)})
        steps = jnp.shape(jax.tree.leaves(inputs)[0])[0]
    if not callable(inputs):
        check.finite(**{f"inputs{jax.tree_util.keystr(k)}": x for k, x in jax.tree.leaves_with_path(inputs)})
    for name, size in (("chunk", chunk), ("remat", remat)):
        if size is not None:
            check.whole(**{name: size})
            if size % every:
                raise InputError(f"{name} must be a multiple of every ({every}), but is {size}")
    if chunk is not None and _traced(dynamics, state, inputs):
        raise InputError("chunk= moves the record to the host, which is not possible under jit, grad or vmap")
    if progress is not None and chunk is None:
        raise InputError("a progress bar needs chunk=, the number of steps between its updates")

    one = jax.tree.leaves(_one_input(inputs, held))
    if state is None:
        state = dynamics.init_state(jnp.shape(one[0]) if one else ())
    # NumPy's integers would be traced.
    steps, every, unroll = int(steps), int(every), int(unroll)
    remat, chunk = (size if size is None else int(size) for size in (remat, chunk))
    run = partial(_run, dynamics, every=every, remat=remat, unroll=unroll, record=record, dt=dt)
    if chunk is None:
        state, records = run(state, inputs, 0, steps=steps, held=held)
    else:
        state, records = _run_in_chunks(run, state, inputs, steps, held, chunk, progress)
    times = (np.arange(every, steps + 1, every) * dt).astype(jnp.result_type(float))
    return Trace(times, records, state)


def _one_input(inputs: PyTree, held: bool) -> PyTree:
    """Give what one step receives, or what stands for its shape and dtype."""
    if callable(inputs):
        try:
            return jax.eval_shape(inputs, jnp.zeros(()))
        except (jax.errors.ConcretizationTypeError, jax.errors.TracerArrayConversionError) as error:
            raise InputError(
                "inputs must be a function that JAX can trace: jnp.sin for np.sin, jnp.where(t > 5, a, b) for if"
            ) from error
    if held:
        return inputs
    return jax.tree.map(lambda x: jax.ShapeDtypeStruct(jnp.shape(x)[1:], jnp.result_type(x)), inputs)


def _run_in_chunks(run, state, inputs, steps, held, chunk, progress):
    records = []
    with Progress(steps, progress) as bar, InterruptBetweenSteps() as interrupt:
        for start in range(0, steps, chunk):
            interrupt.check()
            size = min(chunk, steps - start)
            part = inputs if held else jax.tree.map(lambda x, i=start, n=size: x[i : i + n], inputs)
            state, new = run(state, part, start, steps=size, held=held)
            records.append(jax.tree.map(np.asarray, new))  # waits, so that the bar is honest and memory is freed
            bar.advance(size)
    return state, jax.tree.map(lambda *parts: np.concatenate(parts), *records) if records else None


@cache
def _wide_vectors() -> dict[str, int]:
    """XLA's option for 512-bit vectors where the CPU has them: elementwise dynamics run up to 1.8 times faster."""
    flags = Path("/proc/cpuinfo")
    if jax.default_backend() == "cpu" and flags.exists() and " avx512f " in flags.read_text():
        return {"xla_cpu_prefer_vector_width": 512}
    return {}


@cache
def _compiled(wide: bool):
    jit: Any = eqx.filter_jit  # its type does not tell that it hands further options on to jax.jit
    return jit(_scan, compiler_options=_wide_vectors() if wide else None)


def _run(dynamics, state, inputs, start, **how):
    # XLA takes options for a whole program only, not for a part of one that is being traced.
    compiled = _compiled(bool(_wide_vectors()) and not _traced(dynamics, state, inputs))
    try:
        return compiled(dynamics, state, inputs, jnp.asarray(start), **how)
    except TypeError as error:
        if "scan body function carry" not in str(error):
            raise
        what = _changed(dynamics, state, inputs, how["held"], how["dt"])
        raise InputError(f"a step must give the state back in its shapes and dtypes, but {what}") from None


def _traced(*trees) -> bool:
    return any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(trees))


def _changed(dynamics, state, inputs, held, dt) -> str:
    """Say what a step makes of the state, where that is not of the same shapes and dtypes."""
    after, _ = jax.eval_shape(partial(dynamics.step, dt=dt), state, _one_input(inputs, held))
    before = jax.eval_shape(lambda: jax.tree.map(jnp.asarray, state))
    if jax.tree.structure(before) != jax.tree.structure(after):
        return f"makes {jax.tree.structure(after)} of {jax.tree.structure(before)}"
    pairs = zip(jax.tree.leaves_with_path(before), jax.tree.leaves(after), strict=True)
    changed = [
        f"state{jax.tree_util.keystr(path)} was {old.dtype}{old.shape} and is {new.dtype}{new.shape}"
        for (path, old), new in pairs
        if (old.shape, old.dtype) != (new.shape, new.dtype)
    ]
    return ", ".join(changed)


def _scan(dynamics, state, inputs, start, *, steps, held, dt, every, remat, unroll, record):
    def step(state, x):
        i, input = x
        if held:
            input = inputs(i * dt) if callable(inputs) else inputs
        return dynamics.step(state, input, dt)

    def advance(state, xs):
        """Take steps and record nothing."""
        if not _length(xs):  # an empty loop would be compiled all the same
            return state
        return _loop(lambda s, x: (step(s, x)[0], None), state, xs, unroll)[0]

    def one(state, x):
        """Take a step and record."""
        state, out = step(state, x)
        return state, record(state, out)

    def period(state, xs):
        """Take `every` steps, then record."""
        return one(advance(state, _part(xs, 0, every - 1)), jax.tree.map(lambda x: x[-1], xs))

    def periods(state, xs):
        # Splitting copies the inputs, which is spared where every step is recorded.
        return _loop(one, state, xs, unroll) if every == 1 else lax.scan(period, state, _split(xs, every))

    xs = (start + jnp.arange(steps), None if held else jax.tree.map(jnp.asarray, inputs))
    recorded = steps - steps % every
    if remat is None:
        state, records = periods(state, _part(xs, 0, recorded))
    else:
        state, records = _in_blocks(jax.checkpoint(periods), remat, state, _part(xs, 0, recorded))
    return advance(state, _part(xs, recorded, steps)), records


def _loop(step, state, xs, unroll):
    """`lax.scan` with `unroll` steps in a round.

    Its own option unrolls after differentiation, which copies what the gradient keeps of each round once more.
    """

    def several(state, xs):
        outputs = []
        for i in range(_length(xs)):
            state, output = step(state, jax.tree.map(lambda x, i=i: x[i], xs))
            outputs.append(output)
        return state, jax.tree.map(lambda *outputs: jnp.stack(outputs), *outputs)

    return lax.scan(step, state, xs) if unroll == 1 else _in_blocks(several, unroll, state, xs)


def _in_blocks(run, size, state, xs):
    """Scan over blocks of that many steps, each given to `run` as a whole, and run the steps that are left over."""
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
