import copy
import gc
import weakref

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.autodiff import Op, Var, no_grad, ops
from neuraxis.errors import InputError

DEPTH = 100_000


def test_a_result_holds_its_creator_and_the_creator_its_arguments():
    x, w = Var(2.0, "x"), Var(3.0, "w")
    y = x * w
    assert y.val == 6
    assert y.grad is None
    assert isinstance(y.creator, Op)
    assert y.creator.arguments == (x, w)
    assert y.creator.rule.name == "multiply"
    assert x.creator is None


def test_branches_that_meet_add_up():
    x = Var(3.0)
    y = x * x
    z = y * x + y  # x³ + x²
    z.backward()
    assert x.grad == 3 * 9 + 2 * 3
    assert y.grad == 3 + 1


def test_a_chain_of_shared_results_takes_linear_time():
    x = Var(1.0)
    y = x
    for _ in range(200):  # 2²⁰⁰ paths from y to x
        y = (y + y) * 0.5
    y.backward()
    assert x.grad == 1


def test_gradients_of_several_calls_add_up_until_zero_grad():
    x = Var(3.0)
    for _ in range(2):
        (x * x).backward()
    assert x.grad == 12
    x.zero_grad()
    assert x.grad is None


def test_the_seed_weighs_the_outputs():
    x = Var(np.array([1.0, 2.0, 3.0]))
    (x * x).backward(np.array([1.0, 0.0, 10.0]))
    np.testing.assert_allclose(x.grad, [2, 0, 60])


def test_a_kept_graph_can_be_used_again():
    x = Var(3.0)
    y = x * x
    z = y + 1
    z.backward(keep_graph=True)
    z.backward()
    assert x.grad == 12
    assert y.grad == 2


def test_updating_a_parameter_before_backward_does_no_harm():
    x, w = Var(2.0), Var(3.0)
    y = x * w
    w.val = w.val + 100
    y.backward()
    assert x.grad == 3


def test_no_grad_records_nothing():
    x = Var(2.0)
    with no_grad():
        y = x * x
    assert y.val == 4
    assert y.creator is None
    assert (x * x).creator is not None

    @no_grad()
    def square(x):
        return x * x

    assert square(x).creator is None


def test_comparisons_give_booleans():
    x = Var(np.array([1.0, 2.0]))
    for found, expected in (
        (x > 1, [0, 1]),
        (x >= 1, [1, 1]),
        (x < Var(2.0), [1, 0]),
        (Var(1.5) > x, [1, 0]),
        (x <= 1, [1, 0]),
    ):
        np.testing.assert_array_equal(found, np.array(expected, bool))


def test_iteration_ends_on_both_kinds_of_array():
    for array in (np.arange(3.0), jnp.arange(3.0)):
        x = Var(array)
        first, second, third = x
        (first * second + third).backward()
        np.testing.assert_allclose(x.grad, [1, 0, 1])


@pytest.mark.usefixtures("as_user")  # several times as quick
def test_deep_graphs_overflow_no_stack():
    x = Var(1.0)
    y = x
    for _ in range(DEPTH):
        y = y + 1.0
    y.backward()
    assert x.grad == 1


@pytest.mark.usefixtures("as_user")  # several times as quick
def test_deep_graphs_that_are_thrown_away_overflow_no_stack():
    y = x = Var(1.0)
    for _ in range(DEPTH):
        y = y + 1.0
    seen = weakref.ref(y)
    del y
    gc.collect()
    assert seen() is None
    assert x.grad is None


def test_backward_frees_what_nobody_holds():
    x = Var(np.ones(3))
    inner = ops.exp(x)
    seen = weakref.ref(inner)
    y = ops.sum(inner * 2.0)
    del inner
    assert seen() is not None
    y.backward()
    assert seen() is None  # without the garbage collector: there are no cycles


def test_python_numbers_become_the_floats_that_jax_uses():
    assert Var(2).dtype == np.float32
    assert Var([1, 2]).dtype == np.float32
    assert Var(np.arange(3)).dtype == np.float32
    assert Var(np.float64(2.0)).dtype == np.float64
    assert Var(np.ones(2, np.float16)).dtype == np.float16
    with jax.enable_x64(True):
        assert Var(2.0).dtype == np.float64


def test_the_gradient_has_the_dtype_of_its_variable():
    x = Var(np.ones(3, np.float32))
    ops.sum(x * np.ones(3)).backward()
    assert x.grad.dtype == np.float32


def test_it_tells_what_it_is():
    x = Var(2.0, "x")
    assert repr(x) == "<Var x 2>"
    assert repr(x * Var(np.ones(3))) == "<Var of shape (3,), made by multiply>"


def test_a_copy_is_independent():
    x = Var(np.ones(2))
    y = copy.deepcopy(x)
    ops.sum(y * y).backward()
    assert x.grad is None
    assert x.val is not y.val


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize("wrong", ["two", None, 1j, [[1.0], [1.0, 2.0]], object(), Var(1.0)])
def test_only_real_numbers_make_a_var(wrong):
    with pytest.raises(InputError, match="a Var needs an array of real numbers"):
        Var(wrong)


@pytest.mark.usefixtures("as_user")
class TestBackwardRefuses:
    def test_a_missing_seed(self):
        with pytest.raises(InputError, match=r"shape \(3,\) needs a seed gradient"):
            (Var(np.ones(3)) * 2.0).backward()

    def test_a_seed_of_another_shape(self):
        with pytest.raises(InputError, match=r"seed gradient must have the shape \(3,\) of the value, but has \(2,\)"):
            (Var(np.ones(3)) * 2.0).backward(np.ones(2))

    def test_a_graph_that_was_freed(self):
        y = Var(2.0) * 3.0
        y.backward()
        with pytest.raises(InputError, match="freed by an earlier backward"):
            y.backward()

    def test_a_part_that_was_freed_and_leaves_the_gradients_alone(self):
        x = Var(2.0)
        h = x * 3.0
        first, second = h + 1.0, h * x
        first.backward()
        with pytest.raises(InputError, match="freed by an earlier backward"):
            second.backward()
        assert x.grad == 3

    def test_what_was_not_calculated(self):
        with pytest.raises(InputError, match="nothing to differentiate"):
            Var(2.0).backward()
        with no_grad():
            y = Var(2.0) * 2.0
        with pytest.raises(InputError, match="nothing to differentiate"):
            y.backward()
