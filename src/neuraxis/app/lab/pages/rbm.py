"""Restricted Boltzmann machine: it learns digits from nothing but their pixels, then dreams them.

The machine sees digits as black and white pixels and no labels. Below are sixteen dreams: chains of Gibbs sampling that
draw all hidden units given the pixels, then all pixels given the hidden units, and so on. At first they are noise. As
contrastive divergence pulls the energy of the data down and that of the dreams up, strokes appear, then digits.

Draw a digit and hide half of it: the pixels that are known stay clamped, and Gibbs sampling completes the others. Raise
the temperature, and the dreams melt; lower it, and they freeze in the deepest valleys.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from neuraxis import RBM, data, fit, persistent_contrastive_divergence
from neuraxis.app.lab import Images, Line, Mission, Plot, choice, handwriting, handwritten, slider, switch
from neuraxis.experiment import Claim

EXPERIMENT = "rbm"

EQUATIONS = (
    r"E(v, h) = -v W h^T - b v^T - c h^T, \quad P(v, h) = \frac{1}{Z} e^{-E(v, h) / T}",
    r"P(h_j = 1 | v) = \sigma\left(\frac{(v W + c)_j}{T}\right)",
    r"\Delta W = \kappa \left( \langle v^T h \rangle_{\mathrm{data}} - \langle v^T h \rangle_{\mathrm{dreams}} \right)",
)

STEPS = 1
BATCHES = 10  # in one step
DREAMS = 16
COMPLETED = 32  # chains that complete the hidden half
SHOWN = 300  # steps that the curve holds
DIGITS = data.load("digits").scaled().flat()
TRAIN, TEST = DIGITS.train_x >= 0.5, DIGITS.test_x >= 0.5
MEAN = TRAIN.mean(axis=0)
RULE = persistent_contrastive_divergence(
    optax.inject_hyperparams(optax.sgd)(learning_rate=0.05), chains=64, centring=0.01
)


@dataclass(frozen=True)
class Controls:
    """What can be moved."""

    digit: str = handwriting("00cfe4000088cf300000cf700001fb000000e90000008e000036ef7000effa10")
    """Your digit."""
    hidden: str = choice("lower half", ("lower half", "upper half", "left half", "right half"))
    """What is hidden of it."""
    learns: bool = switch(True)
    """Go on learning."""
    learning_rate: float = slider(0.05, 1e-3, 1.0, symbol="κ", logarithmic=True)
    """Learning rate."""
    temperature: float = slider(1.0, 0.1, 4.0, symbol="T")
    """Temperature of the dreams."""
    hidden_size: int = slider(64, 4, 256, restarts=True)
    """Hidden units."""


class State(NamedTuple):
    """The machine, what its rule remembers, the dreams, and the curve of the error."""

    machine: RBM
    rule: Any
    dreams: np.ndarray  # (DREAMS, 64)
    completed: np.ndarray  # (COMPLETED, 64)
    key: jax.Array
    batches: int
    error: np.ndarray  # (steps,): of completed test images, against the share of black in all


def start(controls, key):
    """Begin with small random weights, and dreams of noise."""
    keys = jax.random.split(key, 3)
    machine = RBM.for_data(TRAIN, controls.hidden_size, key=keys[0])
    noise = np.asarray(jax.random.bernoulli(keys[1], 0.5, (DREAMS + COMPLETED, 64)), np.float32)
    error = completion_error(machine, known(controls), keys[2])
    dreams, completed = noise[:DREAMS], noise[DREAMS:]
    return State(machine, RULE.init(machine), dreams, completed, keys[2], 0, np.asarray(error)[None])


def known(controls):
    """Say which pixels are not hidden, (64,)."""
    rows, columns = np.divmod(np.arange(64), 8)
    place = rows if controls.hidden in ("lower half", "upper half") else columns
    return place < 4 if controls.hidden in ("lower half", "right half") else place >= 4


@eqx.filter_jit
def sweep(machine, v, clamped, image, sweeps, key):
    """Draw chains v (chains, 64) anew, `sweeps` times, with some pixels clamped to those of an image."""

    def once(i, v):
        return jnp.where(clamped, image, machine.gibbs(v, key=jax.random.fold_in(key, i)))

    return jax.lax.fori_loop(0, sweeps, once, jnp.where(clamped, image, v))


@eqx.filter_jit
def completion_error(machine, clamped, key):
    """Complete test images by the mean of 20 sweeps, after 10; give the squared error over that of the mean image."""
    image = jnp.asarray(TEST, float)
    keys = jax.random.split(key, 21)
    v = sweep(machine, jnp.asarray(jnp.broadcast_to(MEAN, image.shape) >= 0.5, float), clamped, image, 10, keys[20])

    def once(v, key):
        hidden = machine.sample_hidden(v, key=key)
        return sweep(machine, v, clamped, image, 1, key), machine.visible_probability(hidden)

    guess = jnp.mean(jax.lax.scan(once, v, keys[:20])[1], axis=0)
    error = lambda x: jnp.sum(jnp.where(clamped, 0.0, (x - image) ** 2))
    return error(guess) / error(MEAN)


def step(state, controls):
    """Learn from ten batches, and dream on by one sweep."""
    key, *keys = jax.random.split(state.key, 5)
    clamped, machine, rule = known(controls), state.machine, state.rule
    batches, errors = state.batches, state.error
    if controls.learns:
        rate = jnp.asarray(controls.learning_rate)
        fitted = fit(
            machine,
            RULE,
            (TRAIN,),
            steps=BATCHES,
            batch_size=64,
            key=keys[0],
            state=eqx.tree_at(lambda s: s.optimizer.hyperparams["learning_rate"], rule, rate),
            progress=None,
        )
        machine, rule, batches = fitted.model, fitted.state, batches + BATCHES
        errors = np.append(errors, completion_error(machine, clamped, keys[1]))[-SHOWN:]
    dreaming = eqx.tree_at(lambda m: m.temperature, machine, jnp.asarray(controls.temperature))
    image = jnp.asarray(handwritten(controls.digit).ravel() >= 0.5, float)
    dreams = sweep(dreaming, state.dreams, np.zeros(64, bool), image, 1, keys[2])
    completed = sweep(dreaming, state.completed, clamped, image, 1, keys[3])
    return State(machine, rule, np.asarray(dreams), np.asarray(completed), key, batches, errors)


@eqx.filter_jit
def expected(machine, v):
    """Return the probability of each pixel, by the hidden units' probabilities given v."""
    return jax.nn.sigmoid(
        (machine.hidden_probability(v) @ machine.weight.T + machine.visible_bias) / machine.temperature
    )


