import numpy as np
import pytest

from neuraxis.autodiff import check_gradients, ops
from neuraxis.autodiff.var import Rule
from neuraxis.errors import InputError


def test_right_gradients_pass():
    found = check_gradients(lambda x, y: ops.exp(x) * y, np.array([0.5, -1.0], np.float32), 2.0)
    assert found.relative < 1e-8


def test_a_wrong_rule_is_found_and_named():
    wrong = Rule("wrong", lambda xp, a, b: a * b, (lambda g, y, a, b: g * b, lambda g, y, a, b: g * a * (a < 2)))
    found = check_gradients(wrong, np.array([1.0, 3.0]), np.array([1.0, 2.0]))
    assert (found.argument, found.entry) == (1, (1,))
    assert found.tape == 0
    assert abs(found.difference) > 0.1
    assert found.relative > 0.1


def test_a_gradient_that_is_nan_is_found():
    assert not check_gradients(Rule("nan", lambda xp, x: x * 1.0, (lambda g, y, x: g * np.nan,)), 1.0).relative <= 1


def test_the_arguments_stay_as_they_are():
    x = np.array([1.0, 2.0])
    check_gradients(ops.sin, x)
    np.testing.assert_array_equal(x, [1, 2])


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"f": ops.sin, "x": np.array([1.0, np.nan])}, "argument 0 must be finite"),
        ({"f": ops.sin, "x": 1.0, "step": 0.0}, "step"),
        ({"f": lambda x: 1.0, "x": 1.0}, "must return a Var"),
    ],
)
def test_bad_input_is_refused(arguments, words):
    f, x = arguments.pop("f"), arguments.pop("x")
    with pytest.raises(InputError, match=words):
        check_gradients(f, x, **arguments)
