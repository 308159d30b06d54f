import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as hnp

from neuraxis.autodiff import RULES, Var, check_gradients, gradient, ops
from neuraxis.errors import InputError
from neuraxis.experiments.autodiff.cases import CASES

cases = pytest.mark.parametrize("name", CASES)


def seed_like(y):
    return np.random.default_rng(1).normal(size=y.shape)


def test_every_rule_has_a_case():
    assert set(RULES) - set(CASES) == set()


@cases
def test_gradients_agree_with_central_differences(name):
    case = CASES[name]
    assert check_gradients(case.tape, *case.arguments).relative < 1e-7


@pytest.fixture(scope="module")
def by_jax():
    """Value and gradients of every case by JAX, and by the tape under `jax.jit`, each in one compiled program."""

    def by_vjp(arguments):
        found = {}
        for name, case in CASES.items():
            value, back = jax.vjp(case.jax, *arguments[name])
            found[name] = (value, *back(jnp.asarray(seed_like(value))))
        return found

    def by_tape(arguments):
        return {name: run_tape(case, arguments[name]) for name, case in CASES.items()}

    with jax.enable_x64(True):
        arguments = {name: [jnp.asarray(a) for a in case.arguments] for name, case in CASES.items()}
        return jax.jit(by_vjp)(arguments), jax.jit(by_tape)(arguments)


def run_tape(case, arguments):
    variables = [Var(a) for a in arguments]
    y = case.tape(*variables)
    y.backward(seed_like(y))
    return y.val, *(v.grad for v in variables)


@cases
def test_values_and_gradients_agree_with_jax_on_both_kinds_of_array(name, by_jax):
    expected, compiled = by_jax
    for side in (run_tape(CASES[name], CASES[name].arguments), compiled[name]):
        for found, reference in zip(side, expected[name], strict=True):
            assert found.dtype == np.float64
            np.testing.assert_allclose(found, reference, rtol=1e-12, atol=1e-13)


@cases
def test_gradients_can_be_differentiated(name):
    case = CASES[name]

    def first(*variables):
        gradients = gradient(ops.sum(ops.sin(case.tape(*variables))), *variables)
        return ops.concatenate([ops.reshape(g, (-1,)) for g in gradients])

    assert check_gradients(first, *case.arguments).relative < 1e-6


def test_float32_stays_float32():
    for name, case in CASES.items():
        variables = [Var(a.astype(np.float32)) for a in case.arguments]
        y = case.tape(*variables)
        y.backward(seed_like(y))
        assert y.dtype == np.float32, name
        assert all(v.grad.dtype == np.float32 for v in variables), name


@pytest.mark.parametrize(
    ("tape", "reference", "points"),
    [
        (ops.relu, jax.nn.relu, [0.0]),
        (ops.abs, jnp.abs, [0.0]),
        (lambda x: ops.maximum(x, 1.0), lambda x: jnp.maximum(x, 1.0), [1.0]),
        (lambda x: ops.maximum(1.0, x), lambda x: jnp.maximum(1.0, x), [1.0]),
        (ops.max, jnp.max, [2.0, 2.0, 1.0]),
        (lambda x: x**2, lambda x: x**2, [0.0]),
        (lambda x: x**0, lambda x: x**0, [0.0, 2.0]),
        (lambda x: 0.0**x, lambda x: 0.0**x, [2.0]),
        (ops.logistic, jax.nn.sigmoid, [-80.0, 80.0, 0.0]),
        (ops.log_sum_exp, jax.nn.logsumexp, [1e4, -1e4, 1e4]),
        (ops.log_softmax, jax.nn.log_softmax, [1e4, -1e4, 0.0]),
    ],
)
def test_kinks_and_extremes_are_as_in_jax(tape, reference, points):
    x = Var(np.array(points, np.float32))
    y = ops.sum(tape(x))
    y.backward()
    value, expected = jax.value_and_grad(lambda x: jnp.sum(reference(x)))(jnp.array(points))
    np.testing.assert_allclose(y.val, value, rtol=1e-6)
    np.testing.assert_allclose(x.grad, expected, rtol=1e-6)


@settings(max_examples=25, deadline=None)
@given(hnp.mutually_broadcastable_shapes(num_shapes=3, max_dims=4, max_side=3))
def test_any_broadcasting_is_undone(shapes):
    random = np.random.default_rng(0)
    a, b, c = (random.normal(size=shape) for shape in shapes.input_shapes)
    found = check_gradients(lambda a, b, c: a * b + c * a, a, b, c)
    assert found.relative < 1e-7


@pytest.mark.parametrize("array", [np.ones(3, np.float32), jnp.ones(3), 2.0, [1.0, 2.0, 3.0]])
def test_constants_may_stand_on_either_side(array):
    x = Var(np.array([1.0, 2.0, 4.0], np.float32))
    for y in (array + x, x + array, array - x, x - array, array * x, x * array, array / x, x / array):
        assert isinstance(y, Var)
        assert y.shape == (3,)


def test_functions_of_plain_arrays_give_plain_arrays():
    x = np.linspace(-1, 1, 6).reshape(2, 3)
    for f in (ops.exp, ops.softmax, ops.mean, ops.transpose, ops.log_sum_exp):
        assert isinstance(f(x), np.ndarray | np.floating)
        assert isinstance(f(jnp.asarray(x, jnp.float32)), jax.Array)


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda x: x + np.ones(4), r"add cannot take .*\(2, 3\), \(4,\)"),
        (lambda x: x @ np.ones((2, 3)), r"matmul cannot take .*\(2, 3\), \(2, 3\)"),
        (lambda x: x @ 2.0, "matmul cannot take"),
        (lambda x: ops.where(x.val > 0, x, np.ones(5)), r"where cannot take .*\(5,\)"),
        (lambda x: ops.reshape(x, (4, 2)), r"reshape cannot take .*\(4, 2\)"),
        (lambda x: ops.transpose(x, (0, 0)), "transpose cannot take"),
        (lambda x: ops.sum(x, axis=2), "no axis 2 in an array with 2 axes"),
        (lambda x: ops.concatenate([x, np.ones((2, 4, 1))]), "concatenate cannot take"),
        (lambda x: ops.concatenate([]), "at least one part"),
        (lambda x: ops.stack([]), "at least one part"),
        (lambda x: ops.stack([x, x.T]), "concatenate cannot take"),
        (lambda x: x + "two", "add cannot take"),
    ],
)
@pytest.mark.parametrize("array", [np.ones, jnp.ones])
def test_what_does_not_fit_is_refused(wrong, words, array):
    with pytest.raises(InputError, match=words):
        wrong(Var(array((2, 3), np.float32)))
