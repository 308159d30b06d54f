"""Gibbs sampling of a restricted Boltzmann machine as a dynamics."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from neuraxis import check
from neuraxis.energy.rbm import RBM, drawn
from neuraxis.errors import InputError


class GibbsChain(eqx.Module):
    """A Markov chain over the visible units v, with one Gibbs sweep per step: h ~ P(h | v), then v ~ P(v | h).

    Its distribution converges to P(v) from any initial state. It takes no input; its output is P(v | h), from which v
    was drawn: shown as an image, it is grey and smoother than v. `neuraxis.engine.simulate` runs it, here from noise,
    and from an image of which half is known:

        simulate(GibbsChain(rbm), state=noise, steps=1000, key=key)
        simulate(GibbsChain(rbm, known), state=picture, steps=1000, key=key)

    Units for which `clamped` is True keep their initial state, and the chain converges to the distribution of the
    others given these.

    Raises:
        InputError: for an rbm that is not an `RBM`, or a `clamped` that is not one boolean per visible unit.
    """

    rbm: RBM
    clamped: Bool[Array, " visible"] | None

    def __init__(self, rbm: RBM, clamped: ArrayLike | None = None):
        check.instance(RBM, rbm=rbm)
        self.rbm, self.clamped = rbm, None if clamped is None else _truth_values(clamped, len(rbm.visible_bias))

    def init_state(self, input_shape: tuple[int, ...] = ()) -> Float[Array, "... visible"]:
        """Return the state with all units off."""
        return jnp.zeros(check.broadcast(input_shape, visible_bias=self.rbm.visible_bias), self.rbm.dtype)

    def step(
        self, state: Array, input: None = None, dt: ArrayLike = 1.0, *, key: PRNGKeyArray
    ) -> tuple[Float[Array, "... visible"], Float[Array, "... visible"]]:
        """Do one Gibbs sweep."""
        chance = self.rbm.chance(key, state.shape[:-1])
        h = drawn(chance.hidden, self.rbm.hidden_probability(state))
        probability = self.rbm.visible_probability(h)
        v = drawn(chance.visible, probability)
        if self.clamped is None:
            return v, probability
        return jnp.where(self.clamped, state, v), jnp.where(self.clamped, state, probability)


def _truth_values(clamped: Any, size: int) -> Bool[Array, " visible"]:
    given = check.array("clamped", clamped)
    if given.dtype != bool or np.shape(given) != (size,):
        raise InputError(
            f"clamped must contain a boolean for each of {size} visible units, but is {check.received(clamped)}"
        )
    return jnp.asarray(given)
