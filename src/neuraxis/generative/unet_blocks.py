"""Blocks of a U-Net: residual blocks with a time embedding, and self-attention over the positions of an image."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from neuraxis.functions.activations import silu
from neuraxis.layers import Convolution, GroupNorm, Linear, MultiHeadAttention


class TimedBlock(eqx.Module):
    """y = S x + f₂(f₁(x) + e W), with f(h) = silu(GroupNorm(h)) ⋆ w + b; e is the embedding of time and class.

    S is the identity if the number of channels does not change, otherwise a 1×1 convolution. f₂ is initialised to zero,
    so that initially y = S x.

    Args:
        in_channels: number of channels of x.
        out_channels: number of channels of y.
        features: number of features of e.
        groups: number of groups for normalisation.
        key: random key for the initial weights.

    Raises:
        InputError: for sizes that are not positive, or groups that do not divide the channels.

    Source: Ho, Jain and Abbeel, Advances in Neural Information Processing Systems (2020), appendix B.
    """

    first_norm: GroupNorm
    first: Convolution
    time: Linear
    second_norm: GroupNorm
    second: Convolution
    shortcut: Convolution | None

    def __init__(self, in_channels: int, out_channels: int, features: int, groups: int, *, key: PRNGKeyArray):
        keys = jax.random.split(key, 4)
        self.first_norm = GroupNorm(groups, in_channels, activation=silu)
        self.second_norm = GroupNorm(groups, out_channels, activation=silu)
        self.first = Convolution(in_channels, out_channels, 3, key=keys[0], padding="same")
        self.time = Linear(features, out_channels, key=keys[1])
        self.second = from_zero(Convolution(out_channels, out_channels, 3, key=keys[2], padding="same"))
        changed = in_channels != out_channels
        self.shortcut = Convolution(in_channels, out_channels, 1, key=keys[3]) if changed else None

    def __call__(self, x: Float[Array, "... in"], e: Float[Array, "... feature"]) -> Float[Array, "... out"]:
        """Map images (…, height, width, in) and embeddings e (…, feature) to (…, height, width, out)."""
        h = self.first(self.first_norm(x)) + self.time(e)[..., None, None, :]
        h = self.second(self.second_norm(h))
        return h + (x if self.shortcut is None else self.shortcut(x))


class SpatialAttention(eqx.Module):
    """y = x + attention(GroupNorm(x)), where every position of an image attends to all others; initially y = x.

    Args:
        channels: number of channels of x and y.
        heads: number of attention heads.
        groups: number of groups for normalisation.
        key: random key for the initial weights.

    Raises:
        InputError: for sizes that are not positive, or heads or groups that do not divide the channels.

    Source: Ho, Jain and Abbeel, Advances in Neural Information Processing Systems (2020), appendix B.
    """

    norm: GroupNorm
    attention: MultiHeadAttention

    def __init__(self, channels: int, heads: int, groups: int, *, key: PRNGKeyArray):
        self.norm = GroupNorm(groups, channels)
        attention = MultiHeadAttention(channels, heads, key=key)
        self.attention = eqx.tree_at(lambda a: a.out, attention, from_zero(attention.out))

    def __call__(self, x: Float[Array, "... channel"]) -> Float[Array, "... channel"]:
        """Map images (…, height, width, channel) to the same shape."""
        places = self.norm(x).reshape(*x.shape[:-3], -1, x.shape[-1])
        return x + self.attention(places).reshape(x.shape)


def from_zero(layer):
    """Return the layer with all weights set to zero."""
    return jax.tree.map(lambda leaf: jnp.zeros_like(leaf) if eqx.is_inexact_array(leaf) else leaf, layer)
