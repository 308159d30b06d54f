"""Contrastive divergence: training of restricted Boltzmann machines.

The gradient of the log-likelihood is a difference of two expectations, one over the data and one over the model. The
latter is estimated by Gibbs sampling, which starts at the data (contrastive divergence) or continues from its state
after the previous batch (persistent contrastive divergence).

G. E. Hinton, Neural Computation 14:1771 (2002); T. Tieleman, Training restricted Boltzmann machines using
approximations to the likelihood gradient, ICML (2008); J. Melchior, A. Fischer, L. Wiskott, How to center deep
Boltzmann machines, Journal of Machine Learning Research 17(99):1 (2016).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jax import lax
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray, PyTree

from neuraxis import check
from neuraxis.energy.rbm import RBM, drawn
from neuraxis.errors import InputError
from neuraxis.functions.activations import logistic


class Slopes(NamedTuple):
    """Gradient with respect to weights and biases, or one of the two means whose difference it is."""

    weight: Float[Array, "visible hidden"]
    visible_bias: Float[Array, " visible"]
    hidden_bias: Float[Array, " hidden"]


class Offsets(NamedTuple):
    """Offsets μ and λ, which centring subtracts from the units."""

    visible: Float[Array, " visible"]
    hidden: Float[Array, " hidden"]


class Phase(NamedTuple):
    """Visible units, of data or of chains, and the hidden probabilities given them."""

    v: Float[Array, "example visible"]
    gap: Float[Array, "example hidden"]  # energy gaps of the hidden units
    hidden: Float[Array, "example hidden"]  # their probabilities

    @staticmethod
    def of(model: RBM, v: Any) -> "Phase":
        """Compute the phase of visible units (N, V)."""
        gap = model.hidden_gap(v)
        return Phase(jnp.asarray(v, model.dtype), gap, logistic(gap / model.temperature))

    def means(self) -> Slopes:
        """Return the means of v_i P(h_j = 1 | v), v_i and P(h_j = 1 | v)."""
        both = jnp.matmul(self.v.T, self.hidden, precision=lax.Precision.HIGHEST) / len(self.v)
        return Slopes(both, jnp.mean(self.v, axis=0), jnp.mean(self.hidden, axis=0))

    def free_energy(self, model: RBM) -> Float[Array, " example"]:
        """Return F(v)."""
        return model.free_energy_of_gap(self.v, self.gap)


class LearningState(eqx.Module):
    """State of contrastive divergence between batches."""

    optimizer: PyTree
    hidden: Float[Array, "chain hidden"] | None  # units of the persistent chains
    offsets: Offsets | None  # if gradients are centred


def contrastive_divergence(
    optimizer: optax.GradientTransformation, k: int = 1, *, centring: ArrayLike | None = None
) -> "ContrastiveDivergence":
    """Train by CD-k: with the difference between the data and their state after k sweeps of Gibbs sampling.

        W ← W + κ (Vᵀ σ(VW + c) − V_kᵀ σ(V_k W + c)) / N

    for a batch V (N, V), its state V_k after k sweeps, and the learning rate κ of `gradient_descent(κ)`; b and c
    likewise, and all divided by T. This descends F(V) − F(V_k), the loss reported in training. The loss on validation
    data is the negative `pseudo_log_likelihood`.

    Args:
        optimizer: an optax transformation, such as `momentum(0.05, 0.5)`.
        k: number of sweeps.
        centring: weight of a batch in the moving offsets of `centred` gradients; with None, gradients are not centred.

    Raises:
        InputError: for an optimiser that is not an optax transformation, a k below 1, or a centring outside [0, 1).
    """
    return ContrastiveDivergence(*_checked(optimizer, k, centring), chains=None)


def persistent_contrastive_divergence(
    optimizer: optax.GradientTransformation, chains: int, k: int = 1, *, centring: ArrayLike | None = None
) -> "ContrastiveDivergence":
    """Train by PCD-k: as `contrastive_divergence`, with chains that continue for k sweeps per batch and never restart.

    As long as the weights change slowly, the chains stay close to the distribution of the model, also far from the
    data. They are part of the state of the rule, and start with all hidden units off.

    Args:
        optimizer: an optax transformation, ideally with a learning rate that decays to 0.
        chains: number of chains.
        k: number of sweeps.
        centring: weight of a batch in the moving offsets of `centred` gradients; with None, gradients are not centred.

    Raises:
        InputError: for an optimiser that is not an optax transformation, a k or number of chains below 1, or a centring
            outside [0, 1).
    """
    check.whole(chains=chains)
    return ContrastiveDivergence(*_checked(optimizer, k, centring), chains=int(chains))


class ContrastiveDivergence(eqx.Module):
    """Rule of `contrastive_divergence` and `persistent_contrastive_divergence`, for batches (N, V) of data."""

    optimizer: optax.GradientTransformation
    k: int
    centring: float | Array | None
    chains: int | None

    def init(self, model: RBM) -> LearningState:
        """Return the state with all hidden units of the chains off, and the offsets that follow from the biases alone.

        Raises:
            InputError: for a model that is not an `RBM`.
        """
        check.instance(RBM, model=model)
        v, h = (logistic(bias / model.temperature) for bias in (model.visible_bias, model.hidden_bias))
        return LearningState(
            self.optimizer.init(_parameters(model)),
            None if self.chains is None else jnp.zeros((self.chains, h.size), model.dtype),
            None if self.centring is None else Offsets(v, h),
        )

    def step(
        self, model: RBM, state: LearningState, batch: tuple[Any, ...], *, key: PRNGKeyArray
    ) -> tuple[RBM, LearningState, Float[Array, " batch"]]:
        """Update the machine on a batch; the losses are F(v) of each example minus the mean F of the chains."""
        data, hidden = Phase.of(model, batch[0]), state.hidden
        if hidden is None:
            key, start = jax.random.split(key)
            hidden = drawn(jax.random.uniform(start, data.hidden.shape, model.dtype), data.hidden)
        chains, hidden = sampled(model, hidden, self.k, key=key)
        slopes, offsets = jax.tree.map(jnp.subtract, chains.means(), data.means()), state.offsets
        if offsets is not None and self.centring is not None:
            offsets = _moved(offsets, data, self.centring)
            slopes = centred(slopes, offsets)
        slopes = jax.tree.map(lambda slope: slope / model.temperature, slopes)
        parameters = _parameters(model)
        updates, inner = self.optimizer.update(slopes, state.optimizer, parameters)
        moved = eqx.tree_at(_parameters, model, optax.apply_updates(parameters, updates))
        kept = LearningState(inner, None if state.hidden is None else hidden, offsets)
        return moved, kept, data.free_energy(model) - jnp.mean(chains.free_energy(model))

    @property
    def loss(self) -> Callable[..., Float[Array, " batch"]]:
        """The negative pseudo-log-likelihood of each example [nats]."""
        return _negative_pseudo_log_likelihood  # one function, so that all rules share its compiled code


def _negative_pseudo_log_likelihood(model: RBM, v: ArrayLike, *rest: Any, key: PRNGKeyArray) -> Float[Array, " batch"]:
    return -model.pseudo_log_likelihood(v, key=key)


def sampled(model: RBM, hidden: Array, k: int, *, key: PRNGKeyArray) -> tuple[Phase, Float[Array, "chain hidden"]]:
    """Do k Gibbs sweeps, starting from hidden units; return the visible units, and hidden units drawn given them."""

    def sweep(key: PRNGKeyArray, hidden: Array) -> tuple[Phase, Array]:
        chance = model.chance(key, hidden.shape[:-1])
        phase = Phase.of(model, drawn(chance.visible, model.visible_probability(hidden)))
        return phase, drawn(chance.hidden, phase.hidden)

    if k == 1:
        return sweep(key, hidden)
    keys = jax.random.split(key, k)
    return lax.fori_loop(1, k, lambda i, found: sweep(keys[i], found[1]), sweep(keys[0], hidden))


def centred(slopes: Slopes, offsets: Offsets) -> Slopes:
    """Return the centred gradient, which is invariant to exchanging 0 and 1 in the data.

    It is the gradient with respect to the parameters of E = −(v − μ) W (h − λ)ᵀ − b′(v − μ)ᵀ − c′(h − λ)ᵀ, the same
    machine with b = b′ − λWᵀ and c = c′ − μW, transformed to W, b and c:

        ∇_W ← ∇_W − μᵀ∇_c − ∇_bᵀλ,    ∇_b ← ∇_b − λ∇_Wᵀ,    ∇_c ← ∇_c − μ∇_W    (with the new ∇_W).

    Source: Melchior, Fischer and Wiskott (2016), section 3.
    """
    mu, lam = offsets
    weight = slopes.weight - jnp.outer(mu, slopes.hidden_bias) - jnp.outer(slopes.visible_bias, lam)
    product = lambda a, b: jnp.matmul(a, b, precision=lax.Precision.HIGHEST)
    return Slopes(weight, slopes.visible_bias - product(weight, lam), slopes.hidden_bias - product(mu, weight))


def _moved(offsets: Offsets, data: Phase, share: ArrayLike) -> Offsets:
    """Update the offsets as moving averages of the means of the batches."""
    means = Offsets(jnp.mean(data.v, axis=0), jnp.mean(data.hidden, axis=0))
    return jax.tree.map(lambda old, new: old + jnp.asarray(share, old.dtype) * (new - old), offsets, means)


def _parameters(model: RBM) -> Slopes:
    return Slopes(model.weight, model.visible_bias, model.hidden_bias)


def _checked(optimizer: Any, k: int, centring: Any) -> tuple[optax.GradientTransformation, int, Any]:
    if not isinstance(optimizer, optax.GradientTransformation):
        raise InputError(f"optimizer must be an optax transformation, such as momentum(0.05), but is {optimizer!r}")
    check.whole(k=k)
    if centring is not None:
        check.fraction(centring=centring)
        check.one_number(centring=centring)
    return optimizer, int(k), centring if centring is None or isinstance(centring, float) else jnp.asarray(centring)
