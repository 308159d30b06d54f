"""Conversion of weights from PyTorch's Transformers."""

from collections.abc import Mapping
from typing import Any, TypeVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.language.decoder import CrossDecoder, CrossDecoderBlock
from neuraxis.language.encoder import Encoder

Part = TypeVar("Part", Encoder, CrossDecoder)


def from_torch(part: Part, weights: Mapping[str, Any], prefix: str = "") -> Part:
    """Return the part with the weights of a `torch.nn.TransformerEncoder` or `torch.nn.TransformerDecoder`.

    The module must have `norm_first=True`, ReLU and a final `norm`, like those of `torch.nn.Transformer(…,
    norm_first=True)`. PyTorch's matrices are (out, in), ours (in, out).

    Args:
        part: encoder or decoder of the same sizes.
        weights: `module.state_dict()`, of tensors or NumPy arrays, or gradients by the same names.
        prefix: prefix of the names, such as `"encoder."` in the weights of a `torch.nn.Transformer`.

    Raises:
        InputError: for weights under the prefix that are missing, of another shape, or not part of the module.
    """
    check.instance(Mapping, weights=weights)
    if not isinstance(part, Encoder | CrossDecoder):
        raise InputError(f"part must be an Encoder or a CrossDecoder, but is {check.received(part)}")
    if not isinstance(prefix, str):
        raise InputError(f"prefix must be text, but is {check.received(prefix)}")
    names = _names(part)
    left = sorted(name for name in weights if name.startswith(prefix) and name.removeprefix(prefix) not in names)
    if left:
        raise InputError(
            f"weights must contain only those of the layers of this {type(part).__name__}, but contain {left[0]}, too"
        )
    found = [_found(weights, prefix + name, leaf, turned) for name, (leaf, turned) in names.items()]
    return eqx.tree_at(lambda part: [leaf for leaf, _ in _names(part).values()], part, found)


def _names(part: Encoder | CrossDecoder) -> dict[str, tuple[Any, bool]]:
    """Return our arrays by their PyTorch names, each with whether it is transposed there."""
    names = dict(_norm("norm", part.norm))
    for i, block in enumerate(part.blocks):
        ff: Any = block.feed_forward
        parts = {
            **_attention("self_attn", block.attention),
            **_linear("linear1", ff.up),
            **_linear("linear2", ff.down),
            **_norm("norm1", block.attention_norm),
        }
        if isinstance(block, CrossDecoderBlock):
            parts |= _attention("multihead_attn", block.cross_attention)
            parts |= {**_norm("norm2", block.cross_attention_norm), **_norm("norm3", block.feed_forward_norm)}
        else:
            parts |= _norm("norm2", block.feed_forward_norm)
        names |= {f"layers.{i}.{name}": leaf for name, leaf in parts.items()}
    return names


def _norm(name: str, norm: Any) -> dict[str, tuple[Any, bool]]:
    return {f"{name}.weight": (norm.gamma, False), f"{name}.bias": (norm.beta, False)}


def _linear(name: str, linear: Any) -> dict[str, tuple[Any, bool]]:
    return {f"{name}.weight": (linear.weight, True), f"{name}.bias": (linear.bias, False)}


def _attention(name: str, attention: Any) -> dict[str, tuple[Any, bool]]:
    whole = attention.query_key_value
    return {
        f"{name}.in_proj_weight": (whole.weight, True),
        f"{name}.in_proj_bias": (whole.bias, False),
        **_linear(f"{name}.out_proj", attention.out),
    }


def _found(weights: Mapping[str, Any], name: str, leaf: Array, turned: bool) -> Array:
    if name not in weights:
        raise InputError(f"weights must contain {name}, but contain {check.received(sorted(weights))}")
    array = jnp.asarray(check.floats(f"weights[{name!r}]", weights[name]), leaf.dtype)
    array = array.T if turned else array
    if array.shape != leaf.shape:
        expected = leaf.shape[::-1] if turned else leaf.shape
        raise InputError(f"{name} must have shape {expected}, but has shape {np.shape(weights[name])}")
    return array
