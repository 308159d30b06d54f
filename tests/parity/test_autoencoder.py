"""The same autoencoders in PyTorch, losses and gradients; the principal components of scikit-learn."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sklearn.datasets
import sklearn.decomposition
import torch

from neuraxis.functions.principal_components import principal_components
from neuraxis.generative import Autoencoder, TiedAutoencoder
from neuraxis.generative.reconstruction import bernoulli_cross_entropy, squared_error

SIZES = (20, 12, 8, 3)
random = np.random.default_rng(0)
x = random.random((32, 20)).astype(np.float32)
LOSSES = pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (squared_error, lambda y, t: 0.5 * ((y - t) ** 2).sum(1).mean()),
        (
            bernoulli_cross_entropy,
            lambda y, t: torch.nn.functional.binary_cross_entropy_with_logits(y, t, reduction="none").sum(1).mean(),
        ),
    ],
)


def tensors(layers):
    """Return weights (out, in) and biases as PyTorch keeps them."""
    return [
        (torch.tensor(np.array(w).T, requires_grad=True), torch.tensor(np.array(b), requires_grad=True))
        for w, b in layers
    ]


def forward(h, layers):
    for i, (weight, bias) in enumerate(layers):
        h = torch.nn.functional.linear(torch.relu(h) if i else h, weight, bias)
    return h


def mean_loss(loss):
    return lambda model: jnp.mean(loss(model, x))


def close(mine, theirs):
    np.testing.assert_allclose(mine, theirs.grad.numpy(), rtol=1e-5, atol=1e-5)


@LOSSES
def test_loss_and_gradients_agree(ours, theirs):
    model = Autoencoder(SIZES, key=jax.random.key(0))
    halves = [[(layer.weight, layer.bias) for layer in net.layers] for net in (model.encoder, model.decoder)]
    encoder, decoder = map(tensors, halves)
    value, gradient = eqx.filter_value_and_grad(mean_loss(ours))(model)
    loss = theirs(forward(forward(torch.tensor(x), encoder), decoder), torch.tensor(x))
    loss.backward()
    np.testing.assert_allclose(value, loss.item(), rtol=1e-5)
    for slopes, twins in ((gradient.encoder.layers, encoder), (gradient.decoder.layers, decoder)):
        for slope, (weight, bias) in zip(slopes, twins, strict=True):
            close(slope.weight.T, weight)
            close(slope.bias, bias)


@LOSSES
def test_tied_loss_and_gradients_agree(ours, theirs):
    model = TiedAutoencoder(SIZES, key=jax.random.key(0))
    encoder = tensors([(layer.weight, layer.bias) for layer in model.encoder.layers])
    biases = [torch.zeros(size, requires_grad=True) for size in SIZES[-2::-1]]
    decoder = [(weight.T, bias) for (weight, _), bias in zip(encoder[::-1], biases, strict=True)]
    value, gradient = eqx.filter_value_and_grad(mean_loss(ours))(model)
    loss = theirs(forward(forward(torch.tensor(x), encoder), decoder), torch.tensor(x))
    loss.backward()
    np.testing.assert_allclose(value, loss.item(), rtol=1e-5)
    for slope, (weight, bias) in zip(gradient.encoder.layers, encoder, strict=True):
        close(slope.weight.T, weight)
        close(slope.bias, bias)
    for slope, bias in zip(gradient.biases, biases, strict=True):
        close(slope, bias)


def test_principal_components_are_those_of_scikit_learn():
    data = sklearn.datasets.load_digits().data
    theirs = sklearn.decomposition.PCA(10).fit(data)
    ours = principal_components(data, 10)
    np.testing.assert_allclose(ours.mean, theirs.mean_, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(ours.variances, theirs.explained_variance_, rtol=1e-4)
    shares = ours.variances / ours.total_variance
    np.testing.assert_allclose(shares, theirs.explained_variance_ratio_, rtol=1e-4)
    signs = np.sign(np.sum(ours.directions * theirs.components_, axis=1, keepdims=True))
    np.testing.assert_allclose(signs * ours.directions, theirs.components_, atol=2e-3)
