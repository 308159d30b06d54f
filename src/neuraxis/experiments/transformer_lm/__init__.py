"""Transformer as a language model: Shakespeare by characters, with the 2017 network and a modern one.

Both read 64 characters and predict the next one. They have the same width, depth and heads, see the same windows of the
text and take the same number of steps. The 2017 network has sinusoidal positions, layer normalisation and ReLU, and is
trained with AdamW; the modern one has rotary positions, RMS normalisation (also of queries and keys), squared ReLU, and
its matrices are trained with Muon. On the last tenth of the text, which neither has seen, the second is better by more
than 0.08 nats per character. The weights with the lowest held-out loss of 20 evaluations are kept.

Both write with a key/value cache, which gives the same result as a call with the whole text. `--text FILE` trains on a
text of your own, and `neuraxis sample FOLDER` continues a text with the saved model.

If the plays are available (`neuraxis data fetch tiny-shakespeare`, or a folder named by NEURAXIS_DATA), it uses these;
otherwise the sonnets, which come with neuraxis. These are so short that 2000 steps cover them fifteen times: the modern
network then memorises them, and is compared after a quarter of the steps.

Sources: Vaswani et al., Attention is all you need, NeurIPS (2017); Karpathy, nanoGPT (2022), for the setting; Jordan et
al., Muon (2024); Karpathy, nanochat (2025).
"""

from dataclasses import dataclass

import equinox as eqx
import jax
import numpy as np

from neuraxis import check, plots
from neuraxis.data import Windows
from neuraxis.engine import evaluate
from neuraxis.experiment import Claim, Result, Session, check_settings
from neuraxis.experiments.shared import memory
from neuraxis.experiments.transformer_lm import figures, texts, training
from neuraxis.language import Writer, bits_per_byte, next_token_loss

PLACE = ("Memory and sequences", 8)
EQUATIONS = r"""
A = \operatorname{softmax}\!\left(\frac{Q K^\top}{\sqrt{d}}\right), \qquad H = A V

h = x + \text{attention}(\text{norm}_1(x)), \qquad y = h + \text{feed-forward}(\text{norm}_2(h))
"""


@dataclass(frozen=True)
class Settings:
    """Settings of the experiment."""

    text: str = ""
    """Text file to train on, in UTF-8; by default Shakespeare's plays if they are available, otherwise his sonnets."""
    size: int = 128
    """Features of each position."""
    layers: int = 4
    """Blocks of attention and feed-forward network."""
    heads: int = 4
    """Heads of each attention."""
    context: int = 64
    """Context length [characters]."""
    batch_size: int = 12
    """Windows of the text per training step."""
    steps: int = 2000
    """Training steps, rounded up to a multiple of 20."""
    learning_rate: float = 1e-3
    """Peak learning rate of AdamW, for the 2017 network."""
    muon_learning_rate: float = 0.02
    """Peak learning rate of Muon, for the matrices of the modern network."""
    adam_learning_rate: float = 3e-3
    """Peak learning rate of Adam, for all other parameters of the modern network."""
    held_out_windows: int = 10_000
    """Maximum number of windows of the held-out text, evenly spread, in the final evaluation."""
    temperature: float = 0.8
    """Sampling temperature."""
    seed: int = 0
    """Seed for the weights, the order of the windows, and the samples."""

    def __post_init__(self):
        check_settings(self)
        check.whole(size=self.size, layers=self.layers, heads=self.heads, context=self.context)
        check.whole(batch_size=self.batch_size, steps=self.steps, held_out_windows=self.held_out_windows)
        rates = "learning_rate", "muon_learning_rate", "adam_learning_rate"
        check.positive(**{name: getattr(self, name) for name in rates})
        check.not_negative(temperature=self.temperature)
        training.check_heads(self.size, self.heads)

    def memory(self) -> float:
        """Estimate the minimum memory of a run [bytes]: weights, their moments, and what a batch leaves in a step."""
        weights = 12.0 * self.layers * self.size**2
        places = self.batch_size * self.context * self.layers * (20.0 * self.size + 3.0 * self.heads * self.context)
        return memory.NUMBER * (4 * weights + places)


QUICK = Settings(size=64, layers=1, heads=2, context=32, steps=200, held_out_windows=500)

_SHORT = {"sonnets": "gain_after_a_quarter_of_the_steps"}  # texts that are learnt by heart
_WATCHED = 200  # held-out windows for the learning curves


def run(settings: Settings, session: Session = Session()) -> Result:
    """Train both networks, measure them on held-out text, and let them write."""
    text = texts.load(settings.text, settings.context)
    keys = dict(zip(("model", "order", "sample"), jax.random.split(jax.random.key(settings.seed), 3), strict=True))
    watched, held_out = (
        _spread(text.held_out, settings.context, count) for count in (_WATCHED, settings.held_out_windows)
    )
    metrics, histories, writers = {}, {}, {}
    for name, make in training.NETWORKS.items():
        model, rule = make(settings, text.tokenizer.size, keys["model"])
        fitted = training.train(
            model,
            rule,
            Windows(text.training, settings.context + 1),
            watched,
            steps=settings.steps,
            batch_size=settings.batch_size,
            key=keys["order"],
            **session.training(name, f"checkpoint-{name}"),
        )
        loss = evaluate(fitted.model, next_token_loss, held_out)
        metrics |= {
            f"validation_loss_{name}": loss,
            f"bits_per_byte_{name}": bits_per_byte(loss, len(text.held_out), text.held_out_text),
            f"training_loss_{name}": float(fitted.history["loss"][-1]),
        }
        histories[name], writers[name] = fitted.history, Writer(fitted.model, text.tokenizer)
    early = [histories[name]["validation_loss"][training.EPOCHS // 4 - 1] for name in ("2017", "modern")]
    metrics["gain_after_a_quarter_of_the_steps"] = float(early[0] - early[1])
    metrics["gain_of_the_modern_network"] = metrics["validation_loss_2017"] - metrics["validation_loss_modern"]
    modern = writers["modern"]
    metrics["largest_difference_of_the_cache"] = training.cache_difference(modern.model, text.held_out)
    shown = text.held_out_text[: min(settings.context, figures.CHARACTERS)]
    return Result(
        metrics=metrics,
        claims=(
            Claim(_SHORT.get(text.name, "gain_of_the_modern_network"), ">=", 0.08),
            Claim("validation_loss_2017", "<=", texts.HIGHEST_LOSS.get(text.name, float("inf")), quick=2.9),
            Claim("largest_difference_of_the_cache", "<=", 1e-4),
        ),
        arrays={
            "histories": histories,
            "steps": training.steps_per_epoch(settings.steps),
            "samples": {
                name: writer.write(text.prompt, 500, key=keys["sample"], temperature=settings.temperature)
                for name, writer in writers.items()
            },
            "shown": shown,
            "maps": np.asarray(eqx.filter_jit(modern.model.attention_maps)(text.tokenizer.encode(shown))),
        },
        model=modern,
        data=text.description,
    )


def _spread(tokens: np.ndarray, context: int, count: int) -> Windows:
    """Return windows that do not overlap, about `count` at most, evenly spread."""
    return Windows(tokens, context + 1, every=max(context, len(tokens) // count))


def plot(result: Result) -> dict[str, plots.Figure]:
    """Draw the learning curves, what the networks wrote, and where their heads look."""
    return {
        "learning": figures.learning(result.arrays["histories"], result.arrays["steps"]),
        "samples": figures.samples(result.arrays["samples"]),
        "attention": figures.attention(result.arrays["maps"], result.arrays["shown"]),
    }
