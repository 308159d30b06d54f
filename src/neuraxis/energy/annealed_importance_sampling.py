"""Annealed importance sampling: an estimate of the partition function of a large restricted Boltzmann machine.

R. M. Neal, Annealed importance sampling, Statistics and Computing 11:125 (2001); R. Salakhutdinov, I. Murray, On the
quantitative analysis of deep belief networks, ICML (2008); Y. Burda, R. B. Grosse, R. Salakhutdinov, Accurate and
conservative estimates of MRF log-likelihood using reverse annealing, AISTATS (2015).
"""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, PRNGKeyArray

from neuraxis import check
from neuraxis.energy.rbm import RBM, drawn, only_units
from neuraxis.engine import record_nothing, simulate
from neuraxis.errors import InputError
from neuraxis.functions.activations import logistic, softplus

_STEPS_AT_ONCE = 1000  # between two updates of a progress bar


class Annealed(NamedTuple):
    """An estimate of ln Z [nats]."""

    log_partition: Float[Array, ""]
    standard_error: Float[Array, ""]
    """Standard error of the estimate, from the spread of the weights; valid for many chains."""
    log_weights: Float[Array, " chain"]
    """Estimate of ln Z from each chain."""
    v: Float[Array, "chain visible"]
    """Final visible units of the chains."""


class Run(eqx.Module):
    """Current states of the chains, and their log weights."""

    v: Float[Array, "chain visible"]
    log_weights: Float[Array, " chain"]


class Annealing(eqx.Module):
    """Chains annealed from a machine without weights to one with weights, or back: a dynamics with input β.

    At β the machine has weights βW, hidden biases βc and visible biases (1 − β)a + βb. The input of a step is β before
    and after it (2,): the log weight of a chain grows by F_before(v) − F_after(v), then v is updated by one Gibbs sweep
    at the new β.
    """

    rbm: RBM  # with T = 1
    base: Float[Array, " visible"]  # a

    def init_state(self, input_shape: tuple[int, ...] = ()) -> Run:
        """Return one chain with all units off."""
        return Run(jnp.zeros((1, self.base.size), self.base.dtype), jnp.zeros(1, self.base.dtype))

    def step(
        self, state: Run, betas: Array, dt: ArrayLike = 1.0, *, key: PRNGKeyArray
    ) -> tuple[Run, Float[Array, "chain visible"]]:
        """Anneal from one β to the next."""
        before, after = jnp.asarray(betas, self.base.dtype)
        gap = self.rbm.hidden_gap(state.v)
        tilt = (after - before) * jnp.sum((self.rbm.visible_bias - self.base) * state.v, axis=-1)
        rise = tilt + jnp.sum(softplus(after * gap) - softplus(before * gap), axis=-1)
        chance = self.rbm.chance(key, state.v.shape[:-1])
        h = drawn(chance.hidden, logistic(after * gap))
        field = after * self.rbm.visible_gap(h) + (1 - after) * self.base
        v = drawn(chance.visible, logistic(field))
        return Run(v, state.log_weights + rise), v


def annealed_importance_sampling(
    rbm: RBM,
    *,
    key: PRNGKeyArray,
    steps: int = 1000,
    chains: int = 100,
    base: ArrayLike | None = None,
    progress: str | None = None,
) -> Annealed:
    """Estimate ln Z from below, by chains annealed from the base-rate machine, whose Z is known, to this one.

        Z ≈ Z_base · (1/M) Σ_m Π_k P*_{β_k}(v_{k−1}^m) / P*_{β_{k−1}}(v_{k−1}^m)

    for chains m = 1 … M, with P*_β the unnormalised probability at β. The estimate of Z is unbiased, so that of ln Z is
    too low on average: slightly if the chains keep up with the changing distribution, severely if they miss a mode,
    which the standard error does not show. Likelihoods computed with it are then too high.
    `reverse_annealed_importance_sampling` errs in the opposite direction.

    Args:
        rbm: the machine.
        key: random key of the chains.
        steps: number of steps, with β evenly spaced from 0 to 1; doubling it halves the error, once that is small.
        chains: number of chains M.
        base: visible biases a of the base-rate machine, ideally the `log_odds` of the data; by default b/T.
        progress: label of a progress bar; None shows none.

    Raises:
        InputError: for an rbm that is not an `RBM`, numbers that are not positive, or a base that does not fit.

    Source: Salakhutdinov and Murray (2008), section 4.
    """
    check.whole(chains=chains)
    annealing = _annealing(rbm, base)
    check.key(key)
    start, own = jax.random.split(key)
    shape = int(chains), annealing.base.size
    v = drawn(jax.random.uniform(start, shape, rbm.dtype), jnp.broadcast_to(logistic(annealing.base), shape))
    run = _run(annealing, v, 0.0, 1.0, steps, own, progress)
    return _estimated(_log_partition_of_base(annealing) + run.log_weights, run.v, 1)


