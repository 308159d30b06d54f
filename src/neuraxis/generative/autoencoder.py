"""Autoencoders: networks that compress their input to a short code and reconstruct it.

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
    """z = f(x); x̂ = g(z), with multilayer perceptrons f, of the given sizes, and g, of the same in reverse.

    Neither the code z nor the reconstruction x̂ has an activation function. With the Bernoulli cross-entropy for pixels
    in [0, 1], x̂ are logits, and `logistic(model(x))` is the reconstructed image.

    Args:
        sizes: numbers of features of x, of the hidden layers and of the code, such as (784, 256, 64, 16).
        key: random key for the initial weights.
        activation: activation function of the hidden layers.

    Raises:
        InputError: as for `MLP`.
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
    """An autoencoder whose decoder shares the weights of the encoder, transposed, and has separate biases.

    Encoder: h⁰ = x; hˡ = σ(hˡ⁻¹ Wˡ + bˡ) for the hidden layers; z = hᴸ⁻¹ Wᴸ + bᴸ. Decoder: gᴸ = z;
    gˡ⁻¹ = σ(gˡ Wˡᵀ + cˡ) for the hidden layers; x̂ = g¹ W¹ᵀ + c¹. Each W is stored once, and receives gradients from
    both uses.

    With a single layer, (in, code), it is linear, and the squared error is minimal if the columns of W are an
    orthonormal basis of the subspace of the first principal components (Baldi and Hornik, Neural Networks 2:53, 1989).

    Args:
        sizes: numbers of features of x, of the hidden layers and of the code, such as (784, 256, 64, 16).
        key: random key for the initial weights; the biases are initialised to zero.
        activation: activation function σ of the hidden layers.

    Raises:
        InputError: as for `MLP`.

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
        """The decoder as an `MLP`, with the transposed weights of the encoder."""
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
