"""The usual networks of variational autoencoders: of vectors, and of images."""

from collections.abc import Callable, Sequence

import jax
from jaxtyping import PRNGKeyArray

from neuraxis import check
from neuraxis.feedforward import MLP
from neuraxis.functions.activations import relu
from neuraxis.generative.likelihoods import Bernoulli, Likelihood
from neuraxis.generative.vae import VAE


def dense_vae(
    sizes: Sequence[int],
    *,
    key: PRNGKeyArray,
    likelihood: Likelihood = Bernoulli(),
    activation: Callable = relu,
) -> VAE:
    """Make a VAE of vectors: the encoder is an `MLP` of these sizes, the decoder one of the same in reverse.

    Args:
        sizes: features of x, of the hidden layers and of z, such as (784, 400, 20).
        key: seed of the weights.
        likelihood: p(x|z).
        activation: of the hidden layers.

    Raises:
        InputError: as `MLP` does.
    """
    check.key(key)
    ours, theirs = jax.random.split(key)
    decoder = MLP(sizes[::-1], key=theirs, activation=activation)
    encoder = MLP((*sizes[:-1], 2 * sizes[-1]), key=ours, activation=activation)
    return VAE(encoder, decoder, shape=(int(sizes[0]),), likelihood=likelihood)
