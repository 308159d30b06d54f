"""The names and shapes; that the outputs are PyTorch's stands in tests/parity."""

import jax
import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.language import CrossDecoder, Encoder, from_torch

SIZES = {"layers": 1, "heads": 2, "hidden_size": 6, "key": jax.random.key(0)}
random = np.random.default_rng(0)
SHAPES = {
    "layers.0.self_attn.in_proj_weight": (12, 4),
    "layers.0.self_attn.in_proj_bias": (12,),
    "layers.0.self_attn.out_proj.weight": (4, 4),
    "layers.0.self_attn.out_proj.bias": (4,),
    "layers.0.linear1.weight": (6, 4),
    "layers.0.linear1.bias": (6,),
    "layers.0.linear2.weight": (4, 6),
    "layers.0.linear2.bias": (4,),
    "layers.0.norm1.weight": (4,),
    "layers.0.norm1.bias": (4,),
    "layers.0.norm2.weight": (4,),
    "layers.0.norm2.bias": (4,),
    "norm.weight": (4,),
    "norm.bias": (4,),
}
weights = {name: random.normal(size=shape).astype(np.float32) for name, shape in SHAPES.items()}


def test_an_encoder_takes_them():
    found = from_torch(Encoder(4, **SIZES), {f"encoder.{name}": w for name, w in weights.items()}, "encoder.")
    [block] = found.blocks
    np.testing.assert_array_equal(
        block.attention.query_key_value.weight, weights["layers.0.self_attn.in_proj_weight"].T
    )
    np.testing.assert_array_equal(block.feed_forward.down.weight, weights["layers.0.linear2.weight"].T)
    np.testing.assert_array_equal(block.feed_forward_norm.gamma, weights["layers.0.norm2.weight"])
    np.testing.assert_array_equal(found.norm.beta, weights["norm.bias"])


@pytest.mark.usefixtures("as_user")
def test_weights_that_do_not_fit_are_refused():
    encoder = Encoder(4, **SIZES)
    with pytest.raises(InputError, match=r"linear1.weight must have shape \(6, 4\), but has shape \(4, 6\)"):
        from_torch(encoder, {**weights, "layers.0.linear1.weight": np.zeros((4, 6))})
    with pytest.raises(InputError, match=r"contain layers.1.norm1.bias, too"):
        from_torch(encoder, {**weights, "layers.1.norm1.bias": np.zeros(4)})
    with pytest.raises(InputError, match=r"weights must contain layers.0.multihead_attn.in_proj_weight"):
        from_torch(CrossDecoder(4, **SIZES), weights)
    with pytest.raises(InputError, match=r"weights must contain encoder.norm.weight"):
        from_torch(encoder, weights, "encoder.")
    with pytest.raises(InputError, match="weights must be a Mapping"):
        from_torch(encoder, None)
    with pytest.raises(InputError, match="part must be an Encoder or a CrossDecoder"):
        from_torch(None, weights)
    with pytest.raises(InputError, match="prefix must be text"):
        from_torch(encoder, weights, 3)
