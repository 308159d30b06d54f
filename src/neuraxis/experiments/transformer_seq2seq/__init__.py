"""Encoder–decoder Transformer: translates dates as people write them into ISO form.

"Tuesday, 3 March 1987", "Mar 3rd, '87" and "3.III.1987" all become "1987-03-03". The 2017 network reads and writes
characters: an encoder sees the whole date, a decoder writes one character after another, attending to those it has
written and, by cross-attention, to the date. It is trained with Adam on the cross-entropy of the next character, with a
learning rate that rises and then decays along a cosine.

It is tested on days that it has not seen, in trained formats and in new ones, which combine their parts in other ways.
A date counts as correct if all ten characters and the end are, with every character generated from those that the
network itself wrote.

Source: Vaswani et al., Attention is all you need, Advances in Neural Information Processing Systems (2017).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
import optax

from neuraxis import check, plots
from neuraxis.data.written_dates import FORMS, MOST_NEW_FORMS, Pair, written_dates
from neuraxis.engine import descent, fit
from neuraxis.errors import InputError
from neuraxis.experiment import Claim, Result, Session, check_settings
from neuraxis.experiments.shared import memory
from neuraxis.experiments.transformer_seq2seq import figures
from neuraxis.experiments.transformer_seq2seq.characters import CHARACTERS, lay_out, to_text
from neuraxis.language import EncoderDecoder, translate
from neuraxis.language.encoder_decoder import all_right, loss
from neuraxis.values import compiled

PLACE = ("Memory and sequences", 9)
EQUATIONS = r"""
h \leftarrow h + \operatorname{Attention}(\operatorname{LN}(h)), \qquad
h \leftarrow h + \operatorname{FF}(\operatorname{LN}(h)), \qquad
\operatorname{FF}(x) = \max(0, xW_1 + b_1)\, W_2 + b_2

