import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.layers import Flatten, Unflatten


def test_it_undoes_flatten():
    x = jnp.arange(48.0).reshape(2, 2, 3, 4)
    np.testing.assert_array_equal(Unflatten((2, 3, 4))(Flatten(axes=3)(x)), x)
    assert Unflatten([np.int64(3), 2])(np.zeros((0, 6))).shape == (0, 3, 2)


@pytest.mark.usefixtures("as_user")
def test_bad_arguments_are_refused():
    for shape in ((), (2, 0), (2.0,), "ab", 3):
        with pytest.raises(InputError, match="shape"):
            Unflatten(shape)
    with pytest.raises(InputError, match=r"x must have shape \(…, 6\)"):
        Unflatten((2, 3))(np.zeros((2, 5)))
