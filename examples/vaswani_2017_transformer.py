"""Vaswani et al., Attention is all you need, NIPS 2017: an encoder and a decoder learn to write numbers backwards."""

import jax
import numpy as np
import optax

from neuraxis import EncoderDecoder, descent, fit, translate
from neuraxis.language import padded
from neuraxis.language.encoder_decoder import loss

BEGIN, END, ZERO = 1, 2, 3  # tokens; 0 is padding, and the digits begin at ZERO
random = np.random.default_rng(0)
numbers = [random.integers(ZERO, ZERO + 10, size) for size in random.integers(1, 5, 5000)]
source, lengths = padded(numbers)
target, _ = padded([[BEGIN, *number[::-1], END] for number in numbers])

model = EncoderDecoder(13, 13, size=32, layers=1, heads=2, hidden_size=64, key=jax.random.key(0))
rule = descent(loss, optax.adam(optax.cosine_decay_schedule(1e-2, decay_steps=360)))
how = {"epochs": 8, "batch_size": 100, "key": jax.random.key(1), "progress": None}
model = fit(model, rule, (source[:4500], target[:4500]), **how).model
written = translate(model, source[4500:], length=5)
for number, answer, length in zip(source[4500:4503], written, lengths[4500:], strict=False):
    print(*number[:length] - ZERO, "→", *answer[:length] - ZERO)
print(f"{np.all(written == target[4500:, 1:], axis=1).mean():.0%} of 500 new numbers without a mistake")
