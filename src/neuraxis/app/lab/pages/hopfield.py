"""Hopfield network: memories are minima of an energy function, and recall descends into one of them.

Each of the 64 pixels is a neuron with the states −1 and 1, and the weights store a few digits by the Hebb rule. The cue
is your drawing with some pixels flipped. Then the neurons are updated one at a time, in random order, each taking the
sign of its input: the energy never rises, and the state settles in a minimum.

Draw another cue, flip more pixels, or type which digits to store (a digit typed twice is stored in two handwritings).
Then add random patterns: beyond about 0.138 patterns per neuron recall breaks down, and the minima that remain are
spurious states.
"""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import numpy as np

from neuraxis import Hopfield, data
from neuraxis.app.lab import Bars, Images, Line, Mission, Plot, button, drawing, pixels, slider, text
from neuraxis.errors import InputError
from neuraxis.experiment import Claim

EXPERIMENT = "hopfield"

EQUATIONS = (
    r"x_i \leftarrow \mathrm{sign}\left(\sum_j W_{ij} x_j\right), \quad E = -\frac{1}{2} \sum_{ij} x_i W_{ij} x_j",
    r"W = \frac{1}{M} \sum_{\mu=1}^M \xi^\mu {\xi^\mu}^T - I, \quad m^\mu = \frac{1}{N} \sum_i \xi^\mu_i x_i",
)

STEPS = 2
N = 64  # neurons
REST = 60  # steps for which a settled state is shown
DIGITS = data.load("digits").scaled()


@dataclass(frozen=True)
class Controls:
    """Controls of the page."""

    cue: str = drawing("00ffff0000ff0f0000000f00000ffff000ffff00000f0000000f000000ff0000", 8, 8)
    """Cue."""
    flipped: float = slider(0.15, 0.0, 0.5)
    """Fraction of pixels flipped."""
    again: int = button()
    """Flip other pixels."""
    stored: str = text("017", 12)
    """Digits to store."""
    random_patterns: int = slider(0, 0, 40)
    """Additional random patterns."""


class State(NamedTuple):
    """The state of the neurons, the cue, and the energy after each update."""

    x: np.ndarray  # (N,), −1 or 1
    begun: np.ndarray  # (N,)
    energy: np.ndarray  # (updates,)
    order: np.ndarray  # of the neurons in this sweep
    quiet: int  # updates since the last flip
    key: jax.Array
    asked: tuple  # the controls that the cue was made with


def patterns(controls):
    """Return the patterns ξ (M, N) to store, with entries −1 and 1."""
    wanted = [int(digit) for digit in controls.stored if digit in "0123456789"]
    if not wanted:
        raise InputError(f"Digits to store must include a digit from 0 to 9, as in 014, but is {controls.stored!r}")
    images = [DIGITS.test_x[DIGITS.test_y == digit][wanted[:place].count(digit)] for place, digit in enumerate(wanted)]
    digits = np.where(np.stack(images) > 0.5, 1.0, -1.0).reshape(-1, N)
    # Always the same, so that the slider adds patterns and changes none.
    others = jax.random.rademacher(jax.random.key(0), (40, N), float)
    return np.concatenate([digits, others[: controls.random_patterns]])


def asks(controls):
    """Return the controls that the cue depends on."""
    return controls.cue, controls.flipped, controls.again, controls.stored, controls.random_patterns


def start(controls, key):
    """Create the cue."""
    key, flips, order = jax.random.split(key, 3)
    drawn = np.where(pixels(controls.cue, 8, 8).ravel() > 0.5, 1.0, -1.0)
    flip = np.asarray(jax.random.permutation(flips, N)) < round(controls.flipped * N)
    x = np.where(flip, -drawn, drawn)
    energy = np.asarray(Hopfield.store(patterns(controls)).energy(x))
    return State(x, x, energy[None], np.asarray(jax.random.permutation(order, N)), 0, key, asks(controls))


