"""The restricted Boltzmann machine: two layers of binary units, and an energy between them.

P. Smolensky, Information processing in dynamical systems: foundations of harmony theory, in Parallel Distributed
Processing, vol. 1 (1986); G. E. Hinton, Training products of experts by minimizing contrastive divergence, Neural
Computation 14 (2002).
"""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray

from neuraxis import check
from neuraxis.energy.hopfield import at_least_single
from neuraxis.errors import InputError
from neuraxis.functions.activations import logistic, softplus
from neuraxis.functions.ranges import only_binary
from neuraxis.functions.softplus_sum import softplus_sum
from neuraxis.values import compiled

_WEIGHT_SCALE = 0.01  # standard deviation of the initial weights


class Chance(NamedTuple):
    """Uniform numbers in [0, 1), one per unit, drawn together, which compiles and runs faster."""

    hidden: Float[Array, "... hidden"]
    visible: Float[Array, "... visible"]


class RBM(eqx.Module):
    """Visible units v and hidden units h, each 0 or 1, with connections between the layers only.

        E(v, h) = −v W hᵀ − b vᵀ − c hᵀ,    P(v, h) = e^{−E(v, h)/T} / Z

    Given one layer, the units of the other are independent, and each is on with a probability that depends on its
    energy gap, with the logistic function σ:

        P(h_j = 1 | v) = σ((vW + c)_j / T),    P(v_i = 1 | h) = σ((hWᵀ + b)_i / T).

    Summing over all h gives the free energy F(v), with P(v) = e^{−F(v)/T} / Z. `log_partition_function` computes ln Z
    for few units, and `annealed_importance_sampling` estimates it for many.

    All methods take units along the last axis, after any leading axes: v (…, V) and h (…, H).

    Raises:
        InputError: for weights that are not finite and of shape (V, H), biases that do not fit them, a temperature that
            is not positive, or units that are neither 0 nor 1. While JAX is tracing, such units give NaN instead.
    """

    weight: Float[Array, "visible hidden"]
    """Weights W (visible, hidden)."""
    visible_bias: Float[Array, " visible"]
    """Biases b of the visible units; 0 by default."""
    hidden_bias: Float[Array, " hidden"]
    """Biases c of the hidden units; 0 by default."""
    temperature: float | Array
    """Temperature T, in units of the energy."""

    def __init__(
        self,
        weight: ArrayLike,
        visible_bias: ArrayLike | None = None,
        hidden_bias: ArrayLike | None = None,
        temperature: ArrayLike = 1.0,
    ):
        """Take weights (V, H), and biases (V,) and (H,), which are 0 by default."""
        check.finite(weight=weight)
        W = at_least_single(check.floats("weight", weight))
        if W.ndim != 2 or 0 in W.shape:
            raise InputError(f"weight must have shape (visible, hidden), but has shape {W.shape}")
        check.positive(temperature=temperature)
        check.one_number(temperature=temperature)
        self.weight = W
        self.visible_bias = _bias("visible_bias", visible_bias, W, 0)
        self.hidden_bias = _bias("hidden_bias", hidden_bias, W, 1)
        self.temperature = temperature if isinstance(temperature, float) else check.floats("temperature", temperature)

    @staticmethod
    def for_data(x: ArrayLike, hidden_size: int, *, key: PRNGKeyArray) -> "RBM":
        """Return an untrained machine for data (N, V) of 0 and 1.

        Its weights are normally distributed with standard deviation 0.01. The visible biases are the `log_odds` of the
        data, so that every unit is on as often as in the data, and the hidden biases are 0.

        Raises:
            InputError: for data that are empty or contain anything other than 0 and 1, or a size that is not positive.

        Source: G. E. Hinton, A practical guide to training restricted Boltzmann machines (2012), section 8.
        """
        check.whole(hidden_size=hidden_size)
        check.key(key)
        bias = log_odds(x)
        check.array_fits("the data and hidden_size", (bias.size, hidden_size))
        return RBM(_WEIGHT_SCALE * jax.random.normal(key, (bias.size, int(hidden_size))), bias)

    @property
    def dtype(self) -> jnp.dtype:
        """Data type of weights, biases and units."""
        return self.weight.dtype

    def energy(self, v: ArrayLike, h: ArrayLike) -> Float[Array, "..."]:
        """Return E of visible and hidden units."""
        v, h = self._visible(v), self._hidden(h)
        return -jnp.sum(self._up(v) * h, axis=-1) - jnp.sum(self.visible_bias * v, axis=-1)

    def hidden_gap(self, v: ArrayLike) -> Float[Array, "... hidden"]:
        """Return the energy gap of each hidden unit, E(v, h_j = 0) − E(v, h_j = 1) = (vW + c)_j."""
        return self._up(self._visible(v))

    def visible_gap(self, h: ArrayLike) -> Float[Array, "... visible"]:
        """Return the energy gap of each visible unit, E(v_i = 0, h) − E(v_i = 1, h) = (hWᵀ + b)_i."""
        return self._down(self._hidden(h))

    def hidden_probability(self, v: ArrayLike) -> Float[Array, "... hidden"]:
        """Return P(h_j = 1 | v)."""
        return logistic(self.hidden_gap(v) / self.temperature)

    def visible_probability(self, h: ArrayLike) -> Float[Array, "... visible"]:
        """Return P(v_i = 1 | h)."""
        return logistic(self.visible_gap(h) / self.temperature)

    def free_energy(self, v: ArrayLike) -> Float[Array, "..."]:
        """Return F(v) = −T ln Σ_h e^{−E(v, h)/T} = −b vᵀ − T Σ_j ln(1 + e^{(vW + c)_j/T})."""
        return _free_energy(self, self._visible(v))

    def free_energy_of_gap(self, v: Array, hidden_gap: Array) -> Float[Array, "..."]:
        """Return F(v), given `hidden_gap(v)`."""
        T = self.temperature
        return -jnp.sum(self.visible_bias * v, axis=-1) - T * softplus_sum(hidden_gap / T)

    def log_probability(self, v: ArrayLike, log_partition: ArrayLike) -> Float[Array, "..."]:
        """Return ln P(v) = −F(v)/T − ln Z [nats], given ln Z, exact or estimated."""
        return -self.free_energy(v) / self.temperature - check.floats("log_partition", log_partition)

    def pseudo_log_likelihood(self, v: ArrayLike, *, key: PRNGKeyArray) -> Float[Array, "..."]:
        """Estimate Σ_i ln P(v_i | all other visible units) [nats] by V times the term of one unit, drawn at random.

        It does not need Z and roughly follows the likelihood: suitable to monitor training, not to compare models.

        Source: J. Besag, Journal of the Royal Statistical Society D 24:179 (1975).
        """
        check.key(key)
        v = self._visible(v)
        unit = jax.random.randint(key, (*v.shape[:-1], 1), 0, v.shape[-1])
        flipped = jnp.where(jnp.arange(v.shape[-1]) == unit, 1 - v, v)
        rise = self.free_energy_of_gap(flipped, self._up(flipped)) - self.free_energy_of_gap(v, self._up(v))
        return -v.shape[-1] * softplus(-rise / self.temperature)

    def sample_hidden(self, v: ArrayLike, *, key: PRNGKeyArray) -> Float[Array, "... hidden"]:
        """Draw hidden units given the visible ones."""
        p = self.hidden_probability(v)
        return drawn(jax.random.uniform(key, p.shape, p.dtype), p)

    def sample_visible(self, h: ArrayLike, *, key: PRNGKeyArray) -> Float[Array, "... visible"]:
        """Draw visible units given the hidden ones."""
        p = self.visible_probability(h)
        return drawn(jax.random.uniform(key, p.shape, p.dtype), p)

    def gibbs(self, v: ArrayLike, *, key: PRNGKeyArray) -> Float[Array, "... visible"]:
        """Do one Gibbs sweep: draw all hidden units given v, then all visible units given the hidden ones."""
        check.key(key)
        p = self.hidden_probability(v)
        chance = self.chance(key, p.shape[:-1])
        return drawn(chance.visible, self.visible_probability(drawn(chance.hidden, p)))

    def chance(self, key: PRNGKeyArray, leading: tuple[int, ...] = ()) -> "Chance":
        """Draw the random numbers for one sweep over units with the given leading axes."""
        hidden = self.hidden_bias.size
        numbers = jax.random.uniform(key, (*leading, hidden + self.visible_bias.size), self.dtype)
        return Chance(numbers[..., :hidden], numbers[..., hidden:])

    def at_temperature_one(self) -> "RBM":
        """Return the machine with the same distribution at T = 1: W, b and c divided by T."""
        T = self.temperature
        return RBM(self.weight / T, self.visible_bias / T, self.hidden_bias / T)

    # At default precision a GPU would round products to three digits.

    def _up(self, v: Array) -> Float[Array, "... hidden"]:
        return jnp.matmul(v, self.weight, precision=lax.Precision.HIGHEST) + self.hidden_bias

    def _down(self, h: Array) -> Float[Array, "... visible"]:
        return jnp.matmul(h, self.weight.T, precision=lax.Precision.HIGHEST) + self.visible_bias

    def _visible(self, v: ArrayLike) -> Array:
        check.last_axis(self.weight.shape[0], v=v)
        return jnp.asarray(only_units("v", v), self.dtype)

    def _hidden(self, h: ArrayLike) -> Array:
        check.last_axis(self.weight.shape[1], h=h)
        return jnp.asarray(only_units("h", h), self.dtype)


