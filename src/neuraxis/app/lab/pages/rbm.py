"""Restricted Boltzmann machine: it learns digits from their pixels alone, then generates new ones.

The machine sees digits as binary pixels, without labels. The sixteen samples at the top come from chains of Gibbs
sampling, which draw all hidden units given the pixels, then all pixels given the hidden units, and so on. At first they
are noise. As persistent contrastive divergence lowers the energy of the data and raises that of the model's samples,
strokes appear, then digits.

Draw a digit and hide half of it: the visible pixels stay clamped, and Gibbs sampling completes the others. Raise the
temperature, and the samples dissolve into noise; lower it, and they freeze in the deepest minima of the energy.
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
from neuraxis.app.lab.training import with_hyperparameters
from neuraxis.experiment import Claim

EXPERIMENT = "rbm"

EQUATIONS = (
    r"E(v, h) = -v W h^T - b v^T - c h^T, \quad P(v, h) = \frac{1}{Z} e^{-E(v, h) / T}",
    r"P(h_j = 1 | v) = \sigma\left(\frac{(v W + c)_j}{T}\right)",
    r"\Delta W = \kappa \left( \langle v^T h \rangle_{\mathrm{data}} - \langle v^T h \rangle_{\mathrm{model}} \right)",
)

STEPS = 1
BATCHES = 10  # per step of the page
DREAMS = 16
COMPLETED = 32  # chains that complete the hidden half
SHOWN = 300  # points of the error curve
DIGITS = data.load("digits").scaled().flat()
TRAIN, TEST = DIGITS.train_x >= 0.5, DIGITS.test_x >= 0.5
MEAN = TRAIN.mean(axis=0)
RULE = persistent_contrastive_divergence(
    optax.inject_hyperparams(optax.sgd)(learning_rate=0.05), chains=64, centring=0.01
)


@dataclass(frozen=True)
class Controls:
    """Controls of the page."""

    digit: str = handwriting("00cfe4000088cf300000cf700001fb000000e90000008e000036ef7000effa10")
    """Your digit."""
    hidden: str = choice("lower half", ("lower half", "upper half", "left half", "right half"))
    """Hidden part."""
    learns: bool = switch(True)
    """Keep training."""
    learning_rate: float = slider(0.05, 1e-3, 1.0, symbol="κ", logarithmic=True)
    """Learning rate."""
    temperature: float = slider(1.0, 0.1, 4.0, symbol="T")
    """Sampling temperature."""
    hidden_size: int = slider(64, 4, 256, restarts=True)
    """Hidden units."""


class State(NamedTuple):
    """The machine, the state of its learning rule, the samples, and the error curve."""

    machine: RBM
    rule: Any
    dreams: np.ndarray  # (DREAMS, 64)
    completed: np.ndarray  # (COMPLETED, 64)
    key: jax.Array
    batches: int
    error: np.ndarray  # (steps,): of completed test images, relative to that of the mean image


def start(controls, key):
    """Start with small random weights, and samples of noise."""
    keys = jax.random.split(key, 3)
    machine = RBM.for_data(TRAIN, controls.hidden_size, key=keys[0])
    noise = np.asarray(jax.random.bernoulli(keys[1], 0.5, (DREAMS + COMPLETED, 64)), np.float32)
    error = completion_error(machine, known(controls), keys[2])
    dreams, completed = noise[:DREAMS], noise[DREAMS:]
    return State(machine, RULE.init(machine), dreams, completed, keys[2], 0, np.asarray(error)[None])


def known(controls):
    """Return which pixels are visible, (64,)."""
    rows, columns = np.divmod(np.arange(64), 8)
    place = rows if controls.hidden in ("lower half", "upper half") else columns
    return place < 4 if controls.hidden in ("lower half", "right half") else place >= 4


@eqx.filter_jit
def sweep(machine, v, clamped, image, sweeps, key):
    """Gibbs-sample the chains v (chains, 64) `sweeps` times, with some pixels clamped to an image."""

    def once(i, v):
        return jnp.where(clamped, image, machine.gibbs(v, key=jax.random.fold_in(key, i)))

    return jax.lax.fori_loop(0, sweeps, once, jnp.where(clamped, image, v))


@eqx.filter_jit
def completion_error(machine, clamped, key):
    """Complete test images by the mean of 20 sweeps, after 10; return the squared error / that of the mean image."""
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
    """Train on ten batches, and take one sweep of Gibbs sampling."""
    key, *keys = jax.random.split(state.key, 5)
    clamped, machine, rule = known(controls), state.machine, state.rule
    batches, errors = state.batches, state.error
    if controls.learns:
        fitted = fit(
            machine,
            RULE,
            (TRAIN,),
            steps=BATCHES,
            batch_size=64,
            key=keys[0],
            state=with_hyperparameters(rule, learning_rate=controls.learning_rate),
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
    """Return the probability of each pixel, given the probabilities of the hidden units given v."""
    return jax.nn.sigmoid(
        (machine.hidden_probability(v) @ machine.weight.T + machine.visible_bias) / machine.temperature
    )


def picture(state, controls):
    """Draw the samples, the completed digit, the weights of some hidden units, and the completion error."""
    image, clamped = handwritten(controls.digit).ravel() >= 0.5, known(controls)
    dreaming = eqx.tree_at(lambda m: m.temperature, state.machine, jnp.asarray(controls.temperature))
    dreams = np.asarray(expected(dreaming, state.dreams))
    chains = np.where(clamped, image, np.asarray(expected(dreaming, state.completed)))
    mine = np.stack([image, np.where(clamped, image, 0.5), chains.mean(axis=0), *chains[:5]])
    filters = np.asarray(state.machine.weight).T[:16]
    batches = state.batches + BATCHES * np.arange(1 - len(state.error), 1)
    return (
        Images(dreams.reshape(-1, 8, 8), title="Samples of the model", range=(0.0, 1.0), columns=16, height=0.5),
        Images(
            mine.reshape(-1, 8, 8),
            ["your digit", "visible part", "mean of 32", *5 * ["sample"]],
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
                Line(batches, state.error, "completed test images"),
                Line([int(batches[0]), int(batches[-1]) + 1000], [1.0, 1.0], "mean image", reference=True),
            ],
            "Training batches",
            "Relative squared error",
            x_range=(int(batches[0]), max(int(batches[-1]), int(batches[0]) + 1000)),
            y_range=(0.0, 2.0),
        ),
    )


def numbers(state, controls):
    """Return the completion error, and the free energy of the digit."""
    image = handwritten(controls.digit).ravel() >= 0.5
    return {
        "Training batches": state.batches,
        "Completion error / mean image": state.error[-1],
        "Free energy of your digit": state.machine.free_energy(image),
    }


def measures(state, controls):
    """Return the completion error during the first 1000 batches."""
    return {"completion_error_over_base_rates": float(state.error[-1])} if state.batches <= 1000 else {}


PRESETS = {
    "Tieleman 2008: persistent CD": {},
    "Too few hidden units": {"hidden_size": 4},
    "Low temperature: frozen samples": {"temperature": 0.3},
    "High temperature: noisy samples": {"temperature": 3.0},
}

MISSIONS = (
    Mission(
        "Reset, and within 1000 batches bring the completion error on the test images below 0.86 of that of the mean "
        "image.",
        (Claim("completion_error_over_base_rates", "<", 0.86),),
    ),
)
