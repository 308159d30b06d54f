import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.spiking.projection import Projection

pytestmark = pytest.mark.usefixtures("as_user")


def test_a_list_without_connections():
    assert len(Projection([], [], 1.0).source) == 0


def test_weights_and_delays_are_functions_of_the_pair():
    p = Projection([0, 3, 5], [1, 1, 2], weight=lambda i, j: 0.5 * (i - j), delay=lambda i, j: abs(i - j) / 10)
    np.testing.assert_array_equal(p.weight, [-0.5, 1.0, 1.5])
    np.testing.assert_array_equal(p.delay, [0.1, 0.2, 0.3])
    assert Projection([0], [1], weight=lambda i, j: 2.0).weight == 2.0


def test_lists_and_arrays_of_jax_are_data():
    p = Projection(jnp.arange(2), range(2), weight=[1, 2], delay=jnp.ones(2))
    assert (p.source.dtype, p.weight.tolist(), p.delay.tolist()) == (np.int64, [1, 2], [1.0, 1.0])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Projection([0, -1], [0, 1]), "source must contain indices of neurons from 0 .* contains -1"),
        (lambda: Projection(np.array([2**63 + 5], np.uint64), [0]), "source must contain indices .* to 2³¹ − 1"),
        (lambda: Projection([0], [0.5]), "target must be a list of integers"),
        (lambda: Projection([True], [0]), "source must be a list of integers, .* dtype bool"),
        (lambda: Projection([[0]], [[0]]), "source must be a list of integers"),
        (lambda: Projection("text", [0]), "source must be an array of numbers"),
        (lambda: Projection(None, [0]), "source must be an array of numbers"),
        (lambda: Projection([0, 1], [0]), "one source and one target per connection, but has 2 sources and 1 targets"),
        (lambda: Projection([0, 1], [0, 1], weight=[1.0]), r"weight must be one number, or .* 2 conn.* shape \(1,\)"),
        (lambda: Projection([0], [0], weight=lambda i, j: [1.0, 2.0]), "weight must be one number, or one for each"),
        (lambda: Projection([0], [0], weight=np.nan), "weight must be finite"),
        (lambda: Projection([0], [0], weight=1e39), "weight must be finite"),
        (lambda: Projection([0], [0], weight=None), "weight must be a number or an array, but is None"),
        (lambda: Projection([0], [0], weight="text"), "weight must be an array of numbers"),
        (lambda: Projection([0], [0], weight=1j), "weight must contain real numbers"),
        (lambda: Projection([0], [0], delay=-0.5), "delay must be finite and not negative"),
        (lambda: Projection([0], [0], delay=float), "delay must be a number, an array or a function"),
        (lambda: Projection([0], [0], receptor=-1), "receptor must be an integer"),
        (lambda: jax.jit(lambda w: Projection([0], [0], weight=w))(1.0), "the weight of a projection .* eqx.tree_at"),
    ],
)
def test_bad_input_is_named(make, words):
    with pytest.raises(InputError, match=words):
        make()
