"""A classifier of spiking neurons, trained by backpropagation through time with surrogate gradients."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray

from neuraxis import check
from neuraxis.engine import Trace, record_nothing, record_output, simulate
from neuraxis.errors import InputError
from neuraxis.functions.initializers import scaled_normal
from neuraxis.layers import Linear
from neuraxis.neurons.discrete_lif import POTENTIAL, DiscreteLIF
from neuraxis.spiking.readout import Readout, spike_count

_UNROLL = 5  # time steps per loop iteration: training steps are a fifth faster, and compilation takes a second longer


class SpikingClassifier(eqx.Module):
    """Layers of leaky integrate-and-fire neurons, each driven by the spikes of the previous one.

        s⁰(t) = x or spikes coding x;   Iˡ(t) = sˡ⁻¹(t) Wˡ + bˡ;   vˡ, sˡ by `DiscreteLIF`;   y = readout(Iᴸ)

    It is a map from inputs to logits, computed by a dynamics that `simulate` runs for `steps` steps of `dt`. There is
    no delay between layers: a spike drives the next layer in the step in which it is fired. Weights are initialised
    from a normal distribution of variance (1 − β²)/n_in, with β = e^(−dt/τ_m), and biases to zero.

    Args:
        sizes: number of features of the input, hidden layers and output, such as (784, 1000, 10).
        neurons: the neurons of every layer.
        readout: how the activity of the output neurons is reduced to logits: `spike_count`, `mean_potential`,
            `max_potential`, or another function from neurons to a `Readout`.
        coding: `coding(x, steps, key=key)` converts inputs to spikes (time, …, in), such as `rate_code` or
            `latency_code`. With None, x is a constant current, whose product with W¹ is computed only once.
        steps: number of time steps.
        dt: length of a step [ms].
        key: random key for the initial weights.

    Raises:
        InputError: for fewer than two sizes, sizes or steps that are not positive integers, a dt that is not positive,
            or a readout or coding that is not a function.

    Source: Eshraghian et al., Proceedings of the IEEE 111:1016 (2023); Neftci, Mostafa & Zenke, IEEE Signal Processing
    Magazine 36:51 (2019).
    """

    layers: tuple[Linear, ...]
    neurons: tuple[DiscreteLIF, ...]
    """Neurons of the hidden layers."""
    readout: Readout
    coding: Callable | None = eqx.field(static=True)
    steps: int = eqx.field(static=True)
    dt: float
    """Length of a time step [ms]."""

    def __init__(
        self,
        sizes: Sequence[int],
        *,
        neurons: DiscreteLIF = DiscreteLIF(),  # noqa: B008  (frozen)
        readout: Callable[[DiscreteLIF], Readout] = spike_count,
        coding: Callable | None = None,
        steps: int = 25,
        dt: float | int = 1.0,
        key: PRNGKeyArray,
    ):
        if not isinstance(sizes, Sequence) or isinstance(sizes, str) or len(sizes) < 2:
            example = "at least input and output, such as (784, 10)"
            raise InputError(f"sizes must name {example}, but are {check.received(sizes)}")
        check.whole(**{f"sizes[{i}]": size for i, size in enumerate(sizes)})
        check.instance(DiscreteLIF, neurons=neurons)
        check.whole(steps=steps)
        check.one_number(dt=dt)
        check.positive(dt=dt)
        check.key(key)
        check.functions(readout=readout, **({} if coding is None else {"coding": coding}))
        keys = jax.random.split(key, len(sizes) - 1)
        # Independent inputs of variance 1 in every step then yield potentials of variance 1, whatever the leak.
        initializer = scaled_normal(-jnp.expm1(-2 * dt / jnp.mean(neurons.tau_m)))
        self.layers = tuple(
            Linear(i, o, key=k, initializer=initializer) for (i, o), k in zip(pairwise(sizes), keys, strict=True)
        )
        self.neurons = (neurons,) * (len(sizes) - 2)
        self.readout = readout(neurons)
        self.coding, self.steps, self.dt = coding, int(steps), dt

    def __call__(self, x: Float[ArrayLike, "... in"], *, key: PRNGKeyArray | None = None) -> Float[Array, "... out"]:
        """Map inputs (…, in) to logits (…, out). A random coding needs the key.

        Raises:
            InputError: for an x that has the wrong shape, is not finite or is refused by the coding, or a coding that
                returns another number of steps. In compiled code, NaN in x makes the logits NaN.
        """
        *hidden, last = self.run(x, key=key, record=record_nothing).state
        # Neurons do not fire at NaN, so that it would not reach the logits.
        lost = jnp.stack([jnp.isnan(v).any(-1) for v in (*hidden, last.v)]).any(0)
        return jnp.where(lost[..., None], jnp.nan, last.logits)

    def run(
        self,
        x: Float[ArrayLike, "... in"],
        *,
        key: PRNGKeyArray | None = None,
        record: Callable[[Any, Any], Any] = record_output,
    ) -> Trace:
        """Simulate the network, recording in every step.

        The output of a step is a tuple with one entry per layer: the spikes of the hidden layers, then the logits so
        far. The state is a tuple of potentials and a `ReadoutState`.

        Args:
            x: input of the coding; without a coding, a constant current.
            key: random key of the coding.
            record: `record(state, output)`, as for `simulate`.

        Raises:
            InputError: for an x that has another size or is not finite, or a coding that returns another number of
                steps.
        """
        x = check.array("x", x)
        coded = check.floats("x", x) if self.coding is None else self.coding(x, self.steps, key=key)
        if self.coding is None:
            check.last_axis(len(self.layers[0].weight), x=x)
            check.finite(x=coded)
        elif np.shape(coded)[:1] != (self.steps,):
            raise InputError(
                f"the coding must return shape ({self.steps}, …, in), but returned shape {np.shape(coded)}"
            )
        steps = self.steps if self.coding is None else None
        network = _Network.of(self.layers, (*self.neurons, self.readout))
        return simulate(network, coded, dt=self.dt, steps=steps, record=record, unroll=_UNROLL)


class _Network(eqx.Module):
    """The layers as a dynamics. The product of the inputs and the first weights is computed for all steps at once.

    The other weights are stored transposed: their gradient is summed in the loop over time as (out, in), and XLA on a
    CPU computes that product, of few rows, in half the time of (in, out).
    """

    first: Linear
    weights: tuple[Float[Array, "_ _"], ...]
    biases: tuple[Float[Array, " _"] | None, ...]
    neurons: tuple[DiscreteLIF | Readout, ...]

    @staticmethod
    def of(layers: tuple[Linear, ...], neurons: tuple[DiscreteLIF | Readout, ...]) -> "_Network":
        first, *later = layers
        return _Network(first, tuple(layer.weight.T for layer in later), tuple(layer.bias for layer in later), neurons)

    def init_state(self, input_shape: tuple[int, ...]) -> tuple:
        sizes = [self.first.weight.shape[1], *map(len, self.weights)]
        return tuple(
            neurons.init_state((*input_shape[:-1], size)) for neurons, size in zip(self.neurons, sizes, strict=True)
        )

    def project(self, inputs: Array) -> Array:
        return self.first(inputs)

    def step(self, state: tuple, current: ArrayLike, dt: ArrayLike) -> tuple[tuple, tuple]:
        def advance(state, current):
            states, outputs = [], []
            for i, neurons in enumerate(self.neurons):
                if i:
                    current, bias = _product(outputs[-1], self.weights[i - 1]), self.biases[i - 1]
                    current = current if bias is None else current + bias
                new, output = neurons.step(state[i], current, dt)
                states.append(new)
                outputs.append(output)
            return tuple(states), tuple(outputs)

        # For the gradient only the potentials are stored: spikes and surrogates are cheaper to recompute than to load.
        keep = jax.checkpoint_policies.save_only_these_names(POTENTIAL)
        return jax.checkpoint(advance, policy=keep, prevent_cse=False)(state, current)


def _product(spikes: Array, weight: Float[Array, "out in"]) -> Array:
    """Multiply spikes (…, in) by weights (out, in), as one product of matrices."""
    flat = lax.dot_general(spikes.reshape(-1, spikes.shape[-1]), weight, (((1,), (1,)), ((), ())))
    return flat.reshape(*spikes.shape[:-1], len(weight))
