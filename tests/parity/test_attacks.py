"""Attacks of foolbox and torchattacks on a network with the same weights: steps, success rates and smallest norms."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch

from benchmarks._torch_cnn import TorchCNN
from neuraxis import data
from neuraxis.engine import descent, fit
from neuraxis.feedforward import CNN, classification
from neuraxis.robust import APGD, FAB, FGSM, L2, PGD, DeepFool, LInf, MultiTargeted, Square, cross_entropy, dlr
from neuraxis.robust.attack import Problem, slope_of

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of old packages under them, about the newest NumPy and torch
    foolbox = pytest.importorskip("foolbox")
    torchattacks = pytest.importorskip("torchattacks")

KEY = jax.random.key(0)
LINF, LTWO = LInf(0.08, low=0.0, high=1.0), L2(0.6, low=0.0, high=1.0)


@pytest.fixture(scope="module")
def nets():
    """A small network that reads 8×8 digits, its twin, and images that it reads correctly."""
    digits = data.load("digits").scaled()
    images = lambda x: jnp.asarray(x.reshape(-1, 8, 8, 1), jnp.float32)
    net = CNN((8, 8, 1), (16, 32), (64,), 10, key=KEY)
    rule = descent(classification.loss, optax.adam(3e-3))
    train = images(digits.train_x), digits.train_y
    ours = fit(net, rule, train, epochs=15, batch_size=64, key=KEY, progress=None).model
    x, labels = images(digits.test_x), np.asarray(digits.test_y)
    right = np.flatnonzero(np.argmax(ours(x), -1) == labels)[:300]
    theirs = TorchCNN(ours)
    np.testing.assert_allclose(ours(x), theirs(to_torch(x)), atol=1e-4)
    return ours, theirs, x[right], jnp.asarray(labels[right])


def to_torch(x):
    return torch.tensor(np.array(x).transpose(0, 3, 1, 2))


def from_torch(x):
    return x.detach().numpy().transpose(0, 2, 3, 1)


def quietly(attack, *arguments):
    """Run an attack of a peer; it may warn of its own past."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return attack(*arguments)


def success(net, images, labels):
    return float(np.mean(np.argmax(net(jnp.asarray(images)), -1) != labels))


def test_steps_agree(nets):
    ours, theirs, x, labels = nets
    xt, lt = to_torch(x), torch.tensor(np.array(labels)).long()
    peer = torchattacks.FGSM(theirs, eps=0.08)
    np.testing.assert_allclose(FGSM(LINF)(ours, x, labels), from_torch(quietly(peer, xt, lt)), atol=1e-5)
    one = PGD(LINF, steps=1, step_size=0.5, random_start=False)
    peer = torchattacks.PGD(theirs, eps=0.08, alpha=0.04, steps=1, random_start=False)
    better = np.asarray(one(ours, x, labels))
    stepped = from_torch(quietly(peer, xt, lt))
    changed = np.any(better != np.asarray(x), axis=(1, 2, 3))  # else the start was the best, which we keep
    assert changed.mean() > 0.9
    np.testing.assert_allclose(better[changed], stepped[changed], atol=1e-5)
    model = foolbox.PyTorchModel(theirs, bounds=(0, 1), device="cpu")
    _, clipped, _ = quietly(lambda: foolbox.attacks.L2FastGradientAttack()(model, xt, lt, epsilons=0.6))
    np.testing.assert_allclose(FGSM(LTWO)(ours, x, labels), from_torch(clipped), atol=1e-5, rtol=1e-3)


def test_projections_agree(nets):
    _, _, x, _ = nets
    moved = x + jax.random.normal(KEY, x.shape)
    delta = to_torch(moved - x)
    norms = delta.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
    inside = torch.clamp(to_torch(x) + delta * torch.clamp(0.6 / norms, max=1.0), 0, 1)
    np.testing.assert_allclose(LTWO.project(moved, x), from_torch(inside), atol=1e-5)
    cube = torch.clamp(to_torch(x) + torch.clamp(delta, -0.08, 0.08), 0, 1)
    np.testing.assert_allclose(LINF.project(moved, x), from_torch(cube), atol=1e-5)


def test_losses_and_their_gradients_agree(nets):
    ours, theirs, x, labels = nets
    xt, lt = to_torch(x).requires_grad_(), torch.tensor(np.array(labels)).long()
    targets = (labels + 1) % 10
    logits = theirs(xt)
    apgd, targeted = torchattacks.APGD(theirs), torchattacks.APGDT(theirs)
    np.testing.assert_allclose(dlr(ours(x), labels), apgd.dlr_loss(logits, lt).detach(), atol=1e-5)
    peer = targeted.dlr_loss_targeted(logits, lt, torch.tensor(np.array(targets)).long())
    np.testing.assert_allclose(dlr(ours(x), labels, targets), peer.detach(), atol=1e-5)
    (gradient,) = torch.autograd.grad(torch.nn.functional.cross_entropy(logits, lt, reduction="sum"), xt)
    slope, _, _ = slope_of(cross_entropy, Problem(ours, x, labels, None), x)
    np.testing.assert_allclose(slope, from_torch(gradient), atol=1e-4)


