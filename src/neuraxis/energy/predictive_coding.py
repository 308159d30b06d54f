"""Predictive coding: every layer predicts the one below, and only prediction errors are sent up.

R. P. N. Rao, D. H. Ballard, Predictive coding in the visual cortex, Nature Neuroscience 2:79 (1999); K. Friston, A
theory of cortical responses, Philosophical Transactions of the Royal Society B 360:815 (2005); J. C. R. Whittington,
R. Bogacz, An approximation of the error backpropagation algorithm in a predictive coding network with local Hebbian
synaptic plasticity, Neural Computation 29:1229 (2017).
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.functions.activations import Activation, relu
from neuraxis.functions.initializers import Initializer, scaled_normal
from neuraxis.functions.integrators import rk4

Layers = tuple[Array, ...]

# With targets from 0 to 1, initial predictions should be small.
_INITIALIZER = scaled_normal(1.0)


class Ends(NamedTuple):
    """Values of the lowest and the highest layer; None for a layer that is free."""

    bottom: Any = None
    """Values x¹ of the bottom (…, n_1)."""
    top: Any = None
    """Values x^L of the top (…, n_L)."""


class Nodes(NamedTuple):
    """State of the dynamics: values x¹ … x^L and errors ε¹ … ε^{L−1}, (…, n_i) each."""

    values: Layers
    errors: Layers


class PredictiveCoding(eqx.Module):
    """L layers of value nodes x^i, each of which predicts the one below; the prediction errors ε^i drive them:

        μ^i = σ(x^{i+1}) M^i + β^i,
        τ dε^i/dt = x^i − μ^i − ν^i ε^i,
        τ dx^i/dt = σ′(x^i) ⊙ (ε^{i−1} W^{i−1}) − ε^i,

    where x¹ has no layer below it and x^L none above, so that the terms of the missing layers are omitted. The variance
    ν^i of a layer is the leak of its errors: at rest, ε^i = (x^i − μ^i)/ν^i. With W^i = (M^i)ᵀ the values then descend

        F = ½ Σ_i ν^i ‖ε^i‖² = ½ Σ_i ‖x^i − μ^i‖²/ν^i,     τ dx/dt = −∂F/∂x,

    the negative log-probability of normally distributed layers, up to the constant ½ Σ_i n_i ln(2πν^i), since ν is not
    learnt. (If all ν are 1, it is ½ Σ ‖ε^i‖².)

    Predictions go from the top x^L down to the bottom x¹, whatever these two represent. A *generative* network has the
    causes (labels) at its top and the data (images) at its bottom; a *discriminative* one has the input (images) at its
    top and the target (labels) at its bottom, and thus predicts like a feedforward network. Both are found in the
    literature, with either numbering of the layers.

    It is a map: if only the top is clamped, all errors are 0 at rest, so `model(top)` returns x¹ in one sweep.
    `Inference` is the map in the opposite direction, from x¹ to x^L. It is an energy of all values (`energy`);
    `Clamped` is that of the free values, which `neuraxis.engine.relax` settles. And it is a dynamics of `Nodes`, with
    the clamped `Ends` as input and both ends as output.

    With separate weights W (`tied=False`), `jax.grad` of the energy with respect to the values propagates errors
    through W, as the equations do. That is then not the gradient of F, but the network learns nevertheless.

    Args:
        sizes: layer sizes n_1 … n_L, from the bottom to the top: (10, 256, 784) predicts 10 numbers from 784.
        key: random key for the initial weights M, and W if not tied; β is initialised to zero.
        activation: activation function σ, an elementwise one of `neuraxis.functions.activations`.
        tied: whether W is Mᵀ; the field `feedback` is then None.
        variances: variances ν¹ … ν^{L−1}, or one number for all. A large ν¹ clamps the bottom only weakly.
        tau: time constant of the dynamics [ms].
        initializer: initialiser of M^i (n_{i+1}, n_i), and of the transpose of W^i; by default with variance 1/n_{i+1}.
            With `he_normal`, values keep their scale in deep networks of ReLU.

    Raises:
        InputError: for fewer than two sizes, an activation that is not elementwise, variances or a time constant that
            are not positive, or a number of variances other than that of the errors.

    Source: Whittington and Bogacz (2017), eq. 2.7–2.19.
    """  # noqa: D415 - the first line ends in an equation

    weights: Layers
    """Weights M^i of the predictions (n_{i+1}, n_i)."""
    biases: Layers
    """Biases β^i (n_i,)."""
    feedback: Layers | None
    """Weights W^i of the errors (n_i, n_{i+1}); None if they are tied."""
    variances: tuple[float | Array, ...]
    tau: float | Array
    activation: Activation = eqx.field(static=True)

    def __init__(
        self,
        sizes: Sequence[int],
        *,
        key: PRNGKeyArray,
        activation: Activation = relu,
        tied: bool = True,
        variances: ArrayLike | Sequence[float | Array] = 1.0,
        tau: float | Array = 10.0,
        initializer: Initializer = _INITIALIZER,
    ):
        sizes = check.sizes(2, sizes=sizes)
        check.array_fits("sizes", (sum(below * above for below, above in pairwise(sizes)),))
        check.key(key)
        check.boolean(tied=tied)
        check.functions(initializer=initializer)
        _check_activation(activation)
        shapes = [(above, below) for below, above in pairwise(sizes)]
        forward, backward = jax.random.split(key)
        draw = lambda key: [initializer(k, s) for k, s in zip(jax.random.split(key, len(shapes)), shapes, strict=True)]
        self.weights = tuple(draw(forward))
        self.biases = tuple(jnp.zeros(below) for below in sizes[:-1])
        self.feedback = None if tied else tuple(M.T for M in draw(backward))
        self.variances = _checked_variances(variances, len(shapes))
        check.positive(tau=tau)
        check.one_number(tau=tau)
        self.tau, self.activation = tau if isinstance(tau, jax.Array) else float(tau), activation

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of nodes of each layer, from the bottom to the top."""
        return (*(len(bias) for bias in self.biases), len(self.weights[-1]))

    @property
    def dtype(self) -> jnp.dtype:
        """Data type of weights and values."""
        return self.weights[0].dtype

    def __call__(self, x: ArrayLike, *, key: PRNGKeyArray | None = None) -> Float[Array, "... bottom"]:
        """Clamp the top (…, n_L), and return the bottom (…, n_1) at rest: the prediction through all layers."""
        return self.sweep(as_end("x", x, self.sizes[-1], self.dtype))[0]

    def sweep(self, top: Float[Array, "... top"], errors: Sequence[Array | None] | None = None) -> Layers:
        """Return the values x^i = μ^i + ν^i ε^i at which the errors ε¹ … ε^{L−1} are at rest, from the top down.

        Args:
            top: values x^L.
            errors: errors of each layer but the top; None stands for 0, for one layer or for all.
        """
        values = [top]
        for i in reversed(range(len(self.weights))):
            mean, error = self.prediction(i, values[0]), None if errors is None else errors[i]
            values.insert(0, mean if error is None else mean + self.variances[i] * error)
        return tuple(values)

    def prediction(self, i: int, above: Float[Array, "... above"]) -> Float[Array, "... below"]:
        """Return μ of layer number i (counted from 0), given the values of the layer above it."""
        s, M = self.activation(above), self.weights[i]
        flat = s.reshape(-1, s.shape[-1])
        product = _product(flat, M) if self.feedback is None else _product_with_feedback(flat, M, self.feedback[i])
        return (product + self.biases[i]).reshape(*s.shape[:-1], -1)

    def errors(self, values: Sequence[Array]) -> Layers:
        """Return the errors at rest, ε^i = (x^i − μ^i)/ν^i, of values x¹ … x^L."""
        return tuple(
            (values[i] - self.prediction(i, values[i + 1])) / self.variances[i] for i in range(len(self.weights))
        )

    def energy(self, x: Sequence[ArrayLike]) -> Float[Array, "..."]:
        """Return F of values x¹ … x^L (…, n_i)."""
        if not isinstance(x, tuple | list) or len(x) != len(self.sizes):
            raise InputError(f"x must contain the values of {len(self.sizes)} layers, but is {check.received(x)}")
        names = [f"x[{i}]" for i in range(len(x))]
        values = [as_end(*each, self.dtype) for each in zip(names, x, self.sizes, strict=True)]
        return self.energy_of_errors(self.errors(values))

    def energy_of_errors(self, errors: Sequence[Array | None]) -> Float[Array, "..."]:
        """Return F = ½ Σ ν^i ‖ε^i‖² of errors ε¹ … ε^{L−1}, where None stands for 0."""
        squares = [
            variance * jnp.sum(error * error, axis=-1)
            for variance, error in zip(self.variances, errors, strict=True)
            if error is not None
        ]
        return 0.5 * sum(squares, jnp.zeros((), self.dtype))

    def init_state(self, input_shape: Any) -> Nodes:
        """Return the top at 1/n_L, the mean of one-hot labels, its predictions in the layers below, and errors of 0.

        Args:
            input_shape: `Ends` of the shapes of the clamped layers, with None for a free one; () if both are free.
        """
        shapes = [shape for shape in _as_ends(input_shape) if shape is not None]
        lead = jnp.broadcast_shapes(*(tuple(shape)[:-1] for shape in shapes)) if shapes else ()
        values = self.sweep(self.undecided(lead))
        return Nodes(values, tuple(jnp.zeros_like(x) for x in values[:-1]))

    def undecided(self, lead: tuple[int, ...]) -> Float[Array, "... top"]:
        """Return the initial values of a free top, 1/n_L, with the given leading axes."""
        return jnp.full((*lead, self.sizes[-1]), 1 / self.sizes[-1], self.dtype)

    def derivative(self, y: Nodes, input: Any) -> Nodes:
        """Return dx/dt and dε/dt [1/ms]; clamped values do not change."""
        ends, (x, error) = _as_ends(input), y
        gaps = [x[i] - self.prediction(i, x[i + 1]) for i in range(len(error))]
        drift = [
            (gap - variance * own) / self.tau for gap, variance, own in zip(gaps, self.variances, error, strict=True)
        ]
        feedback = self.feedback or tuple(M.T for M in self.weights)
        up = [self.activation.derivative(x[i + 1]) * _product(error[i], feedback[i]) for i in range(len(error))]
        flow = [-error[0], *(a - b for a, b in zip(up[:-1], error[1:], strict=True)), up[-1]]
        for end, clamp in ((0, ends.bottom), (-1, ends.top)):
            flow[end] = flow[end] if clamp is None else jnp.zeros_like(flow[end])
        return Nodes(tuple(d / self.tau for d in flow), tuple(drift))

    def step(self, state: Nodes, input: Any, dt: ArrayLike) -> tuple[Nodes, Ends]:
        """Set the ends that the input clamps, and advance all other nodes by `dt` [ms], by the Runge–Kutta method.

        The output is both ends. Steps above about 2.7 τ/ν, for the largest variance, are unstable.

        Raises:
            InputError: for clamps of another shape than the ends of the network.
        """
        ends, values = _as_ends(input), list(state.values)
        for end, name, clamp in ((0, "bottom", ends.bottom), (-1, "top", ends.top)):
            if clamp is not None:
                given = as_end(f"the input at the {name}", clamp, self.sizes[end], self.dtype)
                check.fits(values[end].shape, **{name: given})
                values[end] = jnp.broadcast_to(given, values[end].shape)
        nodes = rk4(self, Nodes(tuple(values), state.errors), ends, jnp.asarray(dt, self.dtype))
        return nodes, Ends(nodes.values[0], nodes.values[-1])


