"""Ways of learning that are no descent on a loss, or more than one, each as a rule of a few lines."""

import importlib
import itertools
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from neuraxis.engine import averaged, descent, fit, gradient_descent
from neuraxis.engine.mesh import parse_mesh
from neuraxis.feedforward import MLP
from neuraxis.functions.activations import logistic
from tests.trees import equal

training = importlib.import_module("neuraxis.engine.training")
KEY = jax.random.key(0)
random = np.random.default_rng(0)


@dataclass(frozen=True)
class Case:
    name: str
    make: Callable[[], tuple[Any, Any, Any]]  # model, rule, data
    epochs: int
    batch_size: int = 16
    shuffle: bool = True


def learn(case, **more):
    model, rule, data = case.make()
    settings = {"epochs": case.epochs, "batch_size": case.batch_size, "shuffle": case.shuffle} | more
    return fit(model, rule, data, key=jax.random.key(1), progress=None, **settings)


# --- two networks that play against each other, two steps of one to one of the other ---


def score(model, x, *, key):
    """The discriminator's loss: ln(1 + e^(−D(x))) for real points and ln(1 + e^(D(G(z)))) for made ones."""
    generator, discriminator = model
    z = jax.random.normal(key, x.shape)
    real, made = (discriminator(points)[:, 0] for points in (x, generator(z)))
    return jax.nn.softplus(-real) + jax.nn.softplus(made)


def deceive(model, x, *, key):
    """The generator's loss, −ln σ(D(G(z)))."""
    generator, discriminator = model
    return jax.nn.softplus(-discriminator(generator(jax.random.normal(key, x.shape)))[:, 0])


class Adversarial(eqx.Module):
    discriminator: Any = descent(score, optax.adam(1e-2, b1=0.5), train=lambda model: model[1])
    generator: Any = descent(deceive, optax.adam(1e-2, b1=0.5), train=lambda model: model[0])

    def init(self, model):
        return self.discriminator.init(model), self.generator.init(model)

    def step(self, model, state, batch, *, key):
        (d_state, g_state), keys = state, jax.random.split(key, 3)
        for k in keys[:2]:
            model, d_state, d_losses = self.discriminator.step(model, d_state, batch, key=k)
        model, g_state, g_losses = self.generator.step(model, g_state, batch, key=keys[2])
        return model, (d_state, g_state), {"discriminator": d_losses, "generator": g_losses}


def gan():
    points = random_points()
    networks = MLP((2, 2), key=KEY), MLP((2, 16, 1), key=jax.random.fold_in(KEY, 1), activation=jnp.tanh)
    return networks, Adversarial(), (points,)


def random_points():
    return np.float32(np.random.default_rng(0).normal(size=(200, 2)) * [0.5, 1.0] + [3.0, -2.0])


GAN = Case("two networks that play against each other", gan, 60, 32)


def test_a_generator_finds_the_points():
    fitted = learn(GAN)
    made = fitted.model[0](jax.random.normal(KEY, (1000, 2)))
    np.testing.assert_allclose(made.mean(0), [3.0, -2.0], atol=0.5)  # from 0
    assert sorted(fitted.history) == ["discriminator", "generator"]


