import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from neuraxis.engine import gradient_descent, momentum, weight_decay
from neuraxis.errors import InputError

theta = {"a": jnp.array([1.0, -2.0]), "b": jnp.array(0.5)}


def loss(p):
    return jnp.sum(p["a"] ** 2 * jnp.array([1.0, 10.0])) + jnp.cosh(p["b"])


def descend(optimizer, steps=20):
    parameters, state = theta, optimizer.init(theta)
    for _ in range(steps):
        updates, state = optimizer.update(jax.grad(loss)(parameters), state, parameters)
        parameters = optax.apply_updates(parameters, updates)
    return parameters


@pytest.mark.parametrize(
    ("ours", "reference"),
    [
        (gradient_descent(0.03), optax.sgd(0.03)),
        (momentum(0.01, 0.8), optax.sgd(0.01, momentum=0.8)),
        (
            optax.chain(weight_decay(0.1), gradient_descent(0.03)),
            optax.chain(optax.add_decayed_weights(0.1), optax.sgd(0.03)),
        ),
    ],
)
def test_agrees_with_optax(ours, reference):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), descend(ours), descend(reference))


def test_gradient_descent_on_a_parabola_is_a_geometric_series():
    optimizer = gradient_descent(0.1)
    x, state = jnp.array(3.0), optimizer.init(jnp.array(3.0))
    for _ in range(10):
        updates, state = optimizer.update(2 * x, state)
        x = optax.apply_updates(x, updates)
    np.testing.assert_allclose(x, 3.0 * 0.8**10, rtol=1e-5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: gradient_descent(0.0), "learning_rate must be positive"),
        (lambda: momentum(-1.0), "learning_rate must be positive"),
        (lambda: momentum(0.1, 1.0), r"beta must lie in \[0, 1\)"),
        (lambda: weight_decay(-0.1), "rate must be finite and not negative"),
    ],
)
def test_bad_settings_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()
