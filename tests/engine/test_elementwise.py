import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.extend.core import jaxpr_as_fun

from neuraxis.engine.elementwise import is_sum, rewritten


def names(jaxpr):
    """Names of all operations, including those of called programs."""
    for each in jaxpr.eqns:
        yield each.primitive.name
        for inner in each.params.values():
            if hasattr(inner, "jaxpr"):
                yield from names(inner.jaxpr)


def compared(function, *arguments):
    """Evaluate a function and its rewritten program; return both results and the program."""
    program = rewritten(jax.make_jaxpr(function)(*arguments))
    found = jax.jit(jaxpr_as_fun(program))(*arguments)
    return jax.tree.leaves(jax.jit(function)(*arguments)), found, program


@pytest.mark.parametrize("size", [1, 2, 3, 5, 16, 63, 1000])
@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_sums_over_the_last_axis(size, dtype):
    x = np.random.default_rng(size).integers(-9, 9, (2, size)).astype(dtype)  # sums of integers are exact
    (expected,), (found,), program = compared(lambda x: jnp.sum(x, axis=-1), x)
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == expected.dtype
    assert "reduce_sum" not in names(program.jaxpr)


def test_sums_by_halves_are_as_accurate_as_others():
    x = np.random.default_rng(0).normal(size=(3, 1001)).astype(np.float32)
    _, (found,), _ = compared(lambda x: jnp.sum(x, axis=-1), x)
    np.testing.assert_allclose(found, x.astype(float).sum(-1), atol=1e-4)


def test_a_simulation_step_with_a_readout_as_a_dot_product():
    weights = np.random.default_rng(0).integers(-9, 9, 50).astype(np.float32)

    def loop(state, times):
        def step(state, t):
            state = jnp.maximum(state + jnp.floor(3 * jnp.sin(t)), 0)
            return state, jax.jit(jnp.dot)(jax.nn.relu(state - 2), weights)  # relu has a derivative of its own

        return lax.scan(step, state, times)

    expected, found, program = compared(
        loop, np.arange(50, dtype=np.float32), np.linspace(0.0, 9.0, 7, dtype=np.float32)
    )
    assert len(found) == 2
    for x, y in zip(expected, found, strict=True):
        np.testing.assert_array_equal(x, y)
    assert "dot_general" not in names(program.jaxpr)
    assert "xla_metadata_value" in names(program.jaxpr)  # the sine is stored


@pytest.mark.parametrize(
    ("function", "shapes"),
    [
        (lambda x: jnp.sum(x, axis=0), [(2, 3)]),
        (lambda x: jnp.sum(x, axis=-1), [(2, 0)]),
        (jnp.sum, [(2, 3)]),
        (jnp.matmul, [(2, 3), (3, 2)]),
        (jnp.outer, [(2,), (3,)]),
        (jnp.exp, [(2,)]),
    ],
)
def test_other_operations_are_left_alone(function, shapes):
    program = jax.make_jaxpr(function)(*map(jnp.ones, shapes))
    assert not any(map(is_sum, program.jaxpr.eqns))