def test_two_steps_of_one_go_to_one_step_of_the_other():
    """The same as the loop that one would write by hand, over two batches."""
    points = random_points()[:64]
    fitted = learn(GAN, epochs=1, shuffle=False, steps=2)
    (generator, discriminator), adam = gan()[0], optax.adam(1e-2, b1=0.5)
    states = [adam.init(eqx.filter(net, eqx.is_array)) for net in (generator, discriminator)]

    def descend(net, state, loss):
        gradient = eqx.filter_grad(loss)(net)
        updates, state = adam.update(gradient, state)
        return eqx.apply_updates(net, updates), state

    for i in range(2):
        x = jnp.asarray(points[32 * i : 32 * (i + 1)])
        keys = jax.random.split(jax.random.fold_in(jax.random.fold_in(jax.random.key(1), 0), i), 3)
        for k in keys[:2]:
            loss = lambda d, g=generator, k=k, x=x: jnp.mean(score((g, d), x, key=k))
            discriminator, states[1] = descend(discriminator, states[1], loss)
        loss = lambda g, d=discriminator, k=keys[2], x=x: jnp.mean(deceive((g, d), x, key=k))
        generator, states[0] = descend(generator, states[0], loss)
    expected = jax.tree.leaves(eqx.filter((generator, discriminator), eqx.is_array))
    for a, b in zip(jax.tree.leaves(eqx.filter(fitted.model, eqx.is_array)), expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


# --- an energy whose negative phase is sampled by chains that are never restarted ---


class Machine(eqx.Module):
    """E(v, h) = −v W hᵀ − b vᵀ − c hᵀ with v, h of zeros and ones."""

    W: jax.Array
    b: jax.Array
    c: jax.Array

    def free_energy(self, v):
        return -v @ self.b - jnp.sum(jax.nn.softplus(v @ self.W + self.c), axis=-1)

    def sweep(self, v, *, key):
        key_h, key_v = jax.random.split(key)
        h = jax.random.bernoulli(key_h, logistic(v @ self.W + self.c)).astype(v.dtype)
        return jax.random.bernoulli(key_v, logistic(h @ self.W.T + self.b)).astype(v.dtype)


class PersistentContrastiveDivergence(eqx.Module):
    learning_rate: float = 0.1
    chains: int = 500

    def init(self, model):
        return jnp.zeros((self.chains, len(model.b)))

    def step(self, model, chains, batch, *, key):
        chains = model.sweep(chains, key=key)
        gap = lambda m: jnp.mean(m.free_energy(batch[0])) - jnp.mean(m.free_energy(chains))
        model = jax.tree.map(lambda p, g: p - self.learning_rate * g, model, jax.grad(gap)(model))
        return model, chains, model.free_energy(batch[0])


STATES = np.array(list(itertools.product([0, 1], repeat=4)), np.float32)
PROBABILITIES = np.array([8, 1, 1, 1, 1, 1, 1, 4, 1, 1, 1, 1, 1, 1, 1, 8]) / 33.0


def machine():
    model = Machine(0.1 * jax.random.normal(KEY, (4, 3)), jnp.zeros(4), jnp.zeros(3))
    drawn = np.random.default_rng(0).choice(16, 320, p=PROBABILITIES)
    return model, PersistentContrastiveDivergence(), (STATES[drawn],)


CHAINS = Case("persistent chains", machine, 100, 32)


def test_persistent_chains_bring_the_moments_of_the_model_to_those_of_the_data():
    """At the maximum of the likelihood ⟨v_i⟩ and ⟨v_i v_j⟩, by enumeration of all 16 states, are those of the data."""
    _, _, (data,) = machine()
    distances = []
    for model in (machine()[0], learn(CHAINS).model):
        weight = np.exp(-np.asarray(model.free_energy(STATES), float))
        moment = np.einsum("s,si,sj->ij", weight / weight.sum(), STATES, STATES)
        distances.append(np.abs(moment - data.T @ data / len(data)).max())
    assert distances[0] > 0.15
    assert distances[1] < 0.05


# --- a mean of the weights ---

INPUTS = np.random.default_rng(1).normal(size=(160, 3)).astype(np.float32)
TARGETS = INPUTS @ np.array([1.0, -2.0, 0.5], np.float32)


def squared(w, x, t, *, key):
    return (x @ w - t) ** 2


def mean_of_weights():
    rule = averaged(descent(squared, gradient_descent(0.05)), lambda t: t / (t + 1))
    return jnp.zeros(3), rule, (INPUTS, TARGETS)


MEAN = Case("a mean of the weights", mean_of_weights, 2, 16, shuffle=False)


def steps_by_hand(epochs):
    w, path = np.zeros(3), []
    for _ in range(epochs):
        for x, t in zip(np.split(INPUTS, 10), np.split(TARGETS, 10), strict=True):
            w = w - 0.05 * 2 * x.T @ (x @ w - t) / 16
            path.append(w)
    return np.array(path)


def test_the_plain_mean_of_all_weights():
    path = steps_by_hand(2)
    fitted = learn(MEAN)
    np.testing.assert_allclose(fitted.model, path.mean(0), rtol=1e-5)
    np.testing.assert_allclose(fitted.state.parameters, path[-1], rtol=1e-5)


def test_the_exponential_moving_average():
    model, _, data = mean_of_weights()
    rule = averaged(descent(squared, gradient_descent(0.05)), 0.9)
    first = fit(model, rule, data, epochs=1, batch_size=16, shuffle=False, key=KEY, progress=None)
    second = fit(first.model, rule, data, state=first.state, batch_size=16, shuffle=False, key=KEY, progress=None)
    mean = np.zeros(3)
    for w in steps_by_hand(2):
        mean = 0.9 * mean + 0.1 * w
    np.testing.assert_allclose(second.model, mean, rtol=1e-5)


# --- a local rule ---


class Oja(eqx.Module):
    """Δw = η y (x − y w) with y = x·w: the strength of a synapse changes by what is known on both of its sides."""

    learning_rate: float = 0.02

    def init(self, model):
        return ()

    def step(self, w, state, batch, *, key):
        (x,) = batch
        y = x @ w
        w = w + self.learning_rate * jnp.mean(y[:, None] * (x - y[:, None] * w), axis=0)
        return w, state, jnp.sum((x - y[:, None] * w) ** 2, axis=-1)


def oja():
    spread = np.array([[2.0, 0.5, 0.0], [0.0, 1.0, 0.3], [0.0, 0.0, 0.5]])
    x = np.random.default_rng(2).normal(size=(320, 3)) @ spread
    return jnp.array([0.1, 0.2, 0.3]), Oja(), (np.float32(x - x.mean(0)),)


OJA = Case("a local rule", oja, 30)


def test_a_hebbian_neuron_finds_the_first_principal_component():
    _, _, (x,) = oja()
    first = np.linalg.svd(x)[2][0]
    w = np.asarray(learn(OJA).model)
    assert abs(first @ w) > 0.999
    np.testing.assert_allclose(np.linalg.norm(w), 1, rtol=0.02)


# --- gradients through a window of time, the state carried from window to window ---

SERIES = np.random.default_rng(3).normal(size=(8, 60)).astype(np.float32)  # of 8 streams, 60 steps
FOLLOWED = np.zeros_like(SERIES)
for _t in range(60):
    FOLLOWED[:, _t] = 0.8 * (FOLLOWED[:, _t - 1] if _t else 0) + SERIES[:, _t]


class Windows:
    """The next window of every stream; the last array says where a stream begins."""

    def __init__(self, width):
        self.width = width

    def __len__(self):
        return SERIES.size // self.width

    def take(self, indices):
        window, stream = np.divmod(indices, len(SERIES))
        time = window[:, None] * self.width + np.arange(self.width)
        return SERIES[stream[:, None], time], FOLLOWED[stream[:, None], time], window == 0


class Truncated(eqx.Module):
    """h_t = a h_(t−1) + x_t with the loss Σ ½(h_t − target_t)², and gradients that end where the window begins."""

    learning_rate: float

    def init(self, a):
        return jnp.zeros(len(SERIES))

    def step(self, a, carried, batch, *, key):
        x, target, begins = batch
        carried = jnp.where(begins, 0.0, carried)

        def losses(a):
            step = lambda h, x: (a * h + x, a * h + x)
            last, h = jax.lax.scan(step, carried, x.T)
            each = 0.5 * jnp.sum((h.T - target) ** 2, axis=-1)
            return jnp.mean(each), (each, last)

        gradient, (each, last) = jax.grad(losses, has_aux=True)(a)
        return a - self.learning_rate * gradient, last, each


def truncated(width):
    return Case(
        f"windows of {width}",
        lambda: (jnp.asarray(0.3), Truncated(0.002), Windows(width)),
        4,
        len(SERIES),
        shuffle=False,
    )


@pytest.mark.parametrize("width", [5, 60])
def test_truncated_gradients_through_time(width):
    """By dh_t/da = h_(t−1) + a dh_(t−1)/da, which is 0 where a window begins; one of all 60 steps is the exact one."""
    a = 0.3
    for _ in range(4):
        h = np.zeros(len(SERIES))
        for first in range(0, 60, width):
            sensitivity, gradient = np.zeros(len(SERIES)), np.zeros(len(SERIES))
            for t in range(first, first + width):
                sensitivity = h + a * sensitivity
                h = a * h + SERIES[:, t]
                gradient += (h - FOLLOWED[:, t]) * sensitivity
            a -= 0.002 * gradient.mean()
    np.testing.assert_allclose(learn(truncated(width)).model, a, rtol=1e-4)
    assert abs(a - 0.8) < 0.25  # on the way to what made the series


# --- what holds for every rule ---

CASES = [GAN, CHAINS, MEAN, OJA, truncated(5)]


def same(a, b):
    return equal((a.model, a.state), (b.model, b.state)) and all(
        np.array_equal(a.history[name], b.history[name]) for name in a.history
    )


def resumed(case, path, monkeypatch, **more):
    """Interrupt a training in its second epoch, and go on."""
    advance, calls = training.advance, itertools.count()

    def interrupting(task, position, block, key, steps, one_program):
        if next(calls) == 12:
            raise KeyboardInterrupt
        return advance(task, position, block, key, 1, one_program)

    with monkeypatch.context() as patched:
        patched.setattr(training, "advance", interrupting)
        patched.setattr(training, "_SECONDS_PER_CALL", 0.0)  # one step a call
        with pytest.raises(KeyboardInterrupt):
            learn(case, epochs=3, checkpoint=path, **more)
    return learn(case, epochs=3, checkpoint=path, resume=True, **more)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_interrupted_run_goes_on_to_the_bit_identical_result(case, tmp_path, monkeypatch):
    assert same(resumed(case, tmp_path / "checkpoint.safetensors", monkeypatch), learn(case, epochs=3))


@pytest.mark.slow
@pytest.mark.parametrize("mesh", ["data=2", "data=2,model=2"])
def test_devices_share_the_work_of_every_rule(mesh, tmp_path):
    """In a program of its own, since JAX fixes its devices once."""
    environment = {**os.environ, "JAX_NUM_CPU_DEVICES": "4"}
    command = [sys.executable, "-m", __name__, mesh, str(tmp_path)]
    root = Path(__file__).parents[2]
    program = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=200)
    assert program.returncode == 0, program.stderr
    assert program.stdout.split("\n")[-2] == f"{len(CASES)} rules"


def check_under_mesh(text, folder):
    mesh, monkeypatch = parse_mesh(text), pytest.MonkeyPatch()
    for i, case in enumerate(CASES):
        alone, shared = learn(case, epochs=3), learn(case, epochs=3, mesh=mesh)
        for a, b in zip(*(jax.tree.leaves(eqx.filter(f.model, eqx.is_array)) for f in (alone, shared)), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)
        assert same(resumed(case, f"{folder}/{i}.safetensors", monkeypatch, mesh=mesh), shared), case.name
    print(f"{len(CASES)} rules")


if __name__ == "__main__":
    check_under_mesh(*sys.argv[1:])
