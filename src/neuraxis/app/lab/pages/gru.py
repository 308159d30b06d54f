"""Gated recurrent unit: gates decide, character by character, what to keep and what to replace.

The network is trained on Shakespeare's sonnets while you watch, and reads your text anew after every step. Each row is
a neuron, each column a character. Where the update gate g is near 0, the neuron keeps its state h; where it is near 1,
h is replaced by the candidate. The reset gate r sets how much of the old h enters the candidate.

Type a text. Which neurons change at every space, and which hold their state across words? After a few hundred batches
the network spells short words; a higher temperature makes its continuation more random.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from neuraxis import GRU, Linear, Sequential, descent, fit
from neuraxis.app.lab import Bars, Matrix, Mission, Plot, slider, text
from neuraxis.app.lab.training import with_hyperparameters
from neuraxis.data import Characters, find_text
from neuraxis.experiment import Claim
from neuraxis.functions.activations import softmax
from neuraxis.language import next_token_loss
from neuraxis.layers import Embedding
from neuraxis.recurrent.gru_scan import advance

EXPERIMENT = "gru"

EQUATIONS = (
    r"g = \sigma(x U_g + h W_g + b_g)",
    r"r = \sigma(x U_r + h W_r + b_r)",
    r"\tilde{h} = \tanh(x U + (h \odot r) W + b)",
    r"h \leftarrow g \odot \tilde{h} + (1 - g) \odot h",
    r"p = \mathrm{softmax}\left( \frac{h V + c}{T} \right)",
)

STEPS = 0.6
BATCHES = 4  # per step of the page
WINDOW = 48  # characters in a training example
LONGEST = 60  # characters of the visitor's text
WRITTEN = 50  # characters of the continuation
SHOWN = 24  # neurons
TEXT = find_text(("sonnets",)).content
CHARACTERS = Characters.of(TEXT)


@dataclass(frozen=True)
class Controls:
    """Controls of the page."""

    text: str = text("Shall I compare thee to a ", LONGEST, alphabet=CHARACTERS.alphabet)
    """Input text."""
    temperature: float = slider(0.5, 0.0, 2.0, symbol="T")
    """Sampling temperature."""
    learning_rate: float = slider(1e-2, 1e-5, 1e-1, logarithmic=True)
    """Learning rate (Adam)."""
    hidden_size: int = slider(64, SHOWN, 256, restarts=True)
    """Hidden neurons."""


class State(NamedTuple):
    """The network, its training data, and its response to the input text."""

    model: Sequential
    learning: Any  # the state of the rule, None before the first step
    windows: np.ndarray  # (number, WINDOW + 1): tokens
    batches: int  # trained on
    loss: float  # of the latest [nats per character]
    gates: np.ndarray  # (3, SHOWN, characters): g, r and h
    chances: np.ndarray  # (alphabet,): of the next character
    written: np.ndarray  # (WRITTEN,): tokens
    key: jax.Array


@eqx.filter_jit
def read(model, tokens, count, temperature, key):
    """Read a text of `count` tokens; return g, r and h, the next-character probabilities, and a continuation."""
    embedding, gru, readout = model.layers
    x = embedding(tokens)
    h = gru(x)
    before = jnp.concatenate([jnp.zeros((1, gru.hidden_size)), h[:-1]])
    _, gates, _ = advance(before, gru.project(x), gru.gates.weight, gru.candidate.weight)
    g, r = jnp.split(gates, 2, axis=-1)

    def write(h, key):
        token = jax.random.categorical(key, readout(h) / jnp.maximum(temperature, 1e-3))
        return gru.step(h, gru.project(embedding(token)))[0], token

    _, written = jax.lax.scan(write, h[count - 1], jax.random.split(key, WRITTEN))
    return jnp.stack([g, r, h])[..., :SHOWN].swapaxes(1, 2), softmax(readout(h[count - 1])), written


def reading(model, controls, key):
    """Let the network read the input text."""
    tokens = CHARACTERS.encode(controls.text)
    padded = jnp.asarray(np.pad(tokens, (0, LONGEST - len(tokens))))
    gates, chances, written = read(model, padded, len(tokens), jnp.asarray(controls.temperature), key)
    return np.asarray(gates)[..., : len(tokens)], np.asarray(chances), np.asarray(written)


def start(controls, key):
    """Start with an untrained network."""
    keys, size = jax.random.split(key, 5), controls.hidden_size
    parts = (
        Embedding(CHARACTERS.size, size, key=keys[0]),
        GRU(size, size, key=keys[1]),
        Linear(size, CHARACTERS.size, key=keys[2]),
    )
    windows = np.lib.stride_tricks.sliding_window_view(CHARACTERS.encode(TEXT), WINDOW + 1)[::12]
    model = Sequential(parts)
    return State(model, None, windows, 0, float(np.log(CHARACTERS.size)), *reading(model, controls, keys[3]), keys[4])


def step(state, controls):
    """Train on a few batches, and read the input text again."""
    key, for_order, for_writing = jax.random.split(state.key, 3)
    adam = optax.inject_hyperparams(optax.adam)(learning_rate=1e-2)
    rule = descent(next_token_loss, optax.chain(optax.clip_by_global_norm(1.0), adam))
    learning = rule.init(state.model) if state.learning is None else state.learning
    learning = with_hyperparameters(learning, learning_rate=controls.learning_rate)
    how = {"steps": BATCHES, "batch_size": 32, "progress": None}
    fitted = fit(state.model, rule, (state.windows,), key=for_order, state=learning, **how)
    batches, loss = state.batches + BATCHES, float(fitted.history["loss"][-1])
    read = reading(fitted.model, controls, for_writing)
    return State(fitted.model, fitted.state, state.windows, batches, loss, *read, key)


def visible(characters):
    """Make spaces and line breaks visible."""
    return characters.replace(" ", "␣").replace("\n", "↵")


def picture(state, controls):
    """Draw gates and state over the text, and the next-character probabilities."""
    shown, neurons = list(visible(controls.text)), [""] * SHOWN
    # The text may have been typed since the last step.
    shown = (shown + [""] * LONGEST)[: state.gates.shape[-1]]
    g, r, h = state.gates
    likely = np.argsort(-state.chances)[:12]
    names = [visible(CHARACTERS.alphabet[token]) for token in likely]
    written = visible(CHARACTERS.decode(state.written))
    return (
        Matrix(g, neurons, shown, "Update gate g (0: keep, 1: replace)", (0.0, 1.0)),
        Matrix(r, neurons, shown, "Reset gate r (0: candidate ignores h)", (0.0, 1.0)),
        Matrix(h, neurons, shown, "Hidden state h", (-1.0, 1.0), signed=True),
        Plot(
            [Bars(state.chances[likely], names)],
            "Next character",
            "Probability",
            f"Continuation: {written}",
            y_range=(0.0, 1.0),
            height=1.3,
        ),
    )


def numbers(state, controls):
    """Return the progress of training, and the confidence of the network."""
    return {
        "Training batches": state.batches,
        "Loss [nats per character]": state.loss,
        "Highest next-character probability": state.chances.max(),
        "Mean update gate": state.gates[0].mean(),
    }


def measures(state, controls):
    """Return the highest next-character probability."""
    return {"highest_probability": float(state.chances.max())}


PRESETS = {
    "An unfinished line": {"text": "Shall I compare thee to a "},
    "After q": {"text": "The q"},
    "End of a line": {"text": "And summer's lease hath all too short a date"},
    "Nonsense": {"text": "zzzz qqqq xxxx zzzz"},
    "Temperature 0: greedy decoding": {"temperature": 0.0},
}

MISSIONS = (
    Mission(
        "Type a text after which the network predicts the next character with a probability of at least 90 %.",
        (Claim("highest_probability", ">=", 0.9),),
    ),
)
