import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.autodiff import Var, gradient, ops, value_and_grad
from neuraxis.errors import InputError


def tape(parameters, x):
    return ops.sum(ops.tanh(x @ parameters["W"]) * parameters["b"])


def reference(parameters, x):
    return jnp.sum(jnp.tanh(x @ parameters["W"]) * parameters["b"])


random = np.random.default_rng(0)
PARAMETERS = {
    "W": random.normal(size=(3, 4)).astype(np.float32),
    "b": random.normal(size=4).astype(np.float32),
    "unused": np.ones(2, np.float32),
}
X = random.normal(size=(5, 3)).astype(np.float32)


def assert_equal(found, expected):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6), found, expected)


def test_it_has_the_contract_of_jax():
    expected = jax.value_and_grad(reference)(PARAMETERS, X)
    assert_equal(value_and_grad(tape)(PARAMETERS, X), expected)
    assert_equal(jax.jit(value_and_grad(tape))(PARAMETERS, X), expected)


def test_it_goes_through_vmap_and_scan():
    batch = jnp.stack([X, 2 * X])
    expected = jax.vmap(jax.value_and_grad(reference), (None, 0))(PARAMETERS, batch)
    assert_equal(jax.vmap(value_and_grad(tape), (None, 0))(PARAMETERS, batch), expected)
    _, scanned = jax.lax.scan(lambda c, x: (c, value_and_grad(tape)(PARAMETERS, x)), 0, batch)
    assert_equal(scanned, expected)


def test_nothing_of_the_tape_is_left_in_the_compiled_program():
    def operations(f):
        return sorted(str(e.primitive) for e in jax.make_jaxpr(f)(PARAMETERS, X).eqns)

    by_tape, by_jax = operations(value_and_grad(tape)), operations(jax.value_and_grad(reference))
    assert by_tape.count("dot_general") == by_jax.count("dot_general") == 2
    assert by_tape.count("tanh") == by_jax.count("tanh") == 1


def test_gradients_as_variables_leave_grad_and_graph_alone():
    x, w = Var(2.0), Var(5.0)
    y = x**3 * w
    (first,) = gradient(y, x)
    second, mixed = gradient(first, x, w)
    assert (first.val, second.val, mixed.val) == (60, 60, 12)
    assert x.grad is None
    y.backward()
    assert x.grad == 60


def test_gradient_by_what_does_not_matter_is_zero():
    x, other = Var(2.0), Var(np.ones(3))
    _, none = gradient(x * x, x, other)
    np.testing.assert_array_equal(none.val, np.zeros(3))


@pytest.mark.usefixtures("as_user")
def test_a_function_that_gives_no_variable_is_refused():
    with pytest.raises(InputError, match=r"must return a Var that depends on its first argument, but returned 1\.0"):
        value_and_grad(lambda x: 1.0)(np.ones(3))
    with pytest.raises(InputError, match="seed"):
        value_and_grad(lambda x: x * 2.0)(np.ones(3))