h \leftarrow h + \operatorname{Attention}_{\le i}(\operatorname{LN}(h)), \qquad
h \leftarrow h + \operatorname{Attention}(\operatorname{LN}(h), M), \qquad
h \leftarrow h + \operatorname{FF}(\operatorname{LN}(h))
"""

_REPORTS = 20  # points of the learning curve
_WATCHED = 250  # pairs on which it is measured
_AT_ONCE = 1000  # dates that are read together
EXAMPLES = ("Tuesday, 3 March 1987", "the 21st of Nov '04", "7/4/2026", "3.III.1987")


@dataclass(frozen=True)
class Settings:
    """Settings of the experiment."""

    size: int = 64
    """Features of every position; a multiple of `heads`."""
    layers: int = 2
    """Blocks of the encoder, and of the decoder."""
    heads: int = 4
    """Heads of every attention."""
    steps: int = 2000
    """Training steps."""
    batch_size: int = 128
    """Pairs per training step."""
    learning_rate: float = 3e-3
    """Peak learning rate, after a twentieth of the steps."""
    pairs: int = 60_000
    """Training pairs."""
    test_pairs: int = 2000
    """Pairs in each of the two tests, all for different days."""
    new_forms: int = 15
    """Number of date formats reserved for testing."""
    seed: int = 0
    """Seed for the dates, the weights and the order of the pairs."""

    def __post_init__(self):
        check_settings(self)
        check.whole(size=self.size, layers=self.layers, heads=self.heads, batch_size=self.batch_size)
        check.whole(pairs=self.pairs, test_pairs=self.test_pairs, new_forms=self.new_forms)
        check.whole(_REPORTS, steps=self.steps)
        check.positive(learning_rate=self.learning_rate)
        if self.size % self.heads:
            raise InputError(f"heads must divide the size {self.size}, but is {self.heads}")
        if self.new_forms > MOST_NEW_FORMS:
            raise InputError(f"new_forms must be at most {MOST_NEW_FORMS}, but is {self.new_forms}")
        if self.test_pairs > 30_000:
            raise InputError(f"test_pairs must be at most 30000, but is {self.test_pairs}")

    def memory(self) -> float:
        """Estimate the minimum memory of a run [bytes]."""
        places = 40 * min(self.batch_size, self.pairs)
        weights = 28.0 * self.layers * self.size**2
        return memory.NUMBER * (4.0 * weights + 20.0 * self.layers * places * self.size)


QUICK = Settings(layers=1, steps=240, batch_size=64, pairs=8000, test_pairs=200)


def run(settings: Settings, session: Session = Session()) -> Result:
    """Train, and let the network write the dates of both tests."""
    drawn = written_dates(
        settings.pairs, settings.test_pairs + _WATCHED, seed=settings.seed, new_forms=settings.new_forms
    )
    key_model, key_fit = jax.random.split(jax.random.key(settings.seed))
    sizes = {"size": settings.size, "layers": settings.layers, "heads": settings.heads}
    model = EncoderDecoder(CHARACTERS.size, CHARACTERS.size, **sizes, hidden_size=4 * settings.size, key=key_model)
    fitted = _train(model, drawn.train, drawn.test[:_WATCHED], settings, key_fit, session)
    tests = {"known_forms": drawn.test[_WATCHED:], "new_forms": drawn.test_new_forms[_WATCHED:]}
    texts = [pair.written for pairs in tests.values() for pair in pairs]
    written = read(fitted.model, [*texts, *EXAMPLES])
    found = {"known_forms": written[: settings.test_pairs], "new_forms": written[settings.test_pairs : len(texts)]}
    right = {name: np.array([p.iso for p in pairs]) == np.array(found[name]) for name, pairs in tests.items()}
    metrics = {f"exact_{name}": float(np.mean(good)) for name, good in right.items()}
    metrics |= {f"mistakes_{name}": float(np.sum(~good)) for name, good in right.items()}
    metrics["training_loss"] = float(fitted.history["loss"][-1])
    metrics["loss_on_other_days"] = float(fitted.history["validation_loss"][-1])
    metrics["parameters"] = float(sum(x.size for x in jax.tree.leaves(model) if isinstance(x, jax.Array)))
    read_as = {name: list(zip(pairs, found[name], strict=True)) for name, pairs in tests.items()}
    wrong = [(pair, text) for rows in read_as.values() for pair, text in rows if pair.iso != text]
    return Result(
        metrics=metrics,
        claims=(Claim("exact_known_forms", ">=", 0.99, quick=0.3), Claim("exact_new_forms", ">=", 0.99, quick=0.3)),
        arrays={
            "history": fitted.history,
            "steps": settings.steps // _REPORTS,
            "tests": {name: rows[:6] for name, rows in read_as.items()},
            "wrong": wrong[:12],
            "attention": _attention(fitted.model, EXAMPLES, written[len(texts) :]),
        },
        model=fitted.model,
        data=f"{settings.pairs} written dates from 1969 to 2068 in {len(FORMS) - settings.new_forms} formats",
    )


def read(model: EncoderDecoder, written: Sequence[str]) -> list[str]:
    """Let a trained network write the ISO form of dates.

    Args:
        model: as a run of this experiment saves it.
        written: dates, such as `["Tuesday, 3 March 1987"]`; any number of them.

    Raises:
        InputError: for a date with characters that are not in the alphabet.
    """
    source, target = lay_out([Pair(text, "") for text in written])
    size = max(1, min(_AT_ONCE, len(source)))
    # In parts of one size, which one program serves.
    rows = np.resize(source, (len(source) + -len(source) % size, source.shape[1]))
    parts = rows.reshape(-1, size, source.shape[1])
    found = [to_text(tokens) for part in parts for tokens in translate(model, part, length=target.shape[-1] - 1)]
    return found[: len(written)]


def plot(result: Result) -> dict[str, plots.Figure]:
    """Draw the learning curve, where the network looks as it writes, and what it read."""
    return {
        "learning": figures.learning(result.arrays["history"], result.arrays["steps"]),
        "attention": figures.attention(result.arrays["attention"]),
        "dates": figures.dates(result.arrays["tests"], result.arrays["wrong"]),
    }


def _train(model, train, watched, settings, key, session):
    steps = settings.steps // _REPORTS
    rate = optax.warmup_cosine_decay_schedule(
        0.0, settings.learning_rate, max(1, settings.steps // 20), steps * _REPORTS, 0.0
    )
    optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(rate))
    return fit(
        model,
        descent(loss, optimizer),
        lay_out(train),
        epochs=_REPORTS,
        steps=steps,
        batch_size=settings.batch_size,
        key=key,
        validation=lay_out(watched),
        metrics={"exact": all_right},
        **session.training("transformer-seq2seq"),
    )


def _attention(
    model: EncoderDecoder, texts: Sequence[str], written: Sequence[str]
) -> list[tuple[str, str, np.ndarray]]:
    """Return how much each character that was written looks at each of the date's, as a mean over all heads."""
    weights = np.asarray(_cross_weights(model, lay_out([Pair(*pair) for pair in zip(texts, written, strict=True)])))
    means = weights.mean((1, 2))
    return [(x, y, each[: len(y), : len(x)]) for x, y, each in zip(texts, written, means, strict=True)]


@compiled
def _cross_weights(model: EncoderDecoder, x: tuple[Any, Any]) -> jax.Array:
    return model.cross_weights((x[0], x[1][:, :-1]))
