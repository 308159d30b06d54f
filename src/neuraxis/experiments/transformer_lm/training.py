"""The two networks with the optimisers of their time."""

from typing import Any

import jax
import numpy as np
import optax
from jaxtyping import PRNGKeyArray

from neuraxis.engine import descent, fit, predict, simulate
from neuraxis.engine.fit import Fitted
from neuraxis.errors import InputError
from neuraxis.kinds import Rule, Source
from neuraxis.language import Decoding, LanguageModel, modern_transformer, next_token_loss, transformer_2017

EPOCHS = 20  # points of the learning curves
_WARM_UP = 100  # steps, over which the learning rate rises to its highest; it then falls to a tenth


def check_heads(size: int, heads: int) -> None:
    """Check that each head gets an even number of features, as its rotary positions need.

    Raises:
        InputError: where it does not.
    """
    if size % (2 * heads):
        raise InputError(f"heads must divide the size {size} into even numbers of features, but is {heads}")


def network_of_2017(settings: Any, tokens: int, key: PRNGKeyArray) -> tuple[LanguageModel, Rule]:
    """Make the network of 2017, which learns by AdamW."""
    rate = schedule(settings.learning_rate, settings.steps)
    optimizer = optax.chain(
        optax.clip_by_global_norm(1.0),
        optax.adamw(rate, b1=0.9, b2=0.99, weight_decay=0.1, mask=_are_matrices),
    )
    return transformer_2017(tokens, key=key, **_sizes(settings)), descent(next_token_loss, optimizer)


def modern_network(settings: Any, tokens: int, key: PRNGKeyArray) -> tuple[LanguageModel, Rule]:
    """Make the present-day network, the matrices of whose blocks learn by Muon, and the rest by Adam."""
    optimizer = optax.contrib.muon(
        schedule(settings.muon_learning_rate, settings.steps),
        adam_learning_rate=schedule(settings.adam_learning_rate, settings.steps),
        adam_b1=0.9,
        adam_b2=0.99,
        muon_weight_dimension_numbers=_matrices_of_blocks,
    )
    return modern_transformer(tokens, key=key, **_sizes(settings)), descent(next_token_loss, optimizer)


NETWORKS = {"2017": network_of_2017, "modern": modern_network}


def train(model: LanguageModel, rule: Rule, data: Source, held_out: Source, *, steps: int, **how: Any) -> Fitted:
    """Train for so many steps, in epochs after each of which the held-out loss is measured; keep the best weights."""
    epochs = {"epochs": EPOCHS, "steps": steps_per_epoch(steps), "patience": EPOCHS}
    return fit(model, rule, data, validation=held_out, **epochs, **how)


def steps_per_epoch(steps: int) -> int:
    """Return the steps between two measurements, rounded up."""
    return -(-steps // EPOCHS)


def cache_difference(model: LanguageModel, tokens: np.ndarray) -> float:
    """Get by how much the logits of decoding with a cache differ at most from those of a call, in a whole context."""
    text = np.asarray(tokens[: model.context], np.int32)
    [whole] = predict(model, text[None])
    return float(np.max(np.abs(simulate(Decoding(model), text).record - whole)))


def schedule(rate: float, steps: int) -> optax.Schedule:
    """Return the learning rate of each step: it rises from 0 to `rate`, and falls to a tenth along a cosine."""
    steps = EPOCHS * steps_per_epoch(steps)
    return optax.warmup_cosine_decay_schedule(0.0, rate, min(_WARM_UP, steps // 2), steps, rate / 10)


def _sizes(settings: Any) -> dict[str, int]:
    return {name: getattr(settings, name) for name in ("size", "layers", "heads", "context")}


def _are_matrices(parameters: Any) -> Any:
    return jax.tree.map(lambda x: x.ndim > 1, parameters)


def _matrices_of_blocks(parameters: Any) -> Any:
    """Say of each matrix in the blocks that Muon is to turn it; the others, the tables of tokens, are None."""
    way = optax.contrib.MuonDimensionNumbers()
    return jax.tree.map_with_path(lambda path, x: way if path[0].name == "blocks" and x.ndim == 2 else None, parameters)
