import copy
import gc
import pickle
import weakref

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.autodiff import Op, Var, gradient, no_grad, ops
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


class TestNothingChangesUnderneath:
    """Values, constants and gradients that are changed in place leave what was calculated alone."""

    def test_a_parameter_stepped_in_place_between_two_backward_passes(self):
        w, x = Var(np.array([1.0, 2.0])), np.array([3.0, 4.0])
        first, second = ops.sum(w * x), ops.sum(w * w * x)
        first.backward()
        w.val -= 10.0 * w.grad
        np.testing.assert_array_equal(w.val, [-29, -38])
        w.zero_grad()
        second.backward()
        np.testing.assert_array_equal(w.grad, [6, 16])  # 2 w x of the weights that the loss was calculated with

    def test_the_array_that_a_var_was_made_of(self):
        a, b = np.ones(3), np.ones(3)
        x = Var(a)
        a[:] = 5
        x.val = b
        b[:] = 5
        np.testing.assert_array_equal(x.val, 1)

    def test_constants_masks_and_indices(self):
        x, c, mask, key = Var(np.ones(3)), np.full(3, 2.0), np.array([True, False, True]), np.array([0, 0, 1])
        y = ops.sum(ops.where(mask, x * c, 0.0)) + ops.sum(x[key])
        c[:], mask[:], key[:] = 7, False, 2
        y.backward(keep_graph=True)
        np.testing.assert_array_equal(x.grad, [4, 1, 2])
        np.testing.assert_array_equal(gradient(y, x)[0].val, [4, 1, 2])

    def test_gradients_that_share_memory(self):
        a, b = Var(np.ones(3)), Var(np.ones(3))
        seed = np.ones(3)
        (a + b).backward(seed)
        a.grad *= 0.5
        seed[:] = 9
        np.testing.assert_array_equal(a.grad, 0.5)
        np.testing.assert_array_equal(b.grad, 1)

    def test_a_value_of_another_shape_put_in_place(self):
        x = Var(np.ones((2, 3)))
        y = ops.sum(x * np.ones(3))
        x.val = np.ones(())
        y.backward()
        np.testing.assert_array_equal(x.grad, np.ones((2, 3)))

    @pytest.mark.usefixtures("as_user")
    def test_entries_are_refused(self):
        x = Var(np.ones(3))
        with pytest.raises(InputError, match="are read-only"):
            x.val[0] = 2
        with pytest.raises(ValueError, match="read-only"):
            np.add(x.val, 1, out=x.val)

    def test_in_place_operators_keep_the_format(self):
        x = Var(np.full(3, 4, np.float32))
        x.val += np.float64(2)
        x.val -= np.ones(3)
        x.val *= 2
        x.val /= 4
        x.val **= 2
        assert x.dtype == np.float32
        np.testing.assert_array_equal(x.val, 6.25)
        assert type(x.val * 2) is np.ndarray
        copied = x.val.copy()
        copied[0] += 1
        copied -= 1
        np.testing.assert_array_equal(copied, [6.25, 5.25, 5.25])


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
        (x == 1, [1, 0]),
        (x != Var(1.0), [0, 1]),
        (x == [1, 5], [1, 0]),
        (np.array([3.0, 2.0]) == x, [0, 1]),
        (jnp.array([3.0, 2.0]) == x, [0, 1]),
        (Var(jnp.array([3.0, 2.0])) == [3, 0], [1, 0]),
    ):
        np.testing.assert_array_equal(found, np.array(expected, bool))
    assert x != None and not x == "x"  # noqa: E711, PT018, SIM201
    with pytest.raises(InputError, match=r"shapes \(2,\) and \(3,\) cannot be compared"):
        _ = x == np.ones(3)


def test_a_var_is_known_as_the_object_that_it_is():
    a, b = Var(np.ones(2)), Var(np.ones(2))
    assert len({a, b, a}) == 2
    assert {a: 1, b: 2}[b] == 2