def log_odds(x: ArrayLike) -> Float[Array, " visible"]:
    """Return ln(p/(1 − p)) for the fraction p of data (N, V) in which a unit is on, (n + 1)/(N + 2) for n of N.

    These are the visible biases of the machine without weights that fits the data best, their *base rates*.

    Raises:
        InputError: for data that are empty, have another shape, or contain anything other than 0 and 1.
    """
    units = check.array("x", x)
    if units.ndim != 2 or 0 in units.shape:
        raise InputError(f"x must have shape (examples, visible), but has shape {units.shape}")
    on = jnp.sum(jnp.asarray(only_units("x", units), float), axis=0)
    return jnp.log(on + 1) - jnp.log(len(units) - on + 1)


@compiled  # always as a whole: outside `jit`, each operation would be a program of its own
def _free_energy(model: RBM, v: Array) -> Array:
    return model.free_energy_of_gap(v, model._up(v))


def drawn(uniform: Array, probability: Array) -> Array:
    """Turn uniform numbers in [0, 1) into units that are 1 with the given probabilities, else 0."""
    return jnp.asarray(uniform < probability, probability.dtype)


def only_units(name: str, x: Any) -> Any:
    """Check that units are 0 or 1 (see `only_binary`)."""
    return only_binary(name, x, remedy="; binarise images from 0 to 1 by images >= 0.5")


def _bias(name: str, bias: ArrayLike | None, weight: Array, axis: int) -> Array:
    shape = weight.shape[axis : axis + 1]
    check.finite(**{name: 0.0 if bias is None else bias})
    array = jnp.zeros(shape, weight.dtype) if bias is None else jnp.asarray(check.floats(name, bias), weight.dtype)
    if array.shape != shape:
        raise InputError(f"{name} must have shape {shape}, but has shape {array.shape}")
    return array