def reverse_annealed_importance_sampling(
    rbm: RBM,
    samples: ArrayLike,
    *,
    key: PRNGKeyArray,
    steps: int = 1000,
    base: ArrayLike | None = None,
    progress: str | None = None,
) -> Annealed:
    """Estimate ln Z from above, by annealing in reverse, from samples of this machine to the base-rate machine.

    The estimate of 1/Z is unbiased, so that of ln Z is too high on average, and likelihoods computed with it are too
    low. This requires samples of the machine: `exact_samples` of a small one, or states of a `GibbsChain` after a long
    run. The initial state of that chain matters: chains that never leave the neighbourhood of the data miss the
    probability mass elsewhere, and Z is then too low again.

    Args:
        rbm: the machine.
        samples: visible units (M, V) sampled from the machine, one chain each.
        key: random key of the chains.
        steps: number of steps, with β evenly spaced from 1 to 0.
        base: as for `annealed_importance_sampling`.
        progress: label of a progress bar; None shows none.

    Raises:
        InputError: for an rbm that is not an `RBM`, samples that do not fit or contain anything other than 0 and 1, or
            a base that does not fit.

    Source: Burda, Grosse and Salakhutdinov (2015).
    """
    annealing = _annealing(rbm, base)
    check.key(key)
    v = jnp.asarray(only_units("samples", samples), rbm.dtype)
    if v.ndim != 2 or not len(v) or v.shape[1] != annealing.base.size:
        raise InputError(f"samples must have shape (chains, {annealing.base.size}), but have shape {v.shape}")
    run = _run(annealing, v, 1.0, 0.0, steps, key, progress)
    return _estimated(_log_partition_of_base(annealing) - run.log_weights, run.v, -1)


def _annealing(rbm: Any, base: ArrayLike | None) -> Annealing:
    check.instance(RBM, rbm=rbm)
    whole = rbm.at_temperature_one()
    if base is None:
        return Annealing(whole, whole.visible_bias)
    check.finite(base=base)
    a = jnp.asarray(check.floats("base", base), rbm.dtype)
    if a.shape != whole.visible_bias.shape:
        raise InputError(f"base must have shape {whole.visible_bias.shape}, but has shape {a.shape}")
    return Annealing(whole, a)


def _log_partition_of_base(annealing: Annealing) -> Float[Array, ""]:
    """Return ln Z without weights, where units are independent and hidden ones are on with probability ½."""
    return jnp.sum(softplus(annealing.base)) + annealing.rbm.hidden_bias.size * jnp.log(2.0)


def _run(annealing, v, first, last, steps, key, progress) -> Run:
    check.whole(steps=steps)
    betas = jnp.linspace(first, last, int(steps) + 1, dtype=v.dtype)
    pairs = jnp.stack([betas[:-1], betas[1:]], axis=-1)
    how = {} if progress is None else {"chunk": _STEPS_AT_ONCE, "progress": progress}
    state = Run(v, jnp.zeros(len(v), v.dtype))
    return simulate(annealing, pairs, state=state, key=key, record=record_nothing, **how).state


def _estimated(log_weights: Array, v: Array, sign: int) -> Annealed:
    """Average the weights (sign 1) or their inverses (sign −1)."""
    count = len(log_weights)
    mean = jax.nn.logsumexp(sign * log_weights) - jnp.log(count)
    spread = jnp.std(jnp.exp(sign * log_weights - mean), ddof=1) if count > 1 else jnp.asarray(jnp.nan)
    return Annealed(sign * mean, spread / jnp.sqrt(count), log_weights, v)
