"""Generative adversarial network: a generator learns to fool a discriminator, which learns to expose it.

Blue dots are the data, eight narrow Gaussians; orange dots are generated samples. The background is shaded orange where
the discriminator takes points for real and blue where it takes them for generated; the generator moves its samples
towards the orange regions.

With the original loss, the samples crowd onto a few modes. The discriminator learns to reject these, the samples jump
to others, and the chase starts again: mode collapse.

Switch to the relativistic loss, which compares each generated sample with a real one, add a penalty on the gradient of
the discriminator, and remove the momentum, which makes the two networks overshoot. Now all modes are covered, and a
smaller learning rate lets the samples settle.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from neuraxis import GAN, averaged, fit
from neuraxis.app.lab import Dots, Heat, Line, Mission, Plot, choice, slider
from neuraxis.app.lab.training import remembered, with_hyperparameters
from neuraxis.data import ring_of_gaussians
from neuraxis.experiments.gan import all_modes
from neuraxis.functions.activations import logistic
from neuraxis.generative import adversarial, coverage_of_points, cross_entropy, dense_gan, relativistic

EXPERIMENT = "gan"

EQUATIONS = (
    r"x = G(z), \quad z \sim \mathcal{N}(0, I), \quad p(x) = \frac{1}{1 + e^{-D(x)}}",
    r"L_D = \ell + \frac{r}{2} \left\| \nabla D(x) \right\|^2 + \frac{r}{2} \left\| \nabla D(G(z)) \right\|^2",
)

STEPS = 0.7
BATCHES = 6  # per step of the page
BATCH_SIZE = 128
SAMPLES = 1000
REACH = 3.0
LEAST = 0.1  # fraction of an even share of the samples that a covered mode must have
AXIS = np.linspace(-REACH, REACH, 61)
GRID = np.stack(np.meshgrid(1.75 * AXIS, AXIS), axis=-1).astype(np.float32)
OBJECTIVES = {"cross-entropy (original)": cross_entropy, "relativistic": relativistic}
PLAIN, RELATIVISTIC = OBJECTIVES


@dataclass(frozen=True)
class Controls:
    """Controls of the page."""

    objective: str = choice(PLAIN, tuple(OBJECTIVES))
    """Loss ℓ."""
    penalty: float = slider(0.0, 0.0, 1.0, symbol="r")
    """Gradient penalty weight."""
    learning_rate: float = slider(2e-3, 1e-4, 1e-2, logarithmic=True)
    """Learning rate (both networks)."""
    momentum: float = slider(0.9, 0.0, 0.99)
    """Momentum of Adam (β₁)."""
    ring: int = slider(8, 1, 12, restarts=True)
    """Number of modes."""
    deviation: float = slider(0.05, 0.02, 0.3, restarts=True)
    """SD of each mode."""


class State(NamedTuple):
    """The two networks, their training data, and the coverage of the modes."""

    model: GAN
    learning: Any  # the state of the rule, None before the first step
    data: np.ndarray  # (20000, 2)
    z: jax.Array  # (SAMPLES, 2): fixed latent inputs
    samples: np.ndarray  # (SAMPLES, 2)
    surface: np.ndarray  # (61, 61): probability of being real, by the discriminator
    batches: int  # trained on
    history: np.ndarray  # (points, 4): batches, modes covered, losses of the discriminator and of the generator
    share: float  # of the samples that lie near a mode
    key: jax.Array


@eqx.filter_jit
def look(model, z):
    """Return the samples generated from z, and the output of the discriminator on the grid."""
    return model(z), logistic(model.discriminator(jnp.asarray(GRID))[..., 0])


def mixture(controls):
    """Create the Gaussians on a ring."""
    return ring_of_gaussians(controls.ring, deviation=controls.deviation)


def start(controls, key):
    """Start with untrained networks."""
    key, for_model, for_samples = jax.random.split(key, 3)
    model = dense_gan(2, (64, 64, 64), 2, key=for_model)
    z = model.draw(SAMPLES, key=for_samples)
    samples, surface = map(np.asarray, look(model, z))
    data = mixture(controls).draw(20_000)
    return State(model, None, data, z, samples, surface, 0, np.zeros((0, 4)), 0.0, key)


def step(state, controls):
    """Train both networks on a few batches."""
    key, for_order = jax.random.split(state.key)
    adam = optax.inject_hyperparams(optax.adam)(learning_rate=1e-3, b1=0.9, b2=0.99)
    objective, r = OBJECTIVES[controls.objective], jnp.asarray(controls.penalty)
    rule = averaged(adversarial(objective, adam, adam, r1=r, r2=r), 0.9)
    learning = rule.init(state.model) if state.learning is None else state.learning
    learning = with_hyperparameters(learning, learning_rate=controls.learning_rate, b1=controls.momentum)
    how = {"steps": BATCHES, "batch_size": BATCH_SIZE, "progress": None}
    fitted = fit(state.model, rule, (state.data,), key=for_order, state=learning, **how)
    samples, surface = map(np.asarray, look(fitted.model, state.z))
    found = coverage_of_points(samples, mixture(controls).centres, controls.deviation)
    losses = [fitted.history[side][0] for side in ("discriminator", "generator")]
    return state._replace(
        model=fitted.model,
        learning=fitted.state,
        samples=samples,
        surface=surface,
        batches=state.batches + BATCHES,
        history=remembered(state.history, [state.batches + BATCHES, found.covered(LEAST), *losses]),
        share=found.share,
        key=key,
    )


def picture(state, controls):
    """Draw data and samples over the output of the discriminator, and the number of covered modes."""
    wide = (-1.75 * REACH, 1.75 * REACH)
    marks = [
        Heat(2 * state.surface - 1, wide, (-REACH, REACH), (-3.0, 3.0), signed=True),
        Dots(*state.data[:600].T, label="data", size=4),
        Dots(*state.samples.T, label="samples", size=4),
    ]
    return (
        Plot(marks, "x₁", "x₂", "", wide, (-REACH, REACH), equal=True, height=3.2),
        Plot(
            [Line(state.history[:, 0], state.history[:, 1])],
            "Training batches",
            "Modes covered",
            y_range=(0.0, controls.ring + 0.5),
        ),
    )


def numbers(state, controls):
    """Return the coverage of the modes, and the losses."""
    covered, discriminator, generator = state.history[-1, 1:] if state.batches else (0.0, 0.0, 0.0)
    return {
        "Training batches": state.batches,
        "Modes covered": covered,
        "Samples near a mode [%]": 100 * state.share,
        "Discriminator loss": discriminator,
        "Generator loss": generator,
    }


def measures(state, controls):
    """Measure the ring of eight modes."""
    if controls.ring != 8 or not state.batches:
        return {}
    return {"ring_modes_covered": float(state.history[-1, 1]), "ring_share_near_modes": state.share}


PRESETS = {
    "Goodfellow et al. 2014: mode collapse": {},
    "Huang et al. 2024: R3GAN": {"objective": RELATIVISTIC, "penalty": 0.2, "momentum": 0.0},
    "Relativistic loss without penalties": {"objective": RELATIVISTIC},
    "A single broad mode: no collapse": {"ring": 1, "deviation": 0.3},
}

MISSIONS = (Mission("Cover all eight modes, with at least 90 % of the samples near a mode.", all_modes("ring", 8)),)
