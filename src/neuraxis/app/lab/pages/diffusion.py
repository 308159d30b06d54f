"""Diffusion: a learnt velocity field turns noise into data.

Blue dots are data on their way to noise, orange dots are samples on their way back, both at the same time t; the arrows
show the velocity learnt so far, in the direction of the data. At first the samples go astray. As training proceeds, the
two clouds agree better and better, at every t.

Stop the time and set it by hand: near t = 1 every arrow points from the noise to the mean of the data, since nothing
more can be inferred there; near t = 0 it points to the nearest part of the data.

With a single sampling step, all samples land on that mean. With two or four steps the shape appears.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from neuraxis import Diffusion, Sampler, averaged, descent, fit, simulate
from neuraxis.app.lab import Arrows, Dots, Line, Mission, Plot, choice, rows, slider, switch, table
from neuraxis.app.lab.training import remembered, with_hyperparameters
from neuraxis.data import ring_of_gaussians
from neuraxis.data.planar import swiss_roll, two_moons
from neuraxis.experiment import Claim
from neuraxis.experiments.diffusion import NEAR_DATA
from neuraxis.functions.maximum_mean_discrepancy import maximum_mean_discrepancy
from neuraxis.generative import TimedMLP, Velocity, ddpm, euler, straight

EXPERIMENT = "diffusion"

EQUATIONS = (
    r"x_t = (1 - t)\, x_0 + t\, \varepsilon, \quad \varepsilon \sim \mathcal{N}(0, I)",
    r"\frac{dx}{dt} = u(x, t), \quad u \approx \varepsilon - x_0",
)

STEPS = 0.7
TIMES = 48  # steps of the schedule, and the largest number of sampling steps
POINTS = 500  # in each cloud
TRAILS = 24  # samples whose trajectories are drawn
PAUSE = 14  # steps for which the finished samples are shown
BATCHES = 8  # per step of the page
SHOWN = (-4.6, 4.6), (-2.6, 2.6)
GRID = np.stack(np.meshgrid(np.linspace(-2.4, 2.4, 15), np.linspace(-2.4, 2.4, 15)), axis=-1).reshape(-1, 2)
MOVES = {"Euler (deterministic)": euler, "DDPM (stochastic)": ddpm}
BANDWIDTHS = (0.1, 0.3, 1.0)


@dataclass(frozen=True)
class Controls:
    """Controls of the page."""

    density: str = choice(
        "two moons", ("two moons", "Swiss roll", "ring", "eight Gaussians", "your own points"), restarts=True
    )
    """Data set."""
    points: str = table(("x", "y"))
    """Your own points."""
    running: bool = switch(True)
    """Run time backwards."""
    time: float = slider(0.5, 0.0, 1.0, symbol="t")
    """Time if stopped (1: noise)."""
    steps: int = slider(32, 1, TIMES)
    """Sampling steps."""
    move: str = choice("Euler (deterministic)", tuple(MOVES))
    """Sampler."""
    learning_rate: float = slider(3e-3, 1e-5, 3e-2, logarithmic=True)
    """Learning rate (Adam)."""


class State(NamedTuple):
    """The network, its training data, and the samples on their way."""

    network: TimedMLP
    learning: Any  # the state of the rule, None before the first step
    data: np.ndarray  # (4096, 2)
    batches: int  # trained on
    history: np.ndarray  # (points, 2): batches, mean loss
    samples: Any  # x, and how many steps it has taken
    ways: np.ndarray  # (TIMES + 1, TRAILS, 2): trajectories, at the latest position for steps to come
    resting: int  # steps since the samples were finished
    distance: float  # MMD of the last samples from the data, relative to that of other data
    key: jax.Array


def data_of(controls):
    """Draw the training data, with variances near 1."""
    count = 4096
    if controls.points:
        own = rows(controls.points, ("x", "y"))
        own = (own - own.mean(axis=0)) / np.maximum(own.std(axis=0), 1e-6)
        return own[np.random.default_rng(0).integers(len(own), size=count)]
    if controls.density == "ring":
        return ring_of_gaussians(360, radius=1.4, deviation=0.08).draw(count)
    if controls.density == "eight Gaussians":
        return ring_of_gaussians(8, radius=1.4, deviation=0.12).draw(count)
    return {"Swiss roll": swiss_roll}.get(controls.density, two_moons)(count)


def diffusion():
    """Create the straight path from data to noise, along which the velocity is learnt."""
    return Diffusion(straight(TIMES), Velocity())


def sampler(network, controls):
    """Create the sampler."""
    return Sampler(network, diffusion(), MOVES[controls.move], shape=(2,), steps=controls.steps)


def learn(state, controls, key):
    """Train on a few batches."""
    rule = averaged(descent(diffusion().loss, optax.inject_hyperparams(optax.adam)(learning_rate=3e-3)), 0.98)
    learning = rule.init(state.network) if state.learning is None else state.learning
    learning = with_hyperparameters(learning, learning_rate=controls.learning_rate)
    return fit(
        state.network, rule, (state.data,), steps=BATCHES, batch_size=256, key=key, state=learning, progress=None
    )


def start(controls, key):
    """Start with an untrained network and with noise."""
    key, for_network, for_noise = jax.random.split(key, 3)
    network = TimedMLP(2, (64, 64, 64), key=for_network)
    samples = sampler(network, controls).begin(POINTS, key=for_noise)
    ways = np.tile(np.asarray(samples.x[:TRAILS]), (TIMES + 1, 1, 1))
    data = data_of(controls)
    return State(network, None, data, 0, np.zeros((0, 2)), samples, ways, 0, distance(np.asarray(samples.x), data), key)


def step(state, controls):
    """Train on a few batches, and take one sampling step."""
    key, for_order, for_step, for_noise = jax.random.split(state.key, 4)
    fitted = learn(state, controls, for_order)
    history = remembered(state.history, [state.batches + BATCHES, fitted.history["loss"][-1]])
    batches = state.batches + BATCHES
    state = state._replace(network=fitted.model, learning=fitted.state, batches=batches, history=history, key=key)
    return draw(state, sampler(fitted.model, controls), for_step, for_noise)


def distance(samples, data):
    """Return the MMD between samples and data over that between two sets of data."""
    some, others = data[:POINTS], data[POINTS : 2 * POINTS]
    apart = maximum_mean_discrepancy(some, others, BANDWIDTHS)
    return float(maximum_mean_discrepancy(samples, some, BANDWIDTHS) / apart)


def draw(state, drawing, for_step, for_noise):
    """Take one sampling step, or restart from new noise once the samples have been shown long enough."""
    taken = int(state.samples.step)
    if taken < drawing.steps:
        samples = simulate(drawing, None, steps=1, state=state.samples, key=for_step).state
        ways = state.ways.copy()
        ways[taken + 1 :] = samples.x[:TRAILS]
        if taken + 1 == drawing.steps:
            state = state._replace(distance=distance(np.asarray(samples.x), state.data))
        return state._replace(samples=samples, ways=ways, resting=0)
    if state.resting < PAUSE:
        return state._replace(resting=state.resting + 1)
    samples = drawing.begin(POINTS, key=for_noise)
    ways = np.tile(np.asarray(samples.x[:TRAILS]), (TIMES + 1, 1, 1))
    return state._replace(samples=samples, ways=ways, resting=0)


@eqx.filter_jit
def velocity(network, t):
    """Return the learnt velocity on the grid, towards the data."""
    return -diffusion().predict(network, jnp.asarray(GRID, jnp.float32), jnp.broadcast_to(t, len(GRID)))


def time_of(state, controls):
    """Return the time shown, as a step of the schedule."""
    if not controls.running:
        return round(controls.time * TIMES)
    times = sampler(state.network, controls).times
    return int(times[min(int(state.samples.step), TIMES)])


def picture(state, controls):
    """Draw both clouds at the same time t, and the loss so far."""
    t = time_of(state, controls)
    noise = np.random.default_rng(0).standard_normal((POINTS, 2))
    there = (1 - t / TIMES) * state.data[:POINTS] + t / TIMES * noise
    (x, y), (u, v) = GRID.T, arrows(state.network, t).T
    marks = [Dots(*there.T, label="noisy data", size=4), Arrows(x, y, u, v)]
    if controls.running:
        ways = np.concatenate([state.ways, np.full((1, TRAILS, 2), np.nan)]).swapaxes(0, 1).reshape(-1, 2)
        marks.insert(1, Dots(*np.asarray(state.samples.x).T, label="samples", size=4))
        marks.append(Line(ways[:, 0], ways[:, 1], "sample trajectories", reference=True))
    title = f"t = {t / TIMES:.2f}"
    batches, losses = state.history.T
    return (
        Plot(marks, "x₁", "x₂", title, SHOWN[0], SHOWN[1], equal=True, height=3.4),
        Plot([Line(batches, losses)], "Training batches", "Loss", y_range=(0.0, 2.5)),
    )


def arrows(network, t):
    """Return the velocities as arrows, the longest one grid spacing long."""
    found = np.asarray(velocity(network, jnp.asarray(t)))
    return 0.34 * found / max(1e-6, np.linalg.norm(found, axis=1).max())


def numbers(state, controls):
    """Return the time, the loss, and the quality of the last samples."""
    return {
        "Time t": time_of(state, controls) / TIMES,
        "Training batches": state.batches,
        "Loss": state.history[-1, 1] if state.batches else 0.0,
        "MMD ratio (samples–data / data–data)": state.distance,
    }


def measures(state, controls):
    """Measure the samples of the two moons."""
    if controls.density != "two moons" or controls.points:
        return {}
    return {"moons_mmd_ratio": state.distance, "sampling_steps": controls.steps}


PRESETS = {
    "Lipman et al. 2023: flow matching": {},
    "Ho et al. 2020: DDPM sampling": {"move": "DDPM (stochastic)", "steps": TIMES},
    "One step: all samples at the data mean": {"steps": 1},
    "Eight Gaussians: one field, eight modes": {"density": "eight Gaussians"},
    "Velocity field at t = ½ (Swiss roll)": {"running": False, "time": 0.5, "density": "Swiss roll"},
}

MISSIONS = (
    Mission(
        "Two moons: reach an MMD ratio below 1.5 with at most 16 sampling steps.",
        (NEAR_DATA["moons"], Claim("sampling_steps", "<=", 16.0)),
    ),
)
