"""word2vec: words as vectors, learnt from the words around them.

A grammar writes sentences in which words are related in four ways, such as countries and their capitals. The skip-gram
network learns from them twice: by the softmax over the whole small vocabulary, and by negative sampling. Then it
answers questions such as "france is to paris as italy is to …" by the vector nearest to paris − france + italy.

By negative sampling it learns Shakespeare's plays and poems, too, where those are at hand, or else his sonnets, which
are too short for good neighbours; `--text FILE` names a text of your own, with a sentence in each line and of any size.
The vectors are written into the run's folder as vectors.txt, in the format of the word2vec program.

Sources: Mikolov, Chen, Corrado & Dean, arXiv:1301.3781 (2013); Mikolov, Sutskever, Chen, Corrado & Dean, Distributed
representations of words and phrases and their compositionality, NIPS 2013.
"""

import math
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
import optax

from neuraxis import check, plots
from neuraxis.engine import descent, fit
from neuraxis.experiment import Claim, Result, Session, check_settings
from neuraxis.experiments.shared import memory
from neuraxis.experiments.word2vec import grammar, text
from neuraxis.language import (
    Sentences,
    SkipGram,
    Vocabulary,
    WordVectors,
    fit_skip_gram,
    save_word2vec_text,
    softmax_loss,
)
from neuraxis.language.pairs import window_pairs
from neuraxis.language.training import vectors_of

PLACE = ("Memory and sequences", 7)

_VOCABULARY_OF_PLAYS = 2000  # words: shorter texts have fewer
_BATCH_SIZE = 1024  # pairs in a step of the softmax
_RATE = 0.01  # of Adam for it, at the beginning


@dataclass(frozen=True)
class Settings:
    """Settings of the experiment."""

    text: str = ""
    """Text file to learn from, with a sentence in each line; without one, Shakespeare."""
    size: int = 100
    """Size of the vectors of the text."""
    window: int = 5
    """Farthest reach of a context [words]."""
    negatives: int = 5
    """Negative words for each pair."""
    min_count: int = 20
    """Words of the text that appear less often are left out."""
    epochs: int = 15
    """How often to go through the text."""
    grammar_sentences: int = 10_000
    """Sentences that the grammar writes."""
    grammar_size: int = 30
    """Size of the vectors of its words."""
    grammar_epochs: int = 10
    """How often to go through them."""
    seed: int = 0
    """Seed for the sentences, the weights, and all that is drawn in training."""

    def __post_init__(self):
        check_settings(self)
        numbers = {name: value for name, value in vars(self).items() if name not in ("text", "seed")}
        check.whole(**numbers)
        if self.text:
            check.path("text", self.text)

    def memory(self) -> float:
        """Estimate the minimum memory of a run [bytes]."""
        pairs = 2.0 * memory.NUMBER * self.grammar_sentences * 7 * (self.window + 1)
        return pairs + 2.0 * memory.NUMBER * 1000 * self.size


QUICK = Settings(epochs=4, grammar_epochs=6)


