import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as hnp

from neuraxis.autodiff import RULES, Var, check_gradients, convolution, gradient, max_pool, ops
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
        (lambda x: ops.minimum(1.0, x), lambda x: jnp.minimum(1.0, x), [1.0]),
        (lambda x: ops.clip(x, 0.0, 1.0), lambda x: jnp.clip(x, 0.0, 1.0), [-1.0, 0.0, 0.5, 1.0, 2.0]),
        (ops.max, jnp.max, [2.0, 2.0, 1.0]),
        (ops.min, jnp.min, [2.0, 1.0, 1.0]),
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


def test_a_root_at_zero_hands_a_gradient_of_zero_on():
    for root in (ops.sqrt, lambda x: x**0.5):
        x = Var(np.zeros(3))
        (root(ops.sum(x * x)) ** 2).backward()
        np.testing.assert_array_equal(x.grad, 0)


def test_the_norm_has_a_gradient_at_zero_and_no_overflow():
    x = Var(np.array([[0.0, 0.0], [3.0, -4.0]]))
    y = ops.norm(x, axis=1)
    ops.sum(y).backward()
    np.testing.assert_array_equal(y.val, [0, 5])
    np.testing.assert_allclose(x.grad, [[0, 0], [0.6, -0.8]])
    for size in (1e30, 1e-30):  # whose squares float32 does not hold
        np.testing.assert_allclose(ops.norm(np.full(4, size, np.float32)), 2 * size, rtol=1e-6)


def test_half_precision_is_added_up_in_single():
    for module in (np, jnp):
        large = module.full(10, 30000, module.float16)
        assert ops.mean(Var(large)).val == 30000
        assert ops.sum(Var(module.ones(5000, module.float16))).val == 5000


def test_integers_alone_are_calculated_as_floats():
    for module in (np, jnp):
        found = ops.add(module.asarray([200], "uint8"), module.asarray([100], "uint8"))
        assert found == 300
    image, kernel = np.full((3, 3, 1), 200, np.uint8), np.ones((3, 3, 1, 1), np.uint8)
    assert convolution(image, kernel).item() == 1800
    np.testing.assert_array_equal(ops.negate(np.array([1, 0], np.uint8)), [-1, 0])
    assert ops.negate(True) == -1
    np.testing.assert_allclose(ops.softmax(np.array([200, 3], np.uint8)), [1, 0], atol=1e-6)
    np.testing.assert_allclose(ops.log_sum_exp(np.array([200, 3], np.uint8)), 200)
    np.testing.assert_allclose(ops.exp(np.array([20], np.uint8)), np.exp(20.0), rtol=1e-6)


def test_lists_are_arrays():
    assert ops.sum([[1, 2], [3, 4]]) == 10
    np.testing.assert_array_equal(ops.stack([[1.0, 2.0], Var([3.0, 4.0])]).val, [[1, 2], [3, 4]])
    np.testing.assert_allclose(ops.softmax([0.0, 0.0]), 0.5)


def test_an_empty_batch_goes_through():
    x, kernel = Var(np.zeros((0, 4, 4, 2))), Var(np.ones((3, 3, 2, 5)))
    y = ops.sum(ops.relu(max_pool(convolution(x, kernel, padding=1), 2)).reshape(0, 20) @ np.ones((20, 3)))
    y.backward()
    assert x.grad.shape == x.shape
    np.testing.assert_array_equal(kernel.grad, np.zeros(kernel.shape))
    assert ops.softmax(np.zeros((0, 3))).shape == (0, 3)


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
        (lambda x: ops.concatenate([]), "at least one array"),
        (lambda x: ops.stack([]), "at least one array"),
        (lambda x: ops.stack([x, x.T]), "concatenate cannot take"),
        (lambda x: x + "two", "an argument of add must be an array of numbers, but is 'two'"),
        (lambda x: x * 1j, "an argument of multiply must contain real numbers, but has dtype complex128"),
        (lambda x: ops.abs(1j), "an argument of abs must contain real numbers"),
        (lambda x: x * np.full(3, 1j), "an argument of multiply must contain real numbers, but has dtype complex128"),
        (lambda x: x[2], "index cannot take"),
        (lambda x: x[np.array([0, -4])[:, None]], "index cannot take"),
        (lambda x: ops.transpose(x, (0, 2)), "no axis 2 in an array with 2 axes"),
        (lambda x: ops.sum(x, axis="0"), "an axis must be an integer, but is '0'"),
        (lambda x: ops.stack([x], axis=None), "axis must be one integer, but is None"),
        (lambda x: ops.mean(x[:, :0], axis=1), r"no mean over axes \(1,\) of shape \(2, 0\)"),
        (lambda x: ops.cast(x, int), "cast must return floating-point numbers, but returned"),
        (lambda x: ops.where(x, x, x), "condition must be an array of booleans"),
    ],
)
@pytest.mark.parametrize("array", [np.ones, jnp.ones])
def test_what_does_not_fit_is_refused(wrong, words, array):
    with pytest.raises(InputError, match=words):
        wrong(Var(array((2, 3), np.float32)))
