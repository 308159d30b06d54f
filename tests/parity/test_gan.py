"""A GAN in PyTorch, trained by hand as its DCGAN example is: the same weights after every step, penalties and all."""

from itertools import pairwise

import jax
import numpy as np
import optax
import pytest
import torch

from neuraxis.generative import adversarial, cross_entropy, dense_gan, relativistic

SIZES, LATENT = (16, 16), 3
RNG = np.random.default_rng(0)
x = RNG.normal(size=(32, 2)).astype(np.float32)
F = torch.nn.functional


def twin(network):
    sizes = [network.layers[0].weight.shape[0], *(layer.weight.shape[1] for layer in network.layers)]
    linears = [torch.nn.Linear(i, o) for i, o in pairwise(sizes)]
    with torch.no_grad():
        for mine, theirs in zip(network.layers, linears, strict=True):
            theirs.weight.copy_(torch.tensor(np.array(mine.weight).T))
            theirs.bias.copy_(torch.tensor(np.array(mine.bias)))
    layers = [part for linear in linears for part in (linear, torch.nn.ReLU())]
    return torch.nn.Sequential(*layers[:-1])


def penalty(network, points):
    points = points.detach().requires_grad_()
    (slope,) = torch.autograd.grad(network(points).sum(), points, create_graph=True)
    return slope.square().sum(1).mean()


def plain_step(g, d, ours, theirs, z, real, r):
    fake = g(z)
    ones, zeros = torch.ones(len(z), 1), torch.zeros(len(z), 1)
    of = F.binary_cross_entropy_with_logits
    loss = of(d(real), ones) + of(d(fake.detach()), zeros)
    theirs.zero_grad()
    loss.backward()
    theirs.step()
    cost = of(d(fake), ones)
    ours.zero_grad()
    cost.backward()
    ours.step()
    return loss.item(), cost.item()


def relativistic_step(g, d, ours, theirs, z, real, r):
    fake = g(z)
    loss = F.softplus(d(fake.detach()) - d(real)).mean() + r / 2 * (penalty(d, real) + penalty(d, fake))
    theirs.zero_grad()
    loss.backward()
    theirs.step()
    cost = F.softplus(d(real) - d(fake)).mean()
    ours.zero_grad()
    cost.backward()
    ours.step()
    return loss.item(), cost.item()


@pytest.mark.parametrize(
    ("objective", "step", "weight"), [(cross_entropy, plain_step, None), (relativistic, relativistic_step, 0.5)]
)
def test_thirty_steps_of_adam_agree(objective, step, weight):
    model = dense_gan(2, SIZES, LATENT, key=jax.random.key(0))
    g, d = twin(model.generator), twin(model.discriminator)
    betas = (0.5, 0.99)
    ours, theirs = (torch.optim.Adam(net.parameters(), 1e-3, betas=betas) for net in (g, d))
    adam = optax.adam(1e-3, *betas)
    rule = adversarial(objective, adam, adam, r1=weight, r2=weight)
    state, advance = rule.init(model), jax.jit(rule.step)
    for i in range(30):
        key = jax.random.key(i)
        z = model.draw(len(x), key=jax.random.split(key, 3)[0])
        model, state, losses = advance(model, state, (x,), key=key)
        loss, cost = step(g, d, ours, theirs, torch.tensor(np.array(z)), torch.tensor(x), weight)
        np.testing.assert_allclose(np.mean(losses["discriminator"]), loss, rtol=1e-4)
        np.testing.assert_allclose(np.mean(losses["generator"]), cost, rtol=1e-4)
    for mine, net in ((model.generator, g), (model.discriminator, d)):
        for layer, linear in zip(mine.layers, list(net)[::2], strict=True):
            np.testing.assert_allclose(layer.weight.T, linear.weight.detach(), atol=2e-4)