def run(settings: Settings, session: Session = Session()) -> Result:
    """Learn the grammar's words in two ways, and those of a text; ask questions, and look for neighbours."""
    s = settings
    keys = jax.random.split(jax.random.key(s.seed), 3)
    source, description = text.read(s.text)  # first, as it may not be there
    vocabulary = Vocabulary.count(source, s.min_count)
    softmax, negative = _learn_grammar(s, keys, session)
    fitted = fit_skip_gram(
        source,
        vocabulary,
        size=s.size,
        window=s.window,
        negatives=s.negatives,
        epochs=s.epochs,
        key=keys[2],
        **session.training("text", "text"),
    )
    vectors = vectors_of(fitted.model, vocabulary)
    if session.folder:
        save_word2vec_text(vectors, session.folder / "vectors.txt")
    found, pairs = text.related_found(vectors)
    metrics = {
        "analogies_right_softmax": grammar.analogies_right(softmax[0]),
        "analogies_right_negative_sampling": grammar.analogies_right(negative[0]),
        "grammar_loss_softmax": float(softmax[1][-1]),
        "grammar_loss_negative_sampling": float(negative[1][-1]),
        "text_words": float(vocabulary.counts.sum()),
        "text_vocabulary": float(len(vocabulary)),
        "text_loss": float(fitted.history["loss"][-1]),
        "related_pairs_known": float(pairs),
    }
    claims = [
        Claim("analogies_right_softmax", ">=", 0.9),
        Claim("analogies_right_negative_sampling", ">=", 0.9),
    ]
    if not math.isnan(found):
        metrics["related_words_among_ten_nearest"] = found
    if not s.text and len(vocabulary) > _VOCABULARY_OF_PLAYS:
        claims.append(Claim("related_words_among_ten_nearest", ">=", 0.5))
    losses = {"softmax": softmax[1], "negative": negative[1], "text": fitted.history["loss"]}
    arrays: dict[str, Any] = {"softmax": softmax[0], "negative": negative[0], "vectors": vectors, "losses": losses}
    return Result(metrics, tuple(claims), arrays, model=fitted.model, data=f"sentences of a grammar; {description}")


def _learn_grammar(
    s: Settings, keys: jax.Array, session: Session
) -> tuple[tuple[WordVectors, np.ndarray], tuple[WordVectors, np.ndarray]]:
    """Give vectors and losses of the softmax and of negative sampling."""
    written = grammar.sentences(s.grammar_sentences, np.random.default_rng(s.seed))
    vocabulary = Vocabulary.count(written, min_count=1)
    key_pairs, key_model, key_fit = jax.random.split(keys[0], 3)
    pairs = window_pairs([vocabulary.encode(sentence) for sentence in written], s.window, key=key_pairs)
    steps = s.grammar_epochs * -(-len(pairs[0]) // _BATCH_SIZE)
    whole = fit(
        SkipGram(len(vocabulary), s.grammar_size, key=key_model),
        descent(softmax_loss, optax.adam(optax.cosine_decay_schedule(_RATE, steps))),
        pairs,
        epochs=s.grammar_epochs,
        batch_size=_BATCH_SIZE,
        key=key_fit,
        **session.training("softmax", "softmax"),
    )
    sampled = fit_skip_gram(
        Sentences(written),
        vocabulary,
        size=s.grammar_size,
        window=s.window,
        negatives=s.negatives,
        sample=0.0,  # what holds a relation together is frequent here
        epochs=s.grammar_epochs,
        key=keys[1],
        **session.training("negative sampling", "negative-sampling"),
    )
    return tuple((vectors_of(f.model, vocabulary), f.history["loss"]) for f in (whole, sampled))  # pyright: ignore[reportReturnType]


def plot(result: Result) -> dict[str, plots.Figure]:
    """Draw the relations of the grammar, the losses, and the words of the text near each other."""
    return {
        "relations": grammar.plot(result.arrays["softmax"], result.arrays["negative"]),
        "loss": _plot_losses(result.arrays["losses"]),
        "neighbours": text.plot_neighbours(result.arrays["vectors"]),
        "map": text.plot_map(result.arrays["vectors"]),
    }


def _plot_losses(losses: dict[str, np.ndarray]) -> plots.Figure:
    fig, axes = plots.figure(
        1,
        3,
        caption="Mean loss over all pairs of each epoch, measured before each pair is learnt from: by softmax and by "
        "negative sampling on the grammar's sentences, and by negative sampling on the text.",
        height=2.8,
        width=8.6,
    )
    titles = {"softmax": "Grammar, softmax", "negative": "Grammar, sampling", "text": "Text, sampling"}
    for each, (name, title) in zip(axes, titles.items(), strict=True):
        each.plot(np.arange(1, len(losses[name]) + 1), losses[name], "o-", ms=4)
        each.set(title=title)
        plots.epochs_along(each)
    axes[0].set_ylabel("loss of a pair [nats]")
    return fig
