from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis import check
from neuraxis.engine import simulate
from neuraxis.errors import InputError
from neuraxis.names import check_name
from neuraxis.neurons import LIF


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: check.positive(tau=0.0), "tau must be positive and finite, but is 0.0"),
        (lambda: check.positive(tau=np.array([1.0, -1.0])), "tau must be positive"),
        (lambda: check.positive(tau=float("nan")), "tau must be positive"),
        (lambda: check.positive(tau=float("inf")), "tau must be positive"),
        (lambda: check.positive(tau="x"), "tau must be a number, but is 'x'"),
        (lambda: check.positive(tau=None), "tau must be a number, but is None"),
        (lambda: check.positive(tau=True), "tau must be a number, but is True"),
        (lambda: check.not_negative(rate=-0.1), "rate must be finite and not negative, but is -0.1"),
        (lambda: check.fraction(beta=1), r"beta must lie in \[0, 1\), but is 1"),
        (lambda: check.finite(x=np.array([[0.0, np.inf]])), r"x must be finite, but contains inf at index \(0, 1\)"),
        (lambda: check.finite(x=float("nan")), "x must be finite, but is nan$"),
        (lambda: check.positive(tau=1e-46), "tau must be positive and finite, but is 1e-46, which is 0.0 in float32"),
        (lambda: check.finite(x=-1e308), "x must be finite, but is -1e\\+308, which is -inf in float32"),
        (lambda: check.positive(tau=1 + 1j), "tau must contain real numbers, but has dtype complex128; take .real"),
        (lambda: check.positive(tau=jax.random.key(0)), "tau must be an array of numbers, but is .*key"),
        (lambda: check.positive(tau=np.ones(500, bool)), r"tau must be a number, but is an array of shape \(500,\)"),
        (lambda: check.positive(tau=10**40), "tau must be an array of numbers, but is 10{40}"),
        (lambda: check.whole(n=10**12 * 10**12), "n must be an integer below 2⁶³"),
        (
            lambda: check.array("x", [[1.0], [1.0, 2.0]]),
            r"is \[\[1.0\], \[1.0, 2.0\]\]: .*inhomo",
        ),
        (lambda: check.array("x", "text"), "x must be an array of numbers, but is 'text'"),
        (lambda: check.floats("x", {"a": 1}), "x must be an array of numbers, but is {'a': 1}"),
        (lambda: check.floats("x", np.ones(3, complex)), "x must contain real numbers, but has dtype complex128"),
        (lambda: check.whole(n=1.0), "n must be an integer of at least 1, but is 1.0"),
        (lambda: check.whole(0, n=-1), "n must be an integer of at least 0, but is -1"),
        (lambda: check.whole(n=True), "n must be an integer"),
        (lambda: check.parameters(tau=[1.0, 2.0]), r"tau must be a number or an array, but is the list \[1.0, 2.0\]"),
        (lambda: check.parameters(a=np.ones(3), b=1.0, c=np.ones(4)), r"have shapes a \(3,\), c \(4,\)$"),
        (lambda: check.broadcast((2,), a=np.ones(3)), r"have shapes a \(3,\), the input \(2,\)"),
        (lambda: check.functions(f="relu"), "f must be a function, but is 'relu'"),
        (lambda: check.functions(f=dict), "f must be a function, but is <class 'dict'>"),
        (lambda: check.fits((3,), x=None), r"x must be given, in a shape .* \(3,\), but is None"),
        (lambda: check.last_axis(3, x=np.ones((3, 2))), r"x must have shape \(…, 3\), but has shape \(3, 2\)"),
        (lambda: check.last_axis(3, x=1.0), r"has shape \(\)"),
        (lambda: check.same_length(x=np.ones(3), y=np.ones(2)), r"have shapes x \(3,\), y \(2,\)"),
        (lambda: check.same_length(x=1.0), "must agree along their first axis"),
        (lambda: check.same_length(x=np.ones((0, 3)), y=np.ones(0)), "the data are empty: x, y contain no examples"),
        (lambda: check.indices(3, x=[[0, 5]]), r"x must be between 0 and 2, but contains 5 at index \(0, 1\)"),
        (lambda: check.indices(3, x=-1), "x must be between 0 and 2, but is -1"),
        (lambda: check.indices(3, x=np.array([0.5])), "x must be integers, but has dtype float64"),
        (lambda: check.seed(2**32), "seed must be an integer from 0 to 2³² − 1, but is 4294967296"),
        (lambda: check.seed(True), "seed must be an integer from 0 to"),
        (lambda: check.labels([0, 5], 3), "labels must be between 0 and 2, but range from 0 to 5"),
        (lambda: check.labels(np.array([-1]), 3), "range from -1 to -1"),
        (lambda: check.labels(np.array([0.5]), 3), "labels must be integers, but have dtype float64"),
        (lambda: check_name("experiment", "lyf", ["lif", "mlp"]), "unknown experiment 'lyf'; did you mean 'lif'"),
        (lambda: check_name("experiment", "zzz", ["lif", "mlp"]), "choose from lif, mlp"),
    ],
)
def test_says_what_was_expected_and_received(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_good_values_pass():
    check.positive(a=1, b=jnp.ones(2), c=np.float32(0.1))
    check.not_negative(a=0)
    check.fraction(a=0, b=0.999)
    check.finite(a=[1, 2], b=jnp.ones(2, jnp.bfloat16))
    check.whole(a=1, b=np.int64(3))
    check.last_axis(2, a=jnp.ones((4, 2)))
    check.parameters(a=1.0, b=np.ones((2, 1)), c=jnp.ones(3))
    assert check.broadcast((4, 1), a=jnp.ones(3)) == (4, 3)
    check.functions(a=len, b=lambda x: x)
    check.same_length(a=[1, 2], b=np.ones((2, 5)))
    check.labels(np.array([], int), 3)
    check.indices(3, x=np.array([[2, 0]], np.uint8), y=np.array([], int))
    check.seed(np.int64(2**32 - 1))
    check_name("experiment", "lif", ["lif"])


@pytest.mark.parametrize("value", [np.array([0, 1], np.uint8), [False, True], (0, 1), np.arange(2.0), jnp.arange(2)])
def test_numbers_of_any_kind_become_floats(value):
    floats = check.floats("x", value)
    assert floats.dtype == jnp.float32
    assert floats.tolist() == [0.0, 1.0]


@pytest.mark.parametrize("dtype", [">f4", ">f8", ">i2", np.longdouble])
def test_dtypes_that_jax_does_not_know_are_converted(dtype):
    numbers = np.array([1, 2, 300], dtype)
    for convert in (check.array, check.floats):
        np.testing.assert_array_equal(jnp.asarray(convert("x", numbers)), [1, 2, 300])
    check.positive(x=numbers)


def test_large_integers_do_not_wrap_around(as_user):
    large = np.array([1, 2**40])
    np.testing.assert_array_equal(check.floats("x", large), np.float32([1, 2**40]))
    check.positive(x=large)
    assert check.host_array("x", large) is large
    with pytest.raises(InputError, match=r"x must fit in int32, but contains 1099511627776 at index \(1,\)"):
        check.array("x", large)
    with pytest.raises(InputError, match="x must fit in uint32"):
        check.array("x", np.array([2**40], np.uint64))
    with jax.enable_x64(True):
        assert check.array("x", large) is large


def test_masked_entries_and_durations_are_no_numbers(as_user):
    masked = np.ma.masked_array([1.0, 2.0], mask=[False, True])
    for wrong in (masked, np.array([1], "timedelta64[s]")):
        for convert in (check.array, check.floats):
            with pytest.raises(InputError, match="x must"):
                convert("x", wrong)
        with pytest.raises(InputError, match="x must"):
            check.positive(x=wrong)
    np.testing.assert_array_equal(check.floats("x", np.ma.masked_array([1.0, 2.0])), [1, 2])


def test_floats_keep_their_precision():
    assert check.floats("x", jnp.ones(2, jnp.float16)).dtype == jnp.float16
    assert check.floats("x", 2.5).weak_type
    with jax.enable_x64(True):
        assert check.floats("x", np.arange(2)).dtype == jnp.float64


def test_long_values_are_described_by_their_shape():
    assert check.received(np.ones((20, 30), np.float32)) == "an array of shape (20, 30) and dtype float32"
    assert len(check.received(list(range(1000)))) < 80


def test_keys_are_keys():
    for good in (jax.random.key(0), jax.random.PRNGKey(0)):
        check.key(good)
        jax.jit(check.key)(good)
    for bad in (0, None, jnp.zeros(2), jax.random.split(jax.random.key(0))):
        with pytest.raises(InputError, match="key must be one random key, such as jax"):
            check.key(bad)


def test_arrays_that_no_memory_holds():
    check.array_fits("size", (10, 10))
    with pytest.raises(
        InputError, match=r"size must be smaller: an array of shape \(1\d+, 1\d+\) would take about 3.55e\+05 PiB"
    ):
        check.array_fits("size", (np.int64(10**10), 10**10))


class Tensor:
    """An array of another library, which NumPy can read."""

    dtype, shape = "other.float32", (3,)

    def __array__(self, dtype=None, copy=None):
        return np.ones(3, np.float32)


@pytest.mark.usefixtures("as_user")
def test_tensors_are_inputs_and_no_parameters():
    assert check.floats("x", Tensor()).shape == (3,)
    assert simulate(LIF(), Tensor(), dt=1.0, steps=2).record.shape == (2, 3)
    with pytest.raises(InputError, match=r"tau_m must be a number or an array, but is the Tensor .* numpy\.asarray"):
        LIF(tau_m=Tensor())


def test_what_is_traced_is_not_shown():
    @jax.jit
    def f(x):
        with pytest.raises(InputError, match=r"^x must be an array of numbers, but is a tuple$"):
            check.array("x", (x, None))
        return x

    f(jnp.ones(2))


def test_a_class_is_no_object():
    with pytest.raises(InputError, match="model must be an object, but is the class LIF itself"):
        check.no_class(model=LIF)


def test_values_that_are_traced_pass_but_their_shape_is_known():
    @jax.jit
    def f(x):
        check.positive(x=x)
        check.finite(x=x)
        with pytest.raises(InputError, match=r"shape \(…, 3\)"):
            check.last_axis(3, x=x)
        return x

    f(jnp.array([-1.0, jnp.nan]))


@pytest.mark.parametrize("value", [None, 3, "", "a\0b", b"a", ["a"], "a/" + 300 * "b"])
def test_paths_are_text_or_paths(value):
    assert check.path("folder", "a/b") == check.path("folder", Path("a/b")) == Path("a/b")
    with pytest.raises(InputError, match=r"folder must be a path, as text or pathlib\.Path, but is "):
        check.path("folder", value)


def test_sizes_come_back_as_a_tuple():
    assert check.sizes(sizes=[3, np.int64(4)]) == (3, 4)
    assert check.sizes(0, sizes=()) == ()
    with pytest.raises(InputError, match=r"sizes must be a sequence of 1 or more integers, but is \(\)"):
        check.sizes(sizes=())
    with pytest.raises(InputError, match=r"sizes\[1\] must be an integer of at least 1, but is 0"):
        check.sizes(sizes=(2, 0))


@pytest.mark.parametrize("name", ["an Objective", "an RBM", "an LIFState", "a VAE", "a NoiseSchedule", "a UNet"])
def test_a_wrong_type_is_named_with_its_article(name):
    with pytest.raises(InputError, match=f"^model must be {name}, but is 3$"):
        check.instance(type(name.split()[1], (), {}), model=3)