def square(theirs, **how):
    """Let the peer draw the last row and column too, which it never reaches as it comes."""
    attack = torchattacks.Square(theirs, n_queries=1000, **how)
    attack.random_int = lambda low=0, high=1, shape=(1,): torch.randint(low, high + 1, shape)
    return attack


# Ours, the peer's for a seed, and over how many seeds the rates are averaged.
PEERS = {
    "PGD from x": (
        PGD(LINF, 20, 0.125, random_start=False),
        lambda t, seed: torchattacks.PGD(t, eps=0.08, alpha=0.01, steps=20, random_start=False),
        1,
    ),
    "PGD linf": (PGD(LINF, 20, 0.125), lambda t, seed: torchattacks.PGD(t, eps=0.08, alpha=0.01, steps=20), 8),
    "PGD l2": (PGD(LTWO, 20, 0.125), lambda t, seed: torchattacks.PGDL2(t, eps=0.6, alpha=0.075, steps=20), 8),
    "APGD linf": (APGD(LINF, 50), lambda t, seed: torchattacks.APGD(t, eps=0.08, steps=50, seed=seed), 3),
    "APGD l2": (APGD(LTWO, 50), lambda t, seed: torchattacks.APGD(t, norm="L2", eps=0.6, steps=50, seed=seed), 3),
    "APGD DLR": (
        APGD(LINF, 50, loss=dlr),
        lambda t, seed: torchattacks.APGD(t, eps=0.08, steps=50, loss="dlr", seed=seed),
        3,
    ),
    "APGD-T": (
        MultiTargeted(APGD(LINF, 30, loss=dlr)),
        lambda t, seed: torchattacks.APGDT(t, eps=0.08, steps=30, seed=seed),
        1,
    ),
    "Square linf": (Square(LINF, 1000), lambda t, seed: square(t, eps=0.08, seed=seed), 3),
    "Square l2": (Square(LTWO, 1000), lambda t, seed: square(t, norm="L2", eps=0.6, seed=seed), 3),
}


@pytest.mark.parametrize("name", PEERS)
def test_success_rates_agree(nets, name):
    """Within 1 %, or better than the peer."""
    ours, theirs, x, labels = nets
    attack, peer, seeds = PEERS[name]
    xt, lt = to_torch(x), torch.tensor(np.array(labels)).long()
    mine, rates = [], []
    for seed in range(seeds):
        torch.manual_seed(seed)
        mine.append(success(ours, attack(ours, x, labels, key=jax.random.key(seed)), labels))
        rates.append(success(ours, from_torch(quietly(peer(theirs, seed), xt, lt)), labels))
    rate = np.mean(rates)
    print(name, np.mean(mine), rate)
    assert 0.1 < rate < 0.9
    assert rate - 0.01 <= np.mean(mine) <= rate + 0.03


def norms(threat, net, x, images, labels):
    fell = np.argmax(net(jnp.asarray(images)), -1) != labels
    return np.asarray(threat.norm(jnp.asarray(images) - x))[fell], fell.mean()


@pytest.mark.parametrize("name", ["linf", "l2"])
def test_deepfool_of_foolbox_agrees(nets, name):
    ours, theirs, x, labels = nets
    threat, peer = {"linf": (LINF, "LinfDeepFoolAttack"), "l2": (LTWO, "L2DeepFoolAttack")}[name]
    mine, fell = norms(threat, ours, x, DeepFool(threat)(ours, x, labels), labels)
    model = foolbox.PyTorchModel(theirs, bounds=(0, 1), device="cpu")
    lt = torch.tensor(np.array(labels)).long()
    attack = getattr(foolbox.attacks, peer)()
    raw, _, _ = quietly(lambda: attack(model, to_torch(x), lt, epsilons=None))
    their, fell_too = norms(threat, ours, x, from_torch(raw), labels)
    print(name, np.median(mine), np.median(their), mine.mean(), their.mean(), fell, fell_too)
    assert fell >= fell_too - 0.01
    np.testing.assert_allclose([np.median(mine), mine.mean()], [np.median(their), their.mean()], rtol=0.02)


@pytest.mark.parametrize("name", ["Linf", "L2"])
def test_fab_of_torchattacks_agrees(nets, name):
    ours, theirs, x, labels = nets
    threat = {"Linf": LInf(1.0, low=0.0, high=1.0), "L2": L2(10.0, low=0.0, high=1.0)}[name]
    mine, fell = norms(threat, ours, x, FAB(threat, steps=30)(ours, x, labels), labels)
    attack = torchattacks.FAB(theirs, norm=name, steps=30, eps=float(threat.epsilon))
    images = from_torch(quietly(attack, to_torch(x), torch.tensor(np.array(labels)).long()))
    their, fell_too = norms(threat, ours, x, images, labels)
    print(name, np.median(mine), np.median(their), mine.mean(), their.mean(), fell, fell_too)
    assert fell >= fell_too - 0.01
    np.testing.assert_allclose([np.median(mine), mine.mean()], [np.median(their), their.mean()], rtol=0.02)
