"""Autoencoders: networks that squeeze what they see through a short code and give it back.

G. E. Hinton and R. R. Salakhutdinov, Reducing the dimensionality of data with neural networks, Science 313:504 (2006).
"""

from collections.abc import Callable, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Num, PRNGKeyArray

from neuraxis import check
from neuraxis.feedforward import MLP
from neuraxis.functions.activations import relu


class Autoencoder(eqx.Module):
    """z = f(x); x̂ = g(z), with multilayer perceptrons f, of these sizes, and g, of the same in reverse.

    Neither the code z nor the reconstruction x̂ has an activation. For pixels from 0 to 1 that are learnt by the
    Bernoulli cross-entropy, x̂ are logits, and `logistic(model(x))` is the image.

    Args:
        sizes: features of x, of the hidden layers and of the code, such as (784, 256, 64, 16).
        key: seed of the weights.
        activation: of the hidden layers.

    Raises:
        InputError: as `MLP` does.
    """

    encoder: MLP
    decoder: MLP

    def __init__(self, sizes: Sequence[int], *, key: PRNGKeyArray, activation: Callable = relu):
        check.key(key)
        ours, theirs = jax.random.split(key)
        self.encoder = MLP(sizes, key=ours, activation=activation)
        self.decoder = MLP(sizes[::-1], key=theirs, activation=activation)

    def encode(self, x: Num[ArrayLike, "... in"]) -> Float[Array, "... code"]:
        """Map (…, in) to codes (…, code)."""
        return self.encoder(x)

    def decode(self, z: Num[ArrayLike, "... code"]) -> Float[Array, "... in"]:
        """Map codes (…, code) to (…, in)."""
        return self.decoder(z)

    def __call__(self, x: Num[ArrayLike, "... in"], *, key: PRNGKeyArray | None = None) -> Float[Array, "... in"]:
        """Reconstruct (…, in)."""
        return self.decode(self.encode(x))


class TiedAutoencoder(eqx.Module):
    """An autoencoder whose decoder has the weights of the encoder, transposed, and biases of its own.

    Encoder: h⁰ = x; hˡ = σ(hˡ⁻¹ Wˡ + bˡ) for the hidden layers; z = h Wᴸ + bᴸ. Decoder: gᴸ = z;
    gˡ⁻¹ = σ(gˡ Wˡᵀ + cˡ) for the hidden layers; x̂ = g¹ W¹ᵀ + c¹. Each W stands in the model once, and learns from both
    of its places.

    With one layer, (in, code), it is linear, and the squared error is least where the columns of W are an orthonormal
    basis of the subspace of the first principal components (Baldi and Hornik, Neural Networks 2:53, 1989).

    Args:
        sizes: features of x, of the hidden layers and of the code, such as (784, 256, 64, 16).
        key: seed of the weights; the biases begin at 0.
        activation: σ of the hidden layers.

    Raises:
        InputError: as `MLP` does.

    Source: Vincent et al., Journal of Machine Learning Research 11:3371 (2010), section 2.1.
    """

    encoder: MLP
    biases: tuple[Float[Array, " feature"], ...]
    """Biases c, in the order of the decoder: from the code to x."""

    def __init__(self, sizes: Sequence[int], *, key: PRNGKeyArray, activation: Callable = relu):
        self.encoder = MLP(sizes, key=key, activation=activation)
        self.biases = tuple(jnp.zeros(layer.weight.shape[0]) for layer in reversed(self.encoder.layers))

    @property
    def decoder(self) -> MLP:
        """The decoder as a network, made of the encoder's weights."""
        layers = tuple(
            eqx.tree_at(lambda layer: (layer.weight, layer.bias), layer, (layer.weight.T, bias))
            for layer, bias in zip(reversed(self.encoder.layers), self.biases, strict=True)
        )
        return eqx.tree_at(lambda network: network.layers, self.encoder, layers)

    def encode(self, x: Num[ArrayLike, "... in"]) -> Float[Array, "... code"]:
        """Map (…, in) to codes (…, code)."""
        return self.encoder(x)

    def decode(self, z: Num[ArrayLike, "... code"]) -> Float[Array, "... in"]:
        """Map codes (…, code) to (…, in)."""
        return self.decoder(z)

    def __call__(self, x: Num[ArrayLike, "... in"], *, key: PRNGKeyArray | None = None) -> Float[Array, "... in"]:
        """Reconstruct (…, in)."""
        return self.decode(self.encode(x))
