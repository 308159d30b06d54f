"""word2vec: word vectors are learnt from context, and differences between them acquire meaning.

A small grammar generates 10 000 sentences, such as "the people of the country france live on wine" and "the mayor of
the city paris sells cheese". From each word the network learns to predict the words around it, and it has no other
information. Soon the difference between the vectors of a capital and its country is the same for all countries: paris −
france + italy leads to rome. The arrows are these differences, projected onto the first two principal components.

Type other words: king and queen, walk and walked, cow and calf, or facts from the sentences, such as wine. Then reduce
the window to one word: the network still learns that Paris is a capital, but no longer of which country.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import numpy as np
import optax

from neuraxis import descent, fit
from neuraxis.app.lab import Arrows, Bars, Labels, Line, Mission, Plot, slider, text
from neuraxis.app.lab.training import remembered, with_hyperparameters
from neuraxis.errors import InputError
from neuraxis.experiment import Claim
from neuraxis.experiments.word2vec import ANSWERED, grammar
from neuraxis.language import SkipGram, Vocabulary, WordVectors, softmax_loss
from neuraxis.language.pairs import window_pairs

EXPERIMENT = "word2vec"

EQUATIONS = (
    r"P(o \mid i) = \frac{e^{u_o \cdot v_i}}{\sum_w e^{u_w \cdot v_i}}, \qquad E = -\ln P(o \mid i)",
    r"x = \frac{v_a}{|v_a|} - \frac{v_b}{|v_b|} + \frac{v_c}{|v_c|}, \qquad \cos(w, x) = \frac{v_w \cdot x}{|v_w| |x|}",
)

STEPS = 1
SENTENCES = 10_000
ADVANCE = 10  # batches per step of the page
REMEMBERED = 600  # points of the learning curve
REACH = 0.8  # smallest half-width of the map
NEAREST = 8  # nearest words shown


@dataclass(frozen=True)
class Controls:
    """Controls of the page."""

    a: str = text("paris", 20)
    """Word a."""
    b: str = text("france", 20)
    """Word b (subtracted)."""
    c: str = text("italy", 20)
    """Word c (added)."""
    window: int = slider(5, 1, 6, restarts=True)
    """Window size [words]."""
    grammar_size: int = slider(30, 2, 60, restarts=True)
    """Dimension of the vectors."""
    learning_rate: float = slider(1e-2, 1e-4, 1e-1, logarithmic=True)
    """Learning rate (Adam)."""


class State(NamedTuple):
    """The network, its training data, the learning curve, and the question and the axes of the latest map."""

    model: SkipGram
    optimizer: Any
    vocabulary: Vocabulary
    pairs: tuple[np.ndarray, np.ndarray]
    together: np.ndarray  # (words, words): whether two words share a sentence
    history: np.ndarray  # (points, 3): batches, loss, accuracy on the analogies
    asked: tuple[str, ...]  # a, b and c
    axes: np.ndarray  # (2, size)
    key: jax.Array


def rule():
    """Minimise −ln P with Adam, with a learning rate that can be set in its state."""
    return descent(softmax_loss, optax.inject_hyperparams(optax.adam)(learning_rate=0.01))


def vectors(state):
    """Return the word vectors."""
    return WordVectors(state.vocabulary.words, np.asarray(state.model.input))


def question(state, controls):
    """Return a, b and c, and no message; or, if a word is unknown, the last a, b and c, and an error message."""
    words = tuple(word.strip().lower() for word in (controls.a, controls.b, controls.c))
    try:
        for word in words:
            state.vocabulary.index(word)
    except InputError as error:
        return state.asked, str(error)
    return words, ""


def start(controls, key):
    """Generate the sentences, and start with random vectors."""
    for_sentences, for_windows, for_model, key = jax.random.split(key, 4)
    random = np.random.default_rng(np.asarray(jax.random.key_data(for_sentences)))
    written = grammar.sentences(SENTENCES, random)
    vocabulary = Vocabulary.count(written, min_count=1)
    sentences = [vocabulary.encode(sentence) for sentence in written]
    holds = np.zeros((SENTENCES, len(vocabulary)), np.float32)
    for number, sentence in enumerate(sentences):
        holds[number, sentence] = 1
    pairs = window_pairs(sentences, controls.window, key=for_windows)
    model = SkipGram(len(vocabulary), controls.grammar_size, key=for_model)
    begun = np.array([[0.0, np.log(len(vocabulary)), 0.0]])
    asked, axes = ("paris", "france", "italy"), np.zeros((2, controls.grammar_size))
    state = State(model, rule().init(model), vocabulary, pairs, holds.T @ holds > 0, begun, asked, axes, key)
    return state._replace(axes=layout(state, controls)[-1])


def step(state, controls):
    """Train on a few batches, and test the vectors on the analogies of the grammar."""
    key, for_batches = jax.random.split(state.key)
    optimizer = with_hyperparameters(state.optimizer, learning_rate=controls.learning_rate)
    how = {"steps": ADVANCE, "batch_size": 1024, "progress": None}
    fitted = fit(state.model, rule(), state.pairs, key=for_batches, state=optimizer, **how)
    state = state._replace(model=fitted.model, optimizer=fitted.state, key=key)
    now = [state.history[-1, 0] + ADVANCE, fitted.history["loss"][-1], grammar.analogies_right(vectors(state))]
    history = remembered(state.history, now, REMEMBERED)
    return state._replace(history=history, asked=question(state, controls)[0], axes=layout(state, controls)[-1])


def layout(state, controls):
    """Return the words of the map, their related pairs, their positions (words, 2), and the axes (2, size)."""
    known, (asked, _) = vectors(state), question(state, controls)
    pairs = [pair for related in grammar.pairs().values() if set(asked) & set(sum(related, ())) for pair in related]
    answer = known.most_similar([asked[0], asked[2]], [asked[1]], 1)[0][0]
    words = list(dict.fromkeys([*asked, answer, *sum(pairs, ())]))
    units = known.units(np.array([known.index(word) for word in words]))
    units -= units.mean(axis=0)
    components = np.linalg.svd(units, full_matrices=False)[2][:2]
    # The sign of a principal component is arbitrary; that of the last map keeps the map from flipping.
    axes = np.where((components * state.axes).sum(axis=1, keepdims=True) < 0, -components, components)
    return words, pairs, units @ axes.T, axes


def segment(start, end, label):
    """Return a line between two positions."""
    return Line([start[0], end[0]], [start[1], end[1]], label)


def picture(state, controls):
    """Draw the map with the step from b to a, repeated from c; the words nearest to its end; and the accuracy."""
    (a, b, c), problem = question(state, controls)
    nearest = vectors(state).most_similar([a, c], [b], NEAREST)
    words, pairs, places, _ = layout(state, controls)
    bold = [words.index(word) for word in (nearest[0][0], a, b, c)]
    at = dict(zip(words, places, strict=True))
    tip = at[c] + at[a] - at[b]
    reach = max(REACH, 1.1 * float(np.abs([*places, tip]).max()))
    marks = [
        segment(at[b], at[a], f"from {b} to {a}"),
        segment(at[c], tip, f"the same step from {c}"),
        Labels(places[:, 0], places[:, 1], words, bold),
    ]
    if pairs:
        tails, tips = np.array([[at[word] for word in pair] for pair in pairs]).transpose(1, 2, 0)
        marks.insert(0, Arrows(tails[0], tails[1], tips[0] - tails[0], tips[1] - tails[1]))
    batches, _, right = state.history.T
    return (
        Plot(
            marks,
            "First principal component",
            "Second principal component",
            "Map of the words",
            (-reach, reach),
            (-reach, reach),
            height=2.2,
        ),
        Plot(
            [Bars(np.array([cosine for _, cosine in nearest]), [word for word, _ in nearest], highlighted=0)],
            "Nearest words",
            "Cosine",
            f"{problem[:1].upper()}{problem[1:]}" or f"{a} − {b} + {c} ≈ {nearest[0][0]}",
            y_range=(0.0, 1.0),
        ),
        Plot(
            [Line(batches, right, head=True)],
            "Training batches",
            "Accuracy",
            "Accuracy on all 448 analogies",
            x_range=(0.0, max(1000.0, float(batches[-1]))),
            y_range=(0.0, 1.05),
        ),
    )


def numbers(state, controls):
    """Return the progress of training, and the similarities of the words."""
    a, b, c = question(state, controls)[0]
    batches, loss, right = state.history[-1]
    return {
        "Training batches": int(batches),
        "Loss [nats per pair]": loss,
        "Accuracy on the analogies": right,
        "Cosine of the nearest word": vectors(state).most_similar([a, c], [b], 1)[0][1],
        "Cosine of a and c": vectors(state).similarity(a, c),
    }


def measures(state, controls):
    """Return the accuracy on the analogies, the dimension, and the cosine of a and c if they never share a sentence."""
    (a, _, c), index = question(state, controls)[0], state.vocabulary.index
    found = {ANSWERED.metric: state.history[-1, 2], "dimensions": controls.grammar_size}
    apart = a != c and not state.together[index(a), index(c)]
    return found | ({"cosine_of_words_never_together": vectors(state).similarity(a, c)} if apart else {})


PRESETS = {
    "Mikolov et al. 2013: Paris − France + Italy": {},
    "Mikolov, Yih & Zweig 2013: female form": {"a": "queen", "b": "king", "c": "prince"},
    "Past tense: walked − walk + swim": {"a": "walked", "b": "walk", "c": "swim"},
    "Not an analogy: wine − france + japan": {"a": "wine", "b": "france", "c": "japan"},
    "Window of one word": {"window": 1},
    "Too few dimensions": {"grammar_size": 4},
}

MISSIONS = (
    Mission(
        "Reach an accuracy of 90 % on the analogies with vectors of at most 16 dimensions.",
        (ANSWERED, Claim("dimensions", "<=", 16.0)),
    ),
    Mission(
        "“You shall know a word by the company it keeps” (Firth 1957). Once the accuracy is 90 %, find two words a and "
        "c that never share a sentence and yet have nearly the same direction (a cosine of at least 0.9).",
        (ANSWERED, Claim("cosine_of_words_never_together", ">=", 0.9)),
    ),
)
