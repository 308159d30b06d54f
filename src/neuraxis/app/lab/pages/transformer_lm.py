"""Transformer: attention heads look back over a text to predict the next character.

The network is trained on Shakespeare's sonnets while you watch, and reads your text anew after every step. Each row of
the large map is a query character, its columns are the characters up to it, and bright means a large attention weight.
The small maps show all heads.

At first attention is spread out. Soon one head attends to the previous character, others to the beginning of the word
or of the line. Type a text with a repetition, such as "sweet sweet sweet", and look for a head that attends to it.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from neuraxis import descent, fit, modern_transformer
from neuraxis.app.lab import Bars, Images, Matrix, Mission, Plot, slider, text
from neuraxis.app.lab.training import with_hyperparameters
from neuraxis.data import Characters, find_text
from neuraxis.experiment import Claim
from neuraxis.functions.activations import softmax
from neuraxis.language import next_token_loss

EXPERIMENT = "transformer-lm"

EQUATIONS = (
    r"A = \mathrm{softmax}\left( \frac{Q K^\top}{\sqrt{d}} \right), \quad x \leftarrow x + A V W",
    r"p = \mathrm{softmax}\left( \frac{z}{T} \right)",
)

STEPS = 0.6
BATCHES = 3  # per step of the page
CONTEXT = 40  # characters read at once
WRITTEN = 24  # characters of the continuation
HEADS = 4
LAYERS = 2
TEXT = find_text(("sonnets",)).content
CHARACTERS = Characters.of(TEXT)


@dataclass(frozen=True)
class Controls:
    """Controls of the page."""

    text: str = text("Shall I compare thee to a ", CONTEXT, alphabet=CHARACTERS.alphabet)
    """Input text."""
    block: int = slider(1, 1, LAYERS)
    """Block of the large map."""
    head: int = slider(1, 1, HEADS)
    """Head of the large map."""
    temperature: float = slider(0.5, 0.0, 2.0, symbol="T")
    """Sampling temperature."""
    learning_rate: float = slider(3e-3, 1e-5, 3e-2, logarithmic=True)
    """Learning rate (Adam)."""
    size: int = slider(64, 16, 128, restarts=True)
    """Model size (multiple of 8)."""


class State(NamedTuple):
    """The network, its training data, and its response to the input text."""

    model: Any
    learning: Any  # the state of the rule, None before the first step
    windows: np.ndarray  # (number, CONTEXT + 1): tokens
    batches: int  # trained on
    loss: float  # of the latest [nats per character]
    maps: np.ndarray  # (LAYERS, HEADS, characters, characters)
    chances: np.ndarray  # (alphabet,): of the next character
    written: np.ndarray  # (WRITTEN,): tokens
    key: jax.Array


@eqx.filter_jit
def read(model, tokens, count):
    """Read a text of `count` tokens; return the attention weights and the next-character probabilities."""
    return model.attention_maps(tokens), softmax(model(tokens)[count - 1])


@eqx.filter_jit
def write(model, tokens, count, temperature, key):
    """Continue a text of `count` tokens, with as much of it as the context holds."""

    def next_one(carry, key):
        tokens, count = carry
        logits = model(tokens)[count - 1] / jnp.maximum(temperature, 1e-3)
        token = jax.random.categorical(key, logits).astype(tokens.dtype)
        full = count == CONTEXT
        tokens = jnp.where(full, jnp.roll(tokens, -1), tokens)
        count = jnp.where(full, count, count + 1)
        return (tokens.at[count - 1].set(token), count), token

    return jax.lax.scan(next_one, (tokens, count), jax.random.split(key, WRITTEN))[1]


def reading(model, controls, key):
    """Let the network read the input text."""
    tokens = CHARACTERS.encode(controls.text)
    count = len(tokens)
    # Attention is causal, so padding behind the text changes nothing.
    padded = jnp.asarray(np.pad(tokens, (0, CONTEXT - count)))
    maps, chances = map(np.asarray, read(model, padded, jnp.asarray(count)))
    written = write(model, padded, jnp.asarray(count), jnp.asarray(controls.temperature), key)
    return maps[..., :count, :count], chances, np.asarray(written)


def start(controls, key):
    """Start with an untrained network."""
    key, for_model, for_writing = jax.random.split(key, 3)
    sizes = {"size": 8 * round(controls.size / 8), "layers": LAYERS, "heads": HEADS, "context": CONTEXT}
    model = modern_transformer(CHARACTERS.size, key=for_model, **sizes)
    windows = np.lib.stride_tricks.sliding_window_view(CHARACTERS.encode(TEXT), CONTEXT + 1)[::12]
    return State(model, None, windows, 0, float(np.log(CHARACTERS.size)), *reading(model, controls, for_writing), key)


def step(state, controls):
    """Train on a few batches, and read the input text again."""
    key, for_order, for_writing = jax.random.split(state.key, 3)
    adam = optax.inject_hyperparams(optax.adam)(learning_rate=3e-3)
    rule = descent(next_token_loss, optax.chain(optax.clip_by_global_norm(1.0), adam))
    learning = rule.init(state.model) if state.learning is None else state.learning
    learning = with_hyperparameters(learning, learning_rate=controls.learning_rate)
    how = {"steps": BATCHES, "batch_size": 12, "progress": None}
    fitted = fit(state.model, rule, (state.windows,), key=for_order, state=learning, **how)
    batches, loss = state.batches + BATCHES, float(fitted.history["loss"][-1])
    found = reading(fitted.model, controls, for_writing)
    return State(fitted.model, fitted.state, state.windows, batches, loss, *found, key)


def visible(characters):
    """Make spaces and line breaks visible."""
    return characters.replace(" ", "␣").replace("\n", "↵")


def picture(state, controls):
    """Draw one attention map large and all of them small, and the next-character probabilities."""
    count = state.maps.shape[-1]
    # The text may have been typed since the last step.
    shown = (list(visible(controls.text)) + [""] * CONTEXT)[:count]
    likely = np.argsort(-state.chances)[:12]
    names = [visible(CHARACTERS.alphabet[token]) for token in likely]
    places = [(block, head) for block in range(LAYERS) for head in range(HEADS)]
    small = [f"block {block + 1}, head {head + 1}" for block, head in places]
    written = visible(CHARACTERS.decode(state.written))
    large = f"Attention weights of block {controls.block}, head {controls.head}"
    return (
        Matrix(state.maps[controls.block - 1, controls.head - 1], shown, shown, large, (0.0, 1.0), height=2, half=True),
        Images(state.maps.reshape(-1, count, count), small, "All heads", (0.0, 1.0), columns=2, height=2, half=True),
        Plot(
            [Bars(state.chances[likely], names)],
            "Next character",
            "Probability",
            f"Continuation: {written}",
            y_range=(0.0, 1.0),
        ),
    )


def numbers(state, controls):
    """Return the progress of training, and the confidence of the network."""
    chances = state.chances[state.chances > 0]
    return {
        "Training batches": state.batches,
        "Loss [nats per character]": state.loss,
        "Highest next-character probability": state.chances.max(),
        "Next-character entropy [nats]": -(chances * np.log(chances)).sum(),
    }


def measures(state, controls):
    """Measure how much the head of the large map attends to the previous character, in ten characters or more."""
    shown = state.maps[controls.block - 1, controls.head - 1]
    if len(shown) < 10:
        return {}
    return {"weight_of_the_character_before": float(np.diagonal(shown, -1).mean())}


PRESETS = {
    "An unfinished line": {"text": "Shall I compare thee to a "},
    "A repeated phrase": {"text": "sweet love, sweet love, sweet l"},
    "Across a line break": {"text": "love,\nThat in thy beauty's "},
    "Temperature 0: greedy decoding": {"temperature": 0.0},
    "Learning rate too high": {"learning_rate": 0.03},
}

MISSIONS = (
    Mission(
        "Find a head that attends to the previous character: a mean weight of at least 0.4, in ten characters or more.",
        (Claim("weight_of_the_character_before", ">=", 0.4),),
    ),
)