def picture(state, controls):
    """Draw the dreams, the completed digit, the weights of some hidden units, and the error of completions."""
    image, clamped = handwritten(controls.digit).ravel() >= 0.5, known(controls)
    dreaming = eqx.tree_at(lambda m: m.temperature, state.machine, jnp.asarray(controls.temperature))
    dreams = np.asarray(expected(dreaming, state.dreams))
    chains = np.where(clamped, image, np.asarray(expected(dreaming, state.completed)))
    mine = np.stack([image, np.where(clamped, image, 0.5), chains.mean(axis=0), *chains[:5]])
    filters = np.asarray(state.machine.weight).T[:16]
    batches = state.batches + BATCHES * np.arange(1 - len(state.error), 1)
    return (
        Images(dreams.reshape(-1, 8, 8), title="Dreams", range=(0.0, 1.0), columns=16, height=0.5),
        Images(
            mine.reshape(-1, 8, 8),
            ["your digit", "what is known", "mean of 32", *5 * ["completed"]],
            title="Your digit, completed",
            range=(0.0, 1.0),
            columns=8,
            height=0.9,
        ),
        Images(
            filters.reshape(-1, 8, 8),
            title="Weights of 16 hidden units",
            range=(-1.5, 1.5),
            signed=True,
            columns=16,
            height=0.5,
        ),
        Plot(
            [
                Line(batches, state.error, "test images completed"),
                Line([int(batches[0]), int(batches[-1]) + 1000], [1.0, 1.0], "the mean image instead", reference=True),
            ],
            "Batches learnt from",
            "Squared error of hidden pixels",
            x_range=(int(batches[0]), max(int(batches[-1]), int(batches[0]) + 1000)),
            y_range=(0.0, 2.0),
        ),
    )


def numbers(state, controls):
    """Tell how well it completes, and how likely it finds the digit."""
    image = handwritten(controls.digit).ravel() >= 0.5
    return {
        "Batches": state.batches,
        "Error of completions, over the mean image's": state.error[-1],
        "Free energy of your digit": state.machine.free_energy(image),
    }


def measures(state, controls):
    """Tell the error of completions while few batches have been learnt from."""
    return {"completion_error_over_base_rates": float(state.error[-1])} if state.batches <= 1000 else {}


PRESETS = {
    "Hinton 2002: contrastive divergence": {},
    "Too few hidden units": {"hidden_size": 4},
    "Frozen dreams": {"temperature": 0.3},
    "Hot dreams": {"temperature": 3.0},
}

MISSIONS = (
    Mission(
        "Reset, and within 1000 batches make the machine complete test images with less than 0.86 of the error that "
        "the mean image makes.",
        (Claim("completion_error_over_base_rates", "<", 0.86),),
    ),
)
