import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.functions.ranges import only_between, only_binary


@pytest.mark.parametrize("x", [[0, 1], np.array([True, False]), jnp.array([0.0, 1.0])])
def test_zeros_and_ones_pass(x):
    np.testing.assert_array_equal(only_binary("x", x, remedy=""), np.asarray(x))


def test_others_are_refused_with_what_to_do():
    with pytest.raises(InputError, match=r"v must contain 0 and 1 only, but ranges from -1 to 1; take others"):
        only_binary("v", [-1, 1], remedy="; take others")
    with pytest.raises(InputError, match=r"ranges from 0 to 1 and contains 0.5; take others"):
        only_binary("v", [0.0, 0.5, 1.0], remedy="; take others")


def test_others_are_nan_where_they_cannot_be_seen():
    found = jax.jit(lambda x: only_binary("x", x, remedy=""))(jnp.array([0.0, 0.5, 1.0]))
    np.testing.assert_array_equal(found, [0, np.nan, 1])


def test_a_range_holds_its_ends():
    np.testing.assert_array_equal(only_between(-1.0, 2.0, "x", [-1.0, 0.0, 2.0]), [-1, 0, 2])
    with pytest.raises(InputError, match="x must contain shares between -1 and 2, but ranges from -1 to 3; scale them"):
        only_between(-1.0, 2.0, "x", [-1.0, 3.0], expected="contain shares", remedy="; scale them")
    with pytest.raises(InputError, match="x must be finite"):
        only_between(-1.0, 2.0, "x", [np.nan])
    found = jax.jit(lambda x: only_between(-1.0, 2.0, "x", x))(jnp.array([-1.5, 2.0, jnp.inf]))
    np.testing.assert_array_equal(found, [np.nan, 2, np.nan])
