"""Backpropagation through time by hand: the gradient of a recurrent network as a recursion from step to step.

With a_i = x_i U + h_(i−1) W + b, h_i = σ(a_i), z_i = h_i V + c and E = Σ_i α_i L(z_i, t_i), and with gradients that
have one row per sequence,

    ∇_{z_i} E = α_i ∂L/∂z_i
    ∇_{a_i} E = σ′(a_i) ⊙ (∇_{z_i} E Vᵀ + ∇_{a_{i+1}} E Wᵀ)

from the last step back to the first, and, summed over steps and sequences,

    ∇_U E = Σ x_iᵀ ∇_{a_i} E    ∇_W E = Σ h_{i−1}ᵀ ∇_{a_i} E    ∇_b E = Σ ∇_{a_i} E
    ∇_V E = Σ h_iᵀ ∇_{z_i} E    ∇_c E = Σ ∇_{z_i} E.

In the truncated form, the second term of ∇_{a_i} is omitted where step i + 1 starts a window of k steps: gradients then
reach at most k steps back, while h is carried on.

Sources: P. J. Werbos, Backpropagation through time: what it does and how to do it, Proceedings of the IEEE 78:1550
(1990); R. J. Williams and J. Peng, Neural Computation 2:490 (1990), for the truncated form.
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray

from neuraxis import check
from neuraxis.autodiff.backprop import Activation
from neuraxis.engine import Chain, simulate
from neuraxis.errors import InputError
from neuraxis.layers import Linear
from neuraxis.recurrent.loss_over_time import LossOverTime
from neuraxis.recurrent.rnn import RNN


class BPTT(eqx.Module):
    """The gradient of the mean loss of `Chain(RNN(…), Linear(…))`, for `descent(loss, optimizer, gradient=BPTT(…))`.

    Args:
        loss: loss E.
        slope: derivative ∂L/∂z, as a function `slope(z, t)` of readouts z (…, time, out); for a loss with its matching
            output activation function it is y − t, as in `lambda z, t: softmax(z) - t`.
        window: number of steps k in a window; None for the whole sequence.

    Raises:
        InputError: for a slope that is not a function or returns another shape, a window that is not positive, or
            another model.
    """

    loss: LossOverTime
    slope: Callable[[Any, Any], Any] = eqx.field(static=True)
    window: int | None = None

    def __check_init__(self):
        check.instance(LossOverTime, loss=self.loss)
        check.functions(slope=self.slope)
        if self.window is not None:
            check.whole(window=self.window)

    def __call__(
        self, model: Chain, x: ArrayLike, t: ArrayLike, *, key: PRNGKeyArray | None = None
    ) -> tuple[Float[Array, " batch"], Chain]:
        """Return E of each sequence of the batch, and the gradient of their mean, a tree like the model."""
        losses, gradient, _ = self.from_state(model, x, t, None)
        return losses, gradient

    def from_state(
        self, model: Chain, x: ArrayLike, t: ArrayLike, state: Any
    ) -> tuple[Float[Array, " batch"], Chain, tuple[Array]]:
        """Return E, the gradient and the state after the last step, starting from `state`, or from 0 if it is None."""
        rnn, readout = _parts(model)
        inputs = check.floats("x", x)
        if inputs.ndim != 3 or not inputs.shape[0]:
            raise InputError(f"x must contain sequences, of shape (batch, time, in), but has shape {inputs.shape}")
        first = rnn.init_state((len(inputs), inputs.shape[-1])) if state is None else jnp.asarray(state[0])
        h = rnn(inputs, first)
        before = jnp.concatenate([first[:, None], h[:, :-1]], axis=1)[:, : h.shape[1]]
        a, z = rnn.project(inputs) + rnn.recurrent(before), readout(h)
        by_z = self._by_readout(z, t)
        by_a = self._backwards(rnn, by_z @ readout.weight.T, rnn.activation.derivative(a))
        gradient = eqx.tree_at(
            lambda chain: (chain.parts[0].input, chain.parts[0].recurrent, chain.parts[1]),
            model,
            (_summed(rnn.input, inputs, by_a), _summed(rnn.recurrent, before, by_a), _summed(readout, h, by_z)),
        )
        return self.loss.total(z, t), gradient, (h[:, -1] if h.shape[1] else first,)

    def _by_readout(self, z: Array, t: ArrayLike) -> Array:
        """Return ∇_z of the mean of E over the batch, for all steps."""
        slope = self.slope(z, t)
        if jnp.shape(slope) != z.shape:
            raise InputError(f"slope must return the shape of z, {z.shape}, but returned shape {jnp.shape(slope)}")
        return self.loss.alpha(z.shape[:-1])[..., None] * slope / len(z)

    def _backwards(self, rnn: RNN, by_h: Array, slope: Array) -> Array:
        """Return ∇_a for all steps, by the recursion."""
        steps = by_h.shape[1]
        if not steps:
            return by_h
        begins = jnp.arange(steps) % (self.window or steps) == 0
        inputs = [jnp.moveaxis(array, 1, 0)[::-1] for array in (by_h, slope)]
        found = simulate(_Backwards(rnn.recurrent.weight), (*inputs, begins[::-1])).record
        return jnp.moveaxis(found[::-1], 0, 1)


class _Backwards(eqx.Module):
    """The recursion as a dynamics from the last step to the first; its state is ∇_{a_{i+1}} Wᵀ."""

    weight: Float[Array, "hidden hidden"]

    def init_state(self, input_shape: tuple) -> Float[Array, "batch hidden"]:
        return jnp.zeros(input_shape[0], self.weight.dtype)

    def step(self, later: Array, input: tuple[Array, Array, Array], dt: ArrayLike = 1.0) -> tuple[Array, Array]:
        by_h, slope, begins = input
        by_a = slope * (by_h + later)
        return jnp.where(begins, 0.0, by_a @ self.weight.T), by_a


def _summed(layer: Linear, x: Array, by_z: Array) -> Linear:
    """Return the gradient with respect to a layer z = x W + b, summed over all steps."""
    x, by_z = (array.reshape(-1, array.shape[-1]) for array in (x, by_z))
    by_bias = None if layer.bias is None else jnp.sum(by_z, axis=0)
    return eqx.tree_at(lambda n: (n.weight, n.bias), layer, (x.T @ by_z, by_bias), is_leaf=lambda leaf: leaf is None)


def _parts(model: Any) -> tuple[Any, Linear]:
    parts = model.parts if isinstance(model, Chain) else ()
    if len(parts) != 2 or not isinstance(parts[0], RNN) or not isinstance(parts[1], Linear):
        raise InputError(f"model must be Chain(RNN(…), Linear(…)), but is {check.received(model)}")
    if not isinstance(parts[0].activation, Activation):
        raise InputError(
            "the activation of the RNN must be a function with a method derivative, such as those of "
            f"neuraxis.functions.activations, but is {check.received(parts[0].activation)}"
        )
    return parts
