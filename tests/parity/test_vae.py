"""The variational autoencoder of PyTorch's examples, written in PyTorch: loss and gradients, the same noise given."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import torch
from torch.distributions import Bernoulli as TorchBernoulli
from torch.distributions import Normal, kl_divergence
from torch.nn import functional

from neuraxis.generative import Bernoulli, Gaussian, NegativeELBO, dense_vae

PIXELS, HIDDEN, LATENT = 20, 12, 3
KEY = jax.random.key(1)
random = np.random.default_rng(0)
binary = (random.random((32, PIXELS)) < 0.5).astype(np.float32)
noise = torch.tensor(np.array(jax.random.normal(KEY, (32, LATENT))))  # as NegativeELBO draws it


def tensors(network):
    """Return weights (out, in) and biases as PyTorch keeps them."""
    return [
        (
            torch.tensor(np.array(layer.weight).T, requires_grad=True),
            torch.tensor(np.array(layer.bias), requires_grad=True),
        )
        for layer in network.layers
    ]


def forward(h, layers):
    for i, (weight, bias) in enumerate(layers):
        h = functional.linear(torch.relu(h) if i else h, weight, bias)
    return h


def agree(model, x, log_prob):
    """Compare loss and gradients with those of a twin whose ln p(x|z) is `log_prob(output, x)`."""
    encoder, decoder = tensors(model.encoder), tensors(model.decoder)
    mean, log_var = forward(torch.tensor(x), encoder).chunk(2, dim=1)
    z = mean + noise * torch.exp(0.5 * log_var)
    kl = kl_divergence(Normal(mean, torch.exp(0.5 * log_var)), Normal(0.0, 1.0)).sum(1)
    theirs = (kl - log_prob(forward(z, decoder), torch.tensor(x)).sum(1)).mean()
    theirs.backward()
    loss = lambda m: jnp.mean(NegativeELBO()(m, x, key=KEY))
    value, gradient = eqx.filter_value_and_grad(loss)(model)
    np.testing.assert_allclose(value, theirs.item(), rtol=1e-5)
    for ours, twins in ((gradient.encoder, encoder), (gradient.decoder, decoder)):
        for layer, (weight, bias) in zip(ours.layers, twins, strict=True):
            np.testing.assert_allclose(layer.weight.T, weight.grad, rtol=1e-4, atol=1e-5)
            np.testing.assert_allclose(layer.bias, bias.grad, rtol=1e-4, atol=1e-5)


def test_bernoulli():
    model = dense_vae((PIXELS, HIDDEN, LATENT), key=jax.random.key(0))
    agree(model, binary, lambda logits, x: TorchBernoulli(logits=logits).log_prob(x))
    assert isinstance(model.likelihood, Bernoulli)


def test_gaussian():
    model = dense_vae((PIXELS, HIDDEN, LATENT), key=jax.random.key(0), likelihood=Gaussian(0.3))
    x = random.normal(size=(32, PIXELS)).astype(np.float32)
    agree(model, x, lambda mean, x: Normal(mean, 0.3).log_prob(x))
