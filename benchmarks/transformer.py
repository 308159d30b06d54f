"""Training steps of a small language model: 4 layers, 4 heads, width 128, context 64, batch 12, AdamW."""

import jax
import numpy as np
import optax

from benchmarks._training import epochs
from benchmarks.harness import Workload
from neuraxis.data import Windows
from neuraxis.engine import descent
from neuraxis.language import next_token_loss, transformer_2017

TOKENS, CONTEXT, BATCH_SIZE = 65, 64, 12


def workload(quick: bool) -> Workload:
    """Ours is `fit`'s epoch; PyTorch's is the loop of nanoGPT, whose attention is one fused function."""
    import torch

    from benchmarks._torch_transformer import LanguageModel

    steps = 2 if quick else 100
    text = np.random.default_rng(0).integers(0, TOKENS, steps * BATCH_SIZE + CONTEXT)
    net = LanguageModel(TOKENS, context=CONTEXT)
    adam = torch.optim.AdamW(net.parameters(), 1e-3, betas=(0.9, 0.99), weight_decay=0.1, fused=True)
    tokens = torch.from_numpy(text)

    def torch_epoch():
        for first in torch.randperm(steps * BATCH_SIZE).split(BATCH_SIZE):
            windows = torch.stack([tokens[i : i + CONTEXT + 1] for i in first])
            logits = net(windows[:, :-1])
            loss = torch.nn.functional.cross_entropy(logits.view(-1, TOKENS), windows[:, 1:].reshape(-1))
            adam.zero_grad(set_to_none=True)
            loss.backward()
            adam.step()

    ours = epochs(
        transformer_2017(TOKENS, context=CONTEXT, key=jax.random.key(0)),
        descent(next_token_loss, optax.adamw(1e-3, b2=0.99, weight_decay=0.1)),
        Windows(text.astype(np.uint8), CONTEXT + 1),
        BATCH_SIZE,
    )
    name = "PyTorch, scaled_dot_product_attention, AdamW(fused=True)"
    return Workload(
        title=f"language model, {steps} training steps, 4 layers of 128, context {CONTEXT}, batch {BATCH_SIZE}",
        experiment="transformer-lm",
        ours=ours,
        peers={name: torch_epoch},
        targets={name: 1.2},
    )
