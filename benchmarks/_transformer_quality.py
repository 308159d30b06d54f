"""Held-out loss of our network of 2017 and of its PyTorch twin, trained alike.

It runs by `python -m benchmarks._transformer_quality [SEED]`.

The setting is the default one of the experiment `transformer-lm`.
"""

from neuraxis import process

process.tune()

import sys  # noqa: E402 - JAX must be imported after that
from functools import partial  # noqa: E402

import jax  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch.nn.functional import cross_entropy  # noqa: E402

from benchmarks._torch_transformer import LanguageModel, initialized_as_nanogpt  # noqa: E402
from neuraxis.data import Windows  # noqa: E402
from neuraxis.engine import evaluate  # noqa: E402
from neuraxis.experiments import transformer_lm  # noqa: E402
from neuraxis.experiments.transformer_lm import texts, training  # noqa: E402
from neuraxis.language import next_token_loss  # noqa: E402


def ours(settings, text, held_out) -> float:
    """Train ours, and give its held-out loss."""
    key, order = jax.random.split(jax.random.key(settings.seed))
    model, rule = training.network_of_2017(settings, text.tokenizer.size, key)
    data = Windows(text.training, settings.context + 1)
    how = {"steps": settings.steps, "batch_size": settings.batch_size, "key": order, "progress": None}
    return evaluate(training.train(model, rule, data, held_out, **how).model, next_token_loss, held_out)


def theirs(settings, text, held_out, initialized=lambda net: net) -> float:
    """Train the twin, and give its held-out loss."""
    torch.manual_seed(settings.seed)
    net = initialized(LanguageModel(text.tokenizer.size, context=settings.context))
    decayed = [p for p in net.parameters() if p.ndim > 1]
    groups = [{"params": decayed, "weight_decay": 0.1}, {"params": [p for p in net.parameters() if p.ndim < 2]}]
    adam = torch.optim.AdamW(groups, betas=(0.9, 0.99), weight_decay=0.0, fused=True)
    rate, random = training.schedule(settings.learning_rate, settings.steps), np.random.default_rng(settings.seed)
    data = Windows(text.training, settings.context + 1)

    def loss(windows):
        windows = torch.from_numpy(windows.astype(np.int64))
        return cross_entropy(net(windows[:, :-1]).flatten(0, 1), windows[:, 1:].flatten())

    for step in range(settings.steps):
        for group in adam.param_groups:
            group["lr"] = float(rate(step))
        [windows] = data.take(random.integers(0, len(data), settings.batch_size))
        adam.zero_grad(set_to_none=True)
        loss(windows).backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        adam.step()
    with torch.no_grad():
        parts = np.array_split(np.arange(len(held_out)), max(1, len(held_out) // 200))
        return sum(float(loss(*held_out.take(part))) * len(part) for part in parts) / len(held_out)


def main() -> None:
    """Train both on Shakespeare and print what came of it."""
    settings = transformer_lm.Settings(seed=int(sys.argv[1]) if len(sys.argv) > 1 else 0)
    text = texts.load("", settings.context)
    held_out = Windows(text.held_out, settings.context + 1, every=settings.context)
    print(text.description)
    sides = {
        "neuraxis": ours,
        "PyTorch, its own first weights": theirs,
        "PyTorch, first weights as nanoGPT draws them": partial(theirs, initialized=initialized_as_nanogpt),
    }
    for name, side in sides.items():
        print(f"{name}: {side(settings, text, held_out):.4f} nats a character", flush=True)


if __name__ == "__main__":
    main()