def as_end(name: str, value: Any, size: int, dtype: Any) -> Array:
    """Check the values of a layer, and return them as an array (…, size).

    Raises:
        InputError: for another shape, with the probable remedy.
    """
    given = check.array(name, value)
    if not given.ndim or given.shape[-1] != size:
        labels = given.dtype.kind in "iub" and given.ndim == 1
        cure = f"; neuraxis.functions.losses.one_hot(labels, {size}) converts labels" if labels else ""
        raise InputError(f"{name} must have shape (…, {size}), but has shape {given.shape}{cure}")
    return jnp.asarray(given, dtype)


def _as_ends(input: Any) -> Ends:
    """Return the clamped ends; there are none if the input is None or its shape is ()."""
    if input is None or (type(input) is tuple and not input):
        return Ends()
    if not isinstance(input, Ends):
        raise InputError(
            f"the input must be Ends(bottom, top), the values that are clamped, but is {check.received(input)}"
        )
    return input


def _product(s: Array, M: Array) -> Array:
    # x − μ may be small compared with x and μ: at default precision a GPU would round it away.
    return jnp.matmul(s, M, precision=lax.Precision.HIGHEST)


@jax.custom_jvp
def _product_with_feedback(s: Array, M: Array, W: Array) -> Array:
    """Return sM, whose derivative with respect to s propagates errors through W in place of Mᵀ."""
    return _product(s, M)


@_product_with_feedback.defjvp
def _product_with_feedback_jvp(primals: Any, tangents: Any) -> tuple[Array, Array]:
    (s, M, W), (ds, dM, _) = primals, tangents
    return _product(s, M), _product(ds, W.T) + _product(s, dM)


def _check_activation(activation: Any) -> None:
    check.instance(Activation, activation=activation)
    if jax.eval_shape(activation.derivative, jnp.zeros(2)).shape != (2,):
        raise InputError(f"activation must act on each entry, but {activation} acts on a whole layer")


def _checked_variances(variances: Any, count: int) -> tuple[float | Array, ...]:
    several = isinstance(variances, tuple | list)
    each = tuple(variances) if several else (variances,) * count
    if len(each) != count:
        raise InputError(f"variances must be one number, or {count}, one for each layer of errors, but are {len(each)}")
    for i, variance in enumerate(each):
        name = f"variances[{i}]" if several else "variances"
        check.positive(**{name: variance})
        check.one_number(**{name: variance})
    return tuple(variance if isinstance(variance, jax.Array) else float(variance) for variance in each)
