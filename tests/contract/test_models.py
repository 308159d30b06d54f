"""What every public model must do, whatever it is: one set of tests for all `CASES`."""

import operator
import pickle

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.engine import checkpoint
from tests.contract.cases import CASES, COMPOSED, KEY
from tests.trees import equal, on_host


def cast(tree, dtype):
    return jax.tree.map(lambda x: jnp.array(np.asarray(x), dtype) if eqx.is_inexact_array(x) else x, tree)


def marked(case):
    return pytest.param(case, marks=pytest.mark.slow if case.name in COMPOSED else (), id=case.name)


@pytest.fixture(params=map(marked, CASES))
def case(request):
    return request.param


def close(a, b, tolerance=1e-5):
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=tolerance, atol=tolerance), a, b)


def test_is_of_its_kind(case):
    assert isinstance(case.make(), case.kind)


def test_leading_axes_are_free(case):
    """A batch of batches, a batch, single examples, and `vmap` all give the same, and so does what is not compiled."""
    model = case.make()
    x = case.draw((2, 3, *case.shape))

    @jax.jit
    def ways(x):
        apply = lambda x: case.apply(model, x, KEY)
        return apply(x), apply(x[0]), jax.vmap(apply)(x[0]), jax.lax.map(apply, x[0])

    whole, *of_the_first = on_host(ways(x))
    for way in of_the_first:
        close(way, jax.tree.map(lambda leaf: leaf[0], whole))
    for i, j in np.ndindex(2, 3):
        one = case.apply(model, jnp.array(np.asarray(x)[i, j]), KEY)
        close(one, jax.tree.map(operator.itemgetter((i, j)), whole))


def test_gradients_are_finite(case):
    model = case.make()
    x = case.draw((3, *case.shape))

    def total(model_and_x):
        out = case.apply(*model_and_x, KEY)
        return sum(jnp.sum(leaf) for leaf in jax.tree.leaves(out) if jnp.issubdtype(leaf.dtype, jnp.floating))

    gradient = eqx.filter_jit(eqx.filter_grad(total))((model, x))
    leaves = jax.tree.leaves(eqx.filter(gradient, eqx.is_array))
    learnt = [leaf for leaf in jax.tree.leaves((model, x)) if eqx.is_inexact_array(leaf)]
    assert len(leaves) == len(learnt) > 0  # numbers are none
    assert all(np.all(np.isfinite(leaf)) for leaf in leaves)
    assert any(np.any(np.asarray(leaf)) for leaf in leaves)


def test_the_same_key_gives_the_same_output(case):
    model = case.make()
    x = case.draw(case.shape)
    first, second = (case.apply(model, x, jax.random.key(3)) for _ in range(2))
    jax.tree.map(np.testing.assert_array_equal, first, second)


def test_survives_save_and_load(case, tmp_path):
    model = case.make()
    checkpoint.save(tmp_path / "model.safetensors", model)
    blank = jax.tree.map(lambda x: jnp.array(np.zeros(x.shape, x.dtype)) if eqx.is_array(x) else x, model)
    read = checkpoint.load(tmp_path / "model.safetensors", blank)
    assert equal(read, eqx.nn.inference_mode(model))
    assert equal(checkpoint.load(tmp_path / "model.safetensors"), read)


def test_survives_pickling(case):
    """So it can go to another process, or into a job queue."""
    model = case.make()
    read = pickle.loads(pickle.dumps(model))
    assert equal(read, model)
    assert jax.tree.structure(read) == jax.tree.structure(model)
    assert isinstance(read, case.kind)


def test_runs_in_double_precision(case):
    model, x = case.make(), case.draw(case.shape)
    single = case.apply(model, x, KEY)
    with jax.enable_x64(True):
        exact = cast(model, jnp.float64)
        double = jax.jit(lambda x: case.apply(exact, x, KEY))(cast(x, jnp.float64))
        leaves = [leaf for leaf in jax.tree.leaves(double) if jnp.issubdtype(leaf.dtype, jnp.floating)]
        assert all(leaf.dtype == jnp.float64 for leaf in leaves)
        close(single, double, 1e-3)