def test_a_var_with_one_entry_is_a_number():
    for x in (Var(2.5), Var([[2.5]]), Var(jnp.array([2.5]))):
        assert float(x) == x.item() == 2.5
        assert x
    assert not Var(0.0)
    for convert in (float, bool, Var.item):
        with pytest.raises(
            InputError, match=r"only a Var with one entry converts to a number, but this one has shape \(2,\)"
        ):
            convert(Var(np.ones(2)))
    with pytest.raises(InputError, match=r"a Var does not convert to an array.*use x\.val"):
        np.asarray(Var(1.0))


METHODS = {
    "sum": (0,),
    "mean": (0,),
    "var": (0,),
    "norm": (1,),
    "max": (0,),
    "min": (1,),
    "clip": (0.3, 0.8),
    "reshape": ((3, 2),),
    "transpose": ((-1, 0),),
    "softmax": (0,),
    "log_softmax": (),
    **dict.fromkeys(("exp", "log", "sqrt", "sin", "cos", "tanh", "logistic", "relu", "abs"), ()),
}


@pytest.mark.parametrize("name", METHODS)
def test_methods_are_the_functions_of_the_table(name):
    x = np.linspace(0.1, 1, 6).reshape(2, 3)
    found, expected = getattr(Var(x), name)(*METHODS[name]), getattr(ops, name)(Var(x), *METHODS[name])
    assert found.creator.rule is expected.creator.rule
    np.testing.assert_array_equal(found.val, expected.val)


def test_methods_take_what_numpy_s_take():
    x = Var(np.arange(6.0).reshape(2, 3))
    assert x.reshape(3, -1).shape == x.reshape((3, 2)).shape == x.T.shape == x.transpose(1, 0).shape == (3, 2)
    assert (x.size, x.ndim, len(x)) == (6, 2, 2)
    np.testing.assert_array_equal(abs(-x).val, (+x).val)
    np.testing.assert_array_equal(x[[1, 0]].val, x.val[::-1])


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


@pytest.mark.usefixtures("as_user")  # several times as quick
def test_deep_graphs_are_copied():
    x = Var(1.0)
    y = x
    for _ in range(DEPTH):
        y = y + x
    copied, leaf = copy.deepcopy((y, x))
    copied.backward()
    assert leaf.grad == DEPTH + 1
    assert x.grad is None
    assert y.creator is not None


def test_a_freed_graph_stays_freed_in_copies():
    y = Var(2.0) * 3.0
    y.backward()
    for copied in (copy.deepcopy(y), pickle.loads(pickle.dumps(y))):
        with pytest.raises(InputError, match="freed by an earlier backward"):
            copied.backward()


def test_what_was_pickled_is_older_than_what_is_made_of_it():
    """In the process that loads it, too, where numbers begin anew."""
    w = Var(3.0)
    y = w * w
    y.number = w.number = 10**12
    w, y = pickle.loads(pickle.dumps((w, y)))
    (y * w + w).backward()
    assert w.grad == 28  # of w³ + w


def test_a_copy_is_independent():
    x = Var(np.ones(2))
    y = copy.deepcopy(x)
    ops.sum(y * y).backward()
    assert x.grad is None
    assert x.val is not y.val


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize("wrong", ["two", None, 1j, [[1.0], [1.0, 2.0]], object(), Var(1.0)])
def test_only_real_numbers_make_a_var(wrong):
    with pytest.raises(InputError, match=r"the value of a Var must (be an array of|contain real) numbers"):
        Var(wrong)


@pytest.mark.usefixtures("as_user")
class TestBackwardRefuses:
    def test_a_missing_seed(self):
        with pytest.raises(InputError, match=r"shape \(3,\) needs a seed gradient"):
            (Var(np.ones(3)) * 2.0).backward()

    def test_a_seed_of_another_shape(self):
        with pytest.raises(InputError, match=r"seed gradient must have the shape \(3,\) of the value, but has \(2,\)"):
            (Var(np.ones(3)) * 2.0).backward(np.ones(2))

    def test_a_gradient_of_another_shape(self):
        with pytest.raises(InputError, match=r"gradient of a Var of shape \(3,\) must have that shape, but has \(2,\)"):
            Var(np.ones(3)).grad = np.ones(2)

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
