"""The Transformer of 2017 as a language model in PyTorch, as its users write it: what ours is compared with."""

import math

import numpy as np
import torch
from torch.nn import functional


class Block(torch.nn.Module):
    """Attention and feed-forward network, each on normalised input."""

    def __init__(self, size, heads):
        super().__init__()
        self.heads = heads
        self.attention_norm, self.feed_forward_norm = torch.nn.LayerNorm(size), torch.nn.LayerNorm(size)
        self.query_key_value, self.out = torch.nn.Linear(size, 3 * size), torch.nn.Linear(size, size)
        self.up, self.down = torch.nn.Linear(size, 4 * size), torch.nn.Linear(4 * size, size)

    def forward(self, x, past=None):
        """Map (batch, time, size); with `past`, x is one new place, and the new keys and values come back too."""
        batch, time, size = x.shape
        parts = self.query_key_value(self.attention_norm(x)).split(size, dim=2)
        q, k, v = (part.view(batch, time, self.heads, -1).transpose(1, 2) for part in parts)
        if past is not None:
            k, v = (torch.cat([old, new], dim=2) for old, new in zip(past, (k, v), strict=True))
        h = functional.scaled_dot_product_attention(q, k, v, is_causal=past is None)
        x = x + self.out(h.transpose(1, 2).reshape(batch, time, size))
        x = x + self.down(functional.relu(self.up(self.feed_forward_norm(x))))
        return x, (k, v)


class LanguageModel(torch.nn.Module):
    """Logits of the next token after each place."""

    def __init__(self, tokens, *, size=128, layers=4, heads=4, context=64):
        super().__init__()
        self.context = context
        self.embedding = torch.nn.Embedding(tokens, size)
        self.blocks = torch.nn.ModuleList(Block(size, heads) for _ in range(layers))
        self.norm = torch.nn.LayerNorm(size)
        self.unembedding = torch.nn.Linear(size, tokens, bias=False)
        angles = torch.arange(context)[:, None] / 10_000 ** (torch.arange(0, size, 2) / size)
        self.register_buffer("encoding", torch.stack([angles.sin(), angles.cos()], dim=-1).reshape(context, size))

    def forward(self, tokens):
        """Map (batch, time) to (batch, time, token)."""
        return self.extended(tokens, [None] * len(self.blocks), 0)[0]

    def extended(self, tokens, caches, first):
        """Read tokens from place `first` on; give the logits and the caches of keys and values."""
        x = self.embedding(tokens) + self.encoding[first : first + tokens.shape[1]]
        after = []
        for block, past in zip(self.blocks, caches, strict=True):
            x, cache = block(x, past)
            after.append(cache)
        return self.unembedding(self.norm(x)), after

    @torch.no_grad()
    def generate(self, tokens, count, temperature):
        """Go on with tokens (batch, time), from half a context anew whenever it is full, as ours does."""
        logits, caches = self.extended(tokens, [None] * len(self.blocks), 0)
        held = tokens.shape[1]
        for number in range(count):
            p = functional.softmax(logits[:, -1] / temperature, dim=-1)
            tokens = torch.cat([tokens, torch.multinomial(p, 1)], dim=1)
            if number == count - 1:
                break
            if held == self.context:
                held = self.context // 2 + 1
                logits, caches = self.extended(tokens[:, -held:], [None] * len(self.blocks), 0)
            else:
                logits, caches = self.extended(tokens[:, -1:], caches, held)
                held += 1
        return tokens


def initialized_as_nanogpt(net):
    """Draw weights as nanoGPT does: normally with 0.02, less for what adds to the stream."""
    for name, parameter in net.named_parameters():
        if parameter.ndim > 1:
            residual = name.endswith(("out.weight", "down.weight"))
            torch.nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * len(net.blocks)) if residual else 0.02)
        elif name.endswith("bias"):
            torch.nn.init.zeros_(parameter)
    return net


def arrays_of(net):
    """Return the weights of the twin in the order of ours, as NumPy arrays of our shapes."""

    def linear(layer):
        return [layer.weight.detach().numpy().T] + ([] if layer.bias is None else [layer.bias.detach().numpy()])

    def norm(layer):
        return [layer.weight.detach().numpy(), layer.bias.detach().numpy()]

    arrays = [net.embedding.weight.detach().numpy()]
    for block in net.blocks:
        for layer in (block.query_key_value, block.out, block.up, block.down):
            arrays += linear(layer)
        arrays += norm(block.attention_norm) + norm(block.feed_forward_norm)
    return [np.array(a) for a in arrays + norm(net.norm) + linear(net.unembedding)]
