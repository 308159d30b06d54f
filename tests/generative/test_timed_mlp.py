import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.generative import TimedMLP

KEY = jax.random.key(0)
network = TimedMLP(2, (8, 6), key=KEY, classes=3)
x = jax.random.normal(KEY, (5, 2))


def test_one_time_may_stand_for_all():
    np.testing.assert_allclose(network(x, 0.5), network(x, jnp.full(5, 0.5)), rtol=1e-6)
    assert np.any(network(x, 0.5) != network(x, 0.25))


def test_no_label_is_a_class_of_its_own():
    told = eqx.tree_at(lambda n: n.conditioning.rows, network, jnp.arange(4.0)[:, None] * jnp.ones(8))
    np.testing.assert_array_equal(told(x, 0.5), told(x, 0.5, jnp.full(5, -1)))
    assert np.any(told(x, 0.5, 1) != told(x, 0.5, 2))
    assert np.any(told(x, 0.5, 1) != told(x, 0.5))
    assert np.all(np.isnan(eqx.filter_jit(told)(x, 0.5, jnp.full(5, 3))))


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: TimedMLP(0, (4,), key=KEY), "size must be an integer of at least 1"),
        (lambda: TimedMLP(2, (), key=KEY), "hidden_sizes must be a sequence of 1 or more integers"),
        (lambda: TimedMLP(2, 4, key=KEY), "hidden_sizes must be a sequence of 1 or more integers"),
        (lambda: TimedMLP(2, (0,), key=KEY), r"hidden_sizes\[0\] must be an integer"),
        (lambda: TimedMLP(2, (4,), key=KEY, classes=-1), "classes must be an integer of at least 0"),
        (lambda: network(x[:, :1], 0.5), r"x must have shape \(…, 2\)"),
        (lambda: network(x, jnp.ones(4)), r"time must broadcast to the state's shape \(5,\)"),
        (
            lambda: network(x, 0.5, 3),
            "labels must be between 0 and 2, or −1 for an unknown class, but range",
        ),
        (lambda: network(x, 0.5, 0.5), "labels must be integers"),
        (lambda: network(x, 0.5, jnp.zeros(4, int)), "label must broadcast"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(InputError, match=message):
        call()
