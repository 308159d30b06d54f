"""Text from a small language model with a key/value cache: 4 layers, 4 heads, width 128, context 256, one text."""

import jax
import numpy as np

from benchmarks.harness import Workload
from neuraxis.language import generate, transformer_2017

TOKENS, CONTEXT, COUNT = 65, 256, 240


def workload(quick: bool) -> Workload:
    """Both draw at temperature 0.8 from a prompt of 8 tokens on; PyTorch's cache grows by concatenation, as usual."""
    import torch

    from benchmarks._torch_transformer import LanguageModel

    count = 10 if quick else COUNT
    model = transformer_2017(TOKENS, context=CONTEXT, key=jax.random.key(0))
    net = LanguageModel(TOKENS, context=CONTEXT).eval()
    prompt = np.random.default_rng(0).integers(0, TOKENS, 8)
    name = "PyTorch, with its cache"
    return Workload(
        title=f"generation, {count} tokens, 4 layers of 128, context {CONTEXT}, batch 1",
        experiment="transformer-lm",
        ours=lambda: generate(model, prompt, count, key=jax.random.key(0), temperature=0.8),
        peers={name: lambda: net.generate(torch.from_numpy(prompt)[None], count, 0.8)},
        targets={name: 1.5},
    )
