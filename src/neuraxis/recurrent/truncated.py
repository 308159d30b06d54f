"""Truncated backpropagation through time: training on long sequences window by window."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax
from jaxtyping import Array, Bool, PRNGKeyArray, PyTree

from neuraxis import check
from neuraxis.engine import split_parameters, unroll
from neuraxis.errors import InputError
from neuraxis.kinds import Dynamics
from neuraxis.recurrent.bptt import BPTT
from neuraxis.recurrent.loss_over_time import LossOverTime


def windows(x: Any, t: Any, width: int) -> tuple[np.ndarray, np.ndarray, Bool[np.ndarray, " window"]]:
    """Cut long sequences into windows, in the order that `truncated` requires.

    The first windows of all sequences come first, then the second ones, and so on. Call `fit` with a batch size equal
    to the number of sequences, and without shuffling. Steps that do not fill a window are dropped.

    Args:
        x: inputs (sequence, time, …).
        t: targets (sequence, time, …).
        width: number of steps in a window.

    Returns:
        Inputs and targets (window, width, …), and whether each window is the first of its sequence.

    Raises:
        InputError: for inputs and targets of different numbers or lengths, or sequences shorter than a window.
    """
    check.whole(width=width)
    arrays = [np.asarray(check.array(name, array)) for name, array in (("x", x), ("t", t))]
    shapes = [array.shape[:2] for array in arrays]
    if min(array.ndim for array in arrays) < 2 or shapes[0] != shapes[1]:
        raise InputError(f"x and t must agree in their axes (sequence, time), but have shapes {shapes[0]}, {shapes[1]}")
    count, steps = shapes[0]
    if not count or steps < width:
        raise InputError(f"x must contain sequences of at least {width} steps, but has shape {arrays[0].shape}")
    number = steps // width

    def cut(array: np.ndarray) -> np.ndarray:
        whole = array[:, : number * width].reshape(count, number, width, *array.shape[2:])
        return np.ascontiguousarray(np.moveaxis(whole, 1, 0)).reshape(number * count, width, *array.shape[2:])

    return cut(arrays[0]), cut(arrays[1]), np.arange(number * count) < count


def truncated(
    loss: LossOverTime, optimizer: optax.GradientTransformation, x: Any, *, gradient: BPTT | None = None
) -> "Truncated":
    """Train on windows of long sequences: the state is carried on from window to window, the gradient is not.

    A batch is (x, t, begins), the next window of each sequence and whether it is the first, as returned by `windows`:

        fit(model, truncated(loss, optimizer, x), windows(x, t, 50), batch_size=len(x), shuffle=False, …)

    The state carried on is computed with the weights before the optimiser's step.

    Args:
        loss: loss E of a window.
        optimizer: optax transformation.
        x: sequences (sequence, time, …), of which only the number and the features matter.
        gradient: explicit gradient of E; by default, automatic differentiation.

    Raises:
        InputError: for arguments of the wrong type, or an x without a time axis.

    Source: R. J. Williams and J. Peng, Neural Computation 2:490 (1990).
    """
    check.instance(LossOverTime, loss=loss)
    if gradient is not None:
        check.instance(BPTT, gradient=gradient)
    if not isinstance(optimizer, optax.GradientTransformation):
        raise InputError(f"optimizer must be an optax transformation, such as optax.adam(1e-3), but is {optimizer!r}")
    like = jnp.asarray(check.array("x", x))
    if like.ndim < 2:
        raise InputError(f"x must have shape (sequence, time, …), but has shape {like.shape}")
    return Truncated(loss, optimizer, gradient, like[:, :0])


class TruncatedState(eqx.Module):
    """State carried on from window to window."""

    optimizer: PyTree
    carried: PyTree  # state of the model, one row per sequence


class Truncated(eqx.Module):
    """The rule returned by `truncated`."""

    loss: LossOverTime
    optimizer: optax.GradientTransformation
    gradient: BPTT | None
    like: Array  # the sequences, cut to length 0

    def init(self, model: Dynamics) -> TruncatedState:
        """Return the initial states of the optimiser and of the model."""
        return TruncatedState(self.optimizer.init(split_parameters(model)[0]), self._begin(model))

    def step(
        self, model: Dynamics, state: TruncatedState, batch: tuple[Any, ...], *, key: PRNGKeyArray
    ) -> tuple[PyTree, TruncatedState, Array]:
        """Train on the next window of each sequence.

        Raises:
            InputError: for a batch that is not (x, t, begins) with one window of each sequence.
        """
        if len(batch) != 3 or len(batch[0]) != len(self.like):
            raise InputError(
                f"a batch must be (x, t, begins) with {len(self.like)} sequences, as returned by windows(x, t, width), "
                f"with batch_size={len(self.like)}"
            )
        x, t, begins = batch
        carried = jax.tree.map(
            lambda old, first: jnp.where(begins.reshape(-1, *(1,) * (old.ndim - 1)), first, old),
            state.carried,
            self._begin(model),
        )
        losses, gradient, after = self._learn(model, x, t, lax.stop_gradient(carried), key)
        parameters, rest = split_parameters(model)
        updates, inner = self.optimizer.update(split_parameters(gradient)[0], state.optimizer, parameters)
        return eqx.combine(optax.apply_updates(parameters, updates), rest), TruncatedState(inner, after), losses

    def _begin(self, model: Dynamics) -> PyTree:
        return unroll(model, self.like, key=jax.random.key(0))[1]  # no steps, so nothing is drawn

    def _learn(self, model, x, t, carried, key) -> tuple[Array, Any, PyTree]:
        if self.gradient is not None:
            return self.gradient.from_state(model, x, t, carried)
        parameters, rest = split_parameters(model)

        def mean(parameters):
            losses, after = self.loss.from_state(eqx.combine(parameters, rest), x, t, carried, key=key)
            return jnp.mean(losses), (losses, after)

        gradient, (losses, after) = jax.grad(mean, has_aux=True)(parameters)
        return losses, gradient, after
