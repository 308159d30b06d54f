"""Digests: equal in every process for what is equal, different for what is not."""

import os
import subprocess
import sys
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from neuraxis.engine import gradient_descent
from neuraxis.engine.digest import data_digest, digest
from neuraxis.feedforward import MLP

ZOO = """
import functools
import equinox as eqx, jax, jax.numpy as jnp, numpy as np, optax
from neuraxis.engine import gradient_descent, momentum, weight_decay
from neuraxis.engine.digest import digest
from neuraxis.feedforward import MLP, classification
from neuraxis.neurons import LIF
from neuraxis.values import compiled

def counting(end):
    def count(n):
        return 0 if n >= end else 1 + count(n + 1)  # holds itself
    return count

def power(x, *, order=2):
    return x**order

zoo = [
    optax.adam(1e-3), optax.adam(2e-3), optax.adam(1e-3, eps=1e-6), optax.sgd(1e-3), optax.lbfgs(),
    optax.adam(optax.cosine_decay_schedule(1e-3, 100)), optax.adam(optax.cosine_decay_schedule(1e-3, 200)),
    optax.chain(optax.clip(1.0), optax.adam(1e-3)), optax.MultiSteps(optax.sgd(0.1), 4),
    optax.inject_hyperparams(optax.adam)(1e-3), optax.inject_hyperparams(optax.adam)(2e-3),
    gradient_descent(0.1), momentum(0.1), momentum(0.1, 0.8), weight_decay(0.1),
    (lambda x: x + 1), (lambda x: x + 2), (lambda x: x * 1), (lambda x: (lambda y: 1)), (lambda x: (lambda y: 2)),
    counting(1), counting(2), functools.partial(power, order=3), functools.partial(power, order=4), power,
    MLP((3, 4, 2), key=jax.random.key(0)), MLP((3, 4, 2), key=jax.random.key(1)), LIF(), LIF(tau_m=3.0), LIF().step,
    eqx.nn.MLP(2, 2, 3, 1, key=jax.random.key(0)), eqx.nn.MLP(2, 2, 3, 1, activation=jnp.tanh, key=jax.random.key(0)),
    jax.nn.relu, jax.nn.gelu, jnp.tanh, np.sin, np.cos, max, min, jax.jit(lambda x: x), jax.jit(lambda x: -x),
    compiled(lambda x: x), compiled(lambda x: -x), classification.loss, LIF, MLP,
    jax.random.key(1), jax.random.key(2), jax.random.key(1, impl="rbg"),
    1, 1.0, True, 1j, None, "1", b"1", np.float32(1), np.float64(1), [1], (1,), {1}, {1: 1}, {"a", "b", "c"},
    {"a": "b"}, [1, 2], [2, 1], [[1], 2], [1, [2]], ["ab", "c"], ["a", "bc"], range(3), slice, ..., np.dtype("f4"),
    np.zeros(2), np.zeros(2, np.float32), np.zeros((2, 1)), np.zeros(0), np.ones(2), jnp.ones(2, jnp.bfloat16),
]
print(*map(digest, zoo))
"""


@pytest.mark.slow
def test_digests_are_the_same_in_every_process_and_tell_all_things_apart():
    said = [
        subprocess.run(
            [sys.executable, "-c", ZOO],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
            timeout=150,
        ).stdout.split()
        for seed in ("1", "2")
    ]
    assert said[0] == said[1]
    assert len(said[0]) == len(set(said[0])) == 80


def test_equal_things_have_equal_digests():
    def model():
        return MLP((3, 4, 2), key=jax.random.key(0))

    assert digest(model(), optax.adam(1e-3)) == digest(model(), optax.adam(1e-3))
    assert digest(gradient_descent(0.1)) == digest(gradient_descent(0.1)) != digest(gradient_descent(0.2))
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest(jnp.arange(3)) == digest(np.arange(3, dtype=np.int32))
    assert digest(np.arange(6).reshape(2, 3).T) == digest(np.arange(6).reshape(2, 3).T.copy())
    changed = eqx.tree_at(lambda m: jax.tree.leaves(m)[0], model(), replace_fn=lambda w: w.at[0, 0].add(1e-6))
    assert digest(model()) != digest(changed)


def test_what_holds_itself_has_a_digest():
    first, second, other = [1], [1], [2]
    for endless in (first, second, other):
        endless.append(endless)
    assert digest(first) == digest(second) != digest(other)


def test_every_byte_of_data_in_memory_counts():
    x, labels = np.zeros((500, 7), np.float32), np.arange(500)
    before = data_digest((x, labels))
    assert before == data_digest((jnp.asarray(x), labels)) == data_digest([x.copy(), labels.copy()])
    x[333, 5] = 1e-30
    assert before != data_digest((x, labels))


class Windows:
    def __init__(self, text):
        self.text, self.taken = text, 0

    def __len__(self):
        return len(self.text) - 3

    def take(self, indices):
        self.taken += len(indices)
        return (self.text[indices[:, None] + np.arange(4)],)


def test_a_sample_of_a_source_counts():
    text = np.arange(10_000) % 251
    source = Windows(text)
    first = data_digest(source)
    assert source.taken == 64
    assert first == data_digest(Windows(text.copy()))
    assert first != data_digest(Windows(text + 1))
    assert first != data_digest(Windows(text[:-1]))
    assert data_digest(Windows(text[:7])) != data_digest(Windows(text[:7] + 1))


def test_a_sample_of_a_mapped_file_counts(tmp_path: Path):
    values = np.arange(3000.0).reshape(1000, 3)
    values.tofile(tmp_path / "x")
    (tmp_path / "same").write_bytes((tmp_path / "x").read_bytes())
    (values + 1).tofile(tmp_path / "other")
    one, same, other = (np.memmap(tmp_path / name, float, "r", shape=(1000, 3)) for name in ("x", "same", "other"))
    labels = np.arange(1000)
    assert data_digest((one, labels)) == data_digest((np.asarray(same), labels)) != data_digest((other, labels))
    assert data_digest((one, labels)) != data_digest((one[:-1], labels[:-1]))
    assert data_digest((one, labels)) != data_digest((one, labels + 1))


def test_the_methods_of_ones_own_classes_belong_to_them():
    def make(factor):
        class Rule(eqx.Module):
            rate: float = 0.1

            def step(self, model):
                return self.rate * factor * model

        return Rule()

    assert digest(make(1)) == digest(make(1))
    assert digest(make(1)) != digest(make(2))
