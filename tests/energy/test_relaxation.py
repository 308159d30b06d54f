"""How a network comes to rest in so many steps, and the map that follows from it."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.energy import Clamped, ErrorRelaxation, Inference, PredictiveCoding, StateRelaxation
from neuraxis.errors import DivergedError, InputError
from neuraxis.functions import identity, tanh

KEY = jax.random.key(0)
random = np.random.default_rng(0)
bottom, top = random.normal(size=(5, 3)), random.normal(size=(5, 2))


def network(**options):
    return PredictiveCoding((3, 4, 2), key=KEY, activation=tanh, **options)


def test_a_linear_network_rests_where_the_normal_equations_say():
    """With a top of two nodes and no clamp on it, the errors are those of a regression on the bottom."""
    net = PredictiveCoding((3, 4, 2), key=KEY, activation=identity, variances=(0.5, 2.0))
    A = np.asarray(net.weights[1], float) @ np.asarray(net.weights[0], float)
    M = np.asarray(net.weights[0], float)
    covariance = 0.5 * np.eye(3) + 2.0 * M.T @ M  # of x¹ given x³
    expected = np.linalg.solve(A @ np.linalg.inv(covariance) @ A.T, A @ np.linalg.inv(covariance) @ bottom.T).T
    found = Inference(net, ErrorRelaxation(steps=4000, step_size=0.1))(bottom)
    np.testing.assert_allclose(found, expected, atol=1e-3)


@pytest.mark.parametrize("relaxation", [StateRelaxation(200, 0.1), ErrorRelaxation(200, 0.05)])
def test_values_errors_and_energy_belong_together(relaxation):
    net = network(variances=(2.0, 1.0))
    settled = relaxation(Clamped(net, bottom, top))
    for found, expected in zip(settled.errors, net.errors(settled.values), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(settled.energy, net.energy(settled.values), rtol=1e-4)
    first = 0.25 * np.sum((bottom - np.asarray(net(top))) ** 2, axis=-1)
    np.testing.assert_allclose(settled.energy_at_first, first, rtol=1e-5)
    assert np.all(settled.energy < settled.energy_at_first)


def test_small_errors_are_exact_where_they_are_relaxed():
    """Behind a weak clamp errors are a million times smaller than values: as differences they would be lost."""
    net = PredictiveCoding((1, 1, 1), key=KEY, activation=identity, variances=(1e8, 1.0))
    net = eqx.tree_at(lambda net: net.weights, net, (jnp.ones((1, 1)), jnp.ones((1, 1))))
    ends = Clamped(net, np.array([2.0]), np.array([1.0]))
    by_errors, by_states = (r(ends).errors[1].item() for r in (ErrorRelaxation(50, 0.5), StateRelaxation(50, 0.5)))
    assert by_errors == pytest.approx(1e-8, rel=1e-4)
    assert by_states == 0.0


def test_a_network_without_hidden_layers_is_at_rest_at_once():
    net = PredictiveCoding((3, 2), key=KEY, activation=tanh)
    for relaxation in (StateRelaxation(), ErrorRelaxation()):
        settled = relaxation(Clamped(net, bottom, top))
        np.testing.assert_allclose(settled.errors[0], bottom - np.asarray(net(top)), atol=1e-5)


@pytest.mark.parametrize("kind", [StateRelaxation, ErrorRelaxation])
def test_steps_that_are_too_long_are_said_to_be(kind):
    with pytest.raises(DivergedError, match=r"the relaxation diverged: .* step_size=3, .* take a smaller step_size"):
        kind(steps=20, step_size=3.0)(Clamped(network(), bottom, top))


def test_inference_has_gradients():
    infer = Inference(network(), ErrorRelaxation(steps=3))
    slope = jax.grad(lambda x: jnp.sum(infer(x)))(jnp.asarray(bottom))
    assert np.all(np.isfinite(slope))
    assert np.any(slope != 0)


@pytest.mark.parametrize("kind", [StateRelaxation, ErrorRelaxation])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"steps": 0}, "steps must be an integer of at least 1, but is 0"),
        ({"steps": 2.5}, "steps must be an integer"),
        ({"step_size": -0.1}, "step_size must be positive"),
        ({"step_size": float("nan")}, "step_size must be positive"),
        ({"step_size": np.ones(2)}, "step_size must be one number"),
    ],
)
def test_bad_steps_are_refused(as_user, kind, arguments, message):
    with pytest.raises(InputError, match=message):
        kind(**arguments)


def test_bad_parts_are_refused(as_user):
    with pytest.raises(InputError, match="clamped must be a Clamped"):
        ErrorRelaxation()(network())
    with pytest.raises(InputError, match="relaxation must be a relaxation such as ErrorRelaxation"):
        Inference(network(), "errors")
    with pytest.raises(InputError, match="relaxation must be a relaxation such as ErrorRelaxation"):
        Inference(network(), ErrorRelaxation)
    with pytest.raises(InputError, match="network must be a PredictiveCoding"):
        Inference(None, ErrorRelaxation())
    with pytest.raises(InputError, match=r"x must have shape \(…, 3\)"):
        Inference(network(), ErrorRelaxation())(top)
