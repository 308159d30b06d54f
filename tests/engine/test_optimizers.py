import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from neuraxis.engine import gradient_descent, momentum, weight_decay
from neuraxis.engine.optimizers import Counted, rate_at
from neuraxis.errors import InputError

theta = {"a": jnp.array([1.0, -2.0]), "b": jnp.array(0.5)}


def loss(p):
    return jnp.sum(p["a"] ** 2 * jnp.array([1.0, 10.0])) + jnp.cosh(p["b"])


def descend(optimizer, steps=20):
    @jax.jit
    def step(carry, _):
        parameters, state = carry
        updates, state = optimizer.update(jax.grad(loss)(parameters), state, parameters)
        return (optax.apply_updates(parameters, updates), state), None

    return jax.lax.scan(step, (theta, optimizer.init(theta)), length=steps)[0][0]


falling = optax.cosine_decay_schedule(0.05, 80)


@pytest.mark.parametrize(
    ("ours", "reference"),
    [
        (gradient_descent(0.03), optax.sgd(0.03)),
        (momentum(0.01, 0.8), optax.sgd(0.01, momentum=0.8)),
        (
            optax.chain(weight_decay(0.1), gradient_descent(0.03)),
            optax.chain(optax.add_decayed_weights(0.1), optax.sgd(0.03)),
        ),
        (gradient_descent(falling), optax.sgd(falling)),
        (momentum(falling, 0.8), optax.sgd(falling, momentum=0.8)),
        (
            optax.chain(weight_decay(falling), gradient_descent(falling)),
            optax.chain(optax.add_decayed_weights(falling), optax.sgd(falling)),
        ),
        (momentum(lambda count: 0.1 / (count + 10), 0.5), optax.sgd(lambda count: 0.1 / (count + 10), momentum=0.5)),
    ],
)
@pytest.mark.parametrize("steps", [1, 20, 100])
def test_agrees_with_optax(ours, reference, steps):
    mine, its = descend(ours, steps), descend(reference, steps)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7), mine, its)


def test_a_constant_rate_has_no_count_to_carry_along():
    assert jax.tree.leaves(gradient_descent(0.1).init(theta)) == []
    assert jax.tree.leaves(weight_decay(0.1).init(theta)) == []
    assert jax.tree.structure(momentum(0.1).init(theta).velocity) == jax.tree.structure(theta)
    assert len(jax.tree.leaves(momentum(0.1).init(theta))) == len(jax.tree.leaves(theta))
    assert int(momentum(falling).init(theta).count) == 0


@pytest.mark.parametrize("rate", [0.25, lambda count: jnp.asarray(0.25)])
def test_rates_keep_the_precision_of_the_parameters(rate):
    low = jnp.ones(2, jnp.float16)
    for optimizer in (gradient_descent(rate), momentum(rate), weight_decay(rate)):
        updates, _ = optimizer.update(low, optimizer.init(low), low)
        assert updates.dtype == jnp.float16


def test_a_rate_at_a_step():
    assert rate_at(0.1, 7) == rate_at(0.1, None) == 0.1
    assert rate_at(lambda count: 0.5**count, 3) == 0.125
    np.testing.assert_allclose(rate_at(falling, jnp.asarray(40)), 0.025)


def test_gradient_descent_on_a_parabola_is_a_geometric_series():
    optimizer = gradient_descent(0.1)
    x, state = jnp.array(3.0), optimizer.init(jnp.array(3.0))
    for _ in range(10):
        updates, state = optimizer.update(2 * x, state)
        x = optax.apply_updates(x, updates)
    np.testing.assert_allclose(x, 3.0 * 0.8**10, rtol=1e-5)


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: gradient_descent(0.0), "learning_rate must be positive"),
        (lambda: momentum(-1.0), "learning_rate must be positive"),
        (lambda: momentum(0.1, 1.0), r"beta must lie in \[0, 1\)"),
        (lambda: gradient_descent(jnp.asarray(-0.1)), "learning_rate must be positive"),
        (lambda: gradient_descent("falling"), "learning_rate must be a number, but is 'falling'"),
        (lambda: momentum(float("nan")), "learning_rate must be positive"),
        (lambda: weight_decay(-0.1), "rate must be finite and not negative"),
        (lambda: weight_decay(1j), "rate must contain real numbers"),
        (lambda: gradient_descent(Counted), "learning_rate must be a function, but is <class"),
        (
            lambda: gradient_descent([0.1, 0.2]),
            r"learning_rate must be one number, or .* shape \(2,\)",
        ),
        (lambda: momentum(0.1, np.zeros(3)), r"beta must be one number, but has shape \(3,\)"),
        (lambda: momentum(lambda: 0.1), r"learning_rate must be a function of \(count\)"),
        (
            lambda: rate_at(lambda count: jnp.ones(3), 0),
            "a schedule must return one number for a count",
        ),
        (
            lambda: rate_at(lambda count: None, 0),
            "a schedule must return one number for a count of steps, but returned None",
        ),
        (
            lambda: rate_at(lambda count: 1j, 0),
            "a schedule must return one number for a count of steps, but returned 1j",
        ),
    ],
)
def test_bad_settings_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()
