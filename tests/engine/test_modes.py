import copy
import pickle

import equinox as eqx
import jax
import jax.numpy as jnp

from neuraxis.engine.modes import for_training, for_use, measuring_parts
from neuraxis.layers import BatchNorm, Dropout, Linear, Sequential
from tests.trees import equal

MODEL = Sequential([Linear(3, 3, key=jax.random.key(0)), BatchNorm(3), Dropout(0.5, inference=True)])


def flags(model):
    return [layer.inference for layer in model.layers[1:]]


def test_training_undoes_what_made_it_ready_for_use_and_nothing_else():
    ready = for_use(MODEL)
    assert flags(ready) == [True, True]
    assert equal(ready, eqx.nn.inference_mode(MODEL))
    for model in (ready, for_use(ready), copy.deepcopy(ready), pickle.loads(pickle.dumps(ready))):
        assert equal(for_training(model), MODEL)
        assert [type(flag) for flag in flags(for_training(model))] == [bool, bool]
    assert flags(for_training(eqx.nn.inference_mode(MODEL))) == [True, True]
    assert repr(flags(ready)) == "[True, True]"


def test_statistics_are_trained_in_single_precision():
    half = jax.tree.map(lambda leaf: leaf.astype(jnp.float16) if eqx.is_array(leaf) else leaf, MODEL)
    trained = for_training(half)
    assert trained.layers[1].running.mean.dtype == jnp.float32
    assert trained.layers[1].gamma.dtype == jnp.float16


def test_parts_that_measure():
    assert [place for place, _ in measuring_parts(MODEL)] == ["layers[1]"]
    assert measuring_parts(eqx.nn.inference_mode(MODEL)) == []
    assert measuring_parts(jnp.tanh) == []