def step(state, controls):
    """Update one neuron; restart if the cue has changed or the state has been settled for a while."""
    if state.asked != asks(controls) or state.quiet > N + REST:
        return start(controls, state.key)
    if state.quiet > N:
        return state._replace(quiet=state.quiet + 1)
    network, key, order = Hopfield.store(patterns(controls)), state.key, state.order
    turn = (len(state.energy) - 1) % N
    if turn == 0:
        key, now = jax.random.split(key)
        order = np.asarray(jax.random.permutation(now, N))
    x = np.asarray(network.sweep(state.x, order[turn : turn + 1]))
    energy = np.append(state.energy, network.energy(x))
    quiet = 0 if (x != state.x).any() else state.quiet + 1
    return State(x, state.begun, energy, order, quiet, key, state.asked)


def picture(state, controls):
    """Draw the state and the stored patterns, the energy, and the overlaps."""
    stored = patterns(controls)
    digits = len(stored) - controls.random_patterns
    shown = np.concatenate([state.begun[None], state.x[None], stored[:12]]).reshape(-1, 8, 8)
    names = [*[digit for digit in controls.stored if digit in "0123456789"], *"?" * controls.random_patterns]
    energies = np.asarray(Hopfield.store(stored).energy(np.concatenate([stored, state.begun[None]])))
    updates, end = np.arange(len(state.energy)), max(4 * N, len(state.energy))
    overlaps = stored @ state.x / N
    room = 0.1 * float(np.ptp(energies)) + 1
    return (
        Images(
            shown,
            ["cue", "state", *names[:12]],
            title="Cue, state and stored patterns",
            range=(-1.0, 1.0),
            columns=max(6, len(shown)),
            height=0.7,
        ),
        Plot(
            [
                Line(updates, state.energy, "state", symbol="E"),
                *[Line([0, end], 2 * [float(each)], reference=True, dashed=True) for each in energies[:digits]],
            ],
            "Neuron updates",
            "Energy (dashed: stored digits)",
            x_range=(0, end),
            y_range=(float(energies.min()) - room, float(energies.max()) + room),
            half=True,
        ),
        Plot(
            [Bars(overlaps, names, highlighted=int(np.argmax(np.abs(overlaps))))],
            "Stored pattern (?: random)",
            "Overlap with the state",
            y_range=(-1.0, 1.0),
            half=True,
        ),
    )


def numbers(state, controls):
    """Return the load, and the progress of recall."""
    stored = patterns(controls)
    return {
        "Updates": len(state.energy) - 1,
        "Energy": state.energy[-1],
        "Largest overlap": np.abs(stored @ state.x / N).max(),
        "Load M/N": len(stored) / N,
        "Settled": int(state.quiet >= N),
    }


def measures(state, controls):
    """Measure where a cue without flipped pixels leads: overlap with the digit shown, and largest overlap."""
    stored = patterns(controls)
    if state.quiet < N or controls.flipped > 0 or state.asked != asks(controls):
        return {}
    overlaps = stored @ state.x / N
    shown = (stored == state.begun).all(axis=1)
    found = {"overlap_with_shown_pattern": overlaps[shown][0]} if shown.any() else {}
    return found | ({"largest_overlap": np.abs(overlaps).max()} if len(stored) < 0.138 * N else {})


MIXTURE = "000fff0000ffff00000f0f0000ffff0000f0ff0000000000000fff00000ff000"

PRESETS = {
    "Hopfield 1982: recall from a corrupted cue": {},
    "Spurious state: mixture of three memories": {
        "cue": MIXTURE,
        "flipped": 0.0,
    },
    "Beyond capacity: unstable memories": {"random_patterns": 25, "flipped": 0.0},
    "Half the pixels flipped: no recall": {"flipped": 0.5},
}

MISSIONS = (
    Mission(
        "Overload the memory: starting from a stored digit, with no pixel flipped, the network moves to another state "
        "(overlap at most 0.75).",
        (Claim("overlap_with_shown_pattern", "<=", 0.75),),
    ),
    Mission(
        "Find a spurious state: with fewer than 0.138 patterns per neuron and no pixel flipped, draw a cue from which "
        "the network settles in neither a stored pattern nor the negative of one (all |overlaps| below 0.9).",
        (Claim("largest_overlap", "<", 0.9),),
    ),
)
