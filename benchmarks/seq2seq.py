"""Training steps of an encoder–decoder Transformer that reads written dates, by Adam.

The sizes are those of the experiment `transformer-seq2seq`: width 64, four heads, feed-forward parts of 256, two blocks
on either side, sources of 40 characters with padding, targets of 12, batches of 128.
"""

import jax
import numpy as np
import optax

from benchmarks._training import epochs
from benchmarks.harness import Workload
from neuraxis.data.written_dates import written_dates
from neuraxis.engine import descent
from neuraxis.experiments.transformer_seq2seq.characters import CHARACTERS, lay_out
from neuraxis.functions.positions import sinusoidal_encoding
from neuraxis.language import EncoderDecoder
from neuraxis.language.encoder_decoder import loss

SIZE, LAYERS, HEADS, BATCH_SIZE = 64, 2, 4, 128
PEER = "torch.nn.Transformer, Adam(fused=True)"


def workload(quick: bool) -> Workload:
    """Ours is `fit`'s epoch; PyTorch's is the loop of its tutorials around `torch.nn.Transformer`, without dropout."""
    import torch

    steps = 4 if quick else 40
    source, target = lay_out(written_dates(steps * BATCH_SIZE, 1, seed=0).train)
    torch.manual_seed(0)
    net = _twin(torch)
    tensors = torch.from_numpy(source).long(), torch.from_numpy(target).long()

    def torch_epoch(optimizer):
        def epoch():
            for index in torch.randperm(len(source)).split(BATCH_SIZE):
                x, y = tensors[0][index], tensors[1][index]
                logits = net(x, y[:, :-1])
                # Every target has as many characters, so that the mean over all is that of the examples' means.
                error = torch.nn.functional.cross_entropy(logits.flatten(0, 1), y[:, 1:].flatten())
                optimizer.zero_grad()
                error.backward()
                optimizer.step()

        return epoch

    sizes = {"size": SIZE, "layers": LAYERS, "heads": HEADS, "hidden_size": 4 * SIZE}
    model = EncoderDecoder(CHARACTERS.size, CHARACTERS.size, **sizes, key=jax.random.key(0))
    return Workload(
        title=f"encoder–decoder, {steps} training steps, {LAYERS}+{LAYERS} blocks of {SIZE}, batch {BATCH_SIZE}",
        experiment="transformer-seq2seq",
        ours=epochs(model, descent(loss, optax.adam(1e-3)), (source, target), BATCH_SIZE),
        peers={
            "torch.nn.Transformer, Adam(fused=True)": torch_epoch(torch.optim.Adam(net.parameters(), 1e-3, fused=True))
        },
        targets={"torch.nn.Transformer, Adam(fused=True)": 1.2},
    )


def _twin(torch):
    """Make the same network of PyTorch's parts."""

    class Twin(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.source, self.target = (torch.nn.Embedding(CHARACTERS.size, SIZE) for _ in range(2))
            options = {"dropout": 0.0, "batch_first": True, "norm_first": True}
            layer = torch.nn.TransformerEncoderLayer(SIZE, HEADS, 4 * SIZE, **options)
            encoder = torch.nn.TransformerEncoder(layer, LAYERS, torch.nn.LayerNorm(SIZE), enable_nested_tensor=False)
            self.transformer = torch.nn.Transformer(
                SIZE, HEADS, num_decoder_layers=LAYERS, dim_feedforward=4 * SIZE, custom_encoder=encoder, **options
            )
            self.out = torch.nn.Linear(SIZE, CHARACTERS.size)
            self.positions = torch.from_numpy(np.array(sinusoidal_encoding(np.arange(40), SIZE)))

        def forward(self, x, y):
            n = y.shape[1]
            causal = torch.nn.Transformer.generate_square_subsequent_mask(n, dtype=torch.bool)
            padding = x == 0
            h = self.transformer(
                self.source(x) + self.positions,
                self.target(y) + self.positions[:n],
                tgt_mask=causal,
                src_key_padding_mask=padding,
                memory_key_padding_mask=padding,
                tgt_is_causal=True,
            )
            return self.out(h)

    return Twin()
