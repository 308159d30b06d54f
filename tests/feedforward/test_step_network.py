import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from neuraxis.errors import InputError
from neuraxis.feedforward.step_network import STEEPNESS, bump, step, step_network

X = np.linspace(0, 1, 301, dtype=np.float32)


def test_a_step_becomes_the_threshold():
    np.testing.assert_allclose(step(X, 0.4, 7.0), 1 / (1 + np.exp(-7.0 * (X - 0.4))), rtol=1e-5)
    apart = np.abs(X - 0.4) > 1e-3
    np.testing.assert_array_equal(np.asarray(step(X, 0.4, 1e6))[apart], (X >= 0.4)[apart])


def test_a_bump_becomes_the_indicator():
    apart = (np.abs(X - 0.2) > 1e-3) & (np.abs(X - 0.5) > 1e-3)
    np.testing.assert_array_equal(np.asarray(bump(X, 0.2, 0.3, 1e6))[apart], ((X >= 0.2) & (X < 0.5))[apart])
    assert bump(0.35, 0.2, 0.3, 20.0) == pytest.approx(1 / (1 + np.exp(-3)) - 1 / (1 + np.exp(3)), rel=1e-5)


def test_in_one_dimension_it_is_the_sum_of_bumps():
    """With the first bump open to the left and the last to the right, as nothing is outside."""
    values, w = np.array([0.3, -1.0, 2.0, 0.5]), STEEPNESS * 4
    begins, widths = np.array([-9, 0.25, 0.5, 0.75]), np.array([9.25, 0.25, 0.25, 9])
    expected = sum(v * bump(X, b, d, w) for v, b, d in zip(values, begins, widths, strict=True))
    network = step_network(values)
    assert [layer.weight.shape for layer in network.layers] == [(1, 3), (3, 1)]
    np.testing.assert_allclose(network(X[:, None])[:, 0], expected, atol=1e-5)


@pytest.mark.parametrize(("n", "cells"), [(1, 7), (2, 5), (3, 3)])
def test_holds_the_values_inside_the_cells(n, cells):
    values = np.random.default_rng(n).normal(size=(cells,) * n)
    inside = (np.arange(cells)[:, None] + np.array([0.25, 0.5, 0.75])).ravel() / cells  # three points in each
    x = np.stack(np.meshgrid(*[inside] * n, indexing="ij"), -1)
    expected = values
    for axis in range(n):
        expected = np.repeat(expected, 3, axis)
    np.testing.assert_allclose(step_network(values)(x)[..., 0], expected, atol=2e-3)


@settings(max_examples=5, deadline=None)
@given(arrays(float, 6, elements=st.floats(-5, 5)))
def test_between_two_cells_it_lies_between_their_values(values):
    given = np.asarray(step_network(values)(X[:, None])[:, 0])
    left = np.clip((X * 6 - 0.5).astype(int), 0, 4)
    lower, upper = np.minimum(values[left], values[left + 1]), np.maximum(values[left], values[left + 1])
    edge = (X < 1 / 12) | (X > 11 / 12)
    assert np.all((given >= lower - 1e-4) & (given <= upper + 1e-4) | edge)


@pytest.mark.parametrize("n", [2, 3])
def test_bumps_add_up_to_1_everywhere(n):
    """Also where steps rise: at borders, edges and corners nothing is missing."""
    network = step_network(np.ones((4,) * n))
    x = np.random.default_rng(0).choice([0.25, 0.251, 0.249, 0.5, 0.6, 0.75], size=(500, n)).astype(np.float32)
    np.testing.assert_allclose(network(x), 1, atol=1e-6)
    bumps = sum(step_network(row.reshape((2,) * n))(x * 2 / 3) for row in np.eye(2**n))
    np.testing.assert_allclose(bumps, 1, atol=1e-5)


def test_a_plane_keeps_its_slope_at_the_corners():
    """Two ANDs of three rising steps must not leave a hole, as a product of bumps with a threshold would."""
    middles = (np.arange(4) + 0.5) / 4
    network = step_network(middles[:, None] + 2 * middles)
    near = np.linspace(0.5 - 0.02, 0.5 + 0.02, 41, dtype=np.float32)
    x = np.stack(np.meshgrid(near, near, indexing="ij"), -1)
    assert np.abs(np.asarray(network(x)[..., 0]) - (x[..., 0] + 2 * x[..., 1])).max() < 0.125 + 0.25 + 0.06


def test_jit_vmap_gradients_and_double_precision():
    network = step_network(np.arange(9.0).reshape(3, 3))
    x = jax.random.uniform(jax.random.key(0), (5, 2))
    np.testing.assert_allclose(eqx.filter_jit(network)(x), network(x), rtol=1e-6)
    np.testing.assert_allclose(jax.vmap(network)(x), network(x), rtol=1e-6)
    slope = jax.grad(lambda x: network(x).sum())(jnp.concatenate([x, jnp.full((1, 2), 1 / 3)]))
    assert np.all(np.isfinite(slope))
    assert np.abs(slope[-1]).max() > 100  # a border is steep
    with jax.enable_x64(True):
        double = step_network(np.arange(9.0).reshape(3, 3))(np.asarray(x, float))
        assert double.dtype == jnp.float64
    np.testing.assert_allclose(double, network(x), atol=1e-3)


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("values", "message"),
    [
        (1.0, "one or more axes of equal length"),
        ([1.0], "at least 2"),
        (np.zeros((3, 4)), r"have shape \(3, 4\)"),
        ([0.0, np.nan], "values must be finite"),
        ([0.0, 1j], "values must contain real numbers"),
        ("ab", "values must be a number"),
        ([3e38, -3e38], "the differences of values must be finite"),
    ],
)
def test_bad_values_are_refused(values, message):
    with pytest.raises(InputError, match=message):
        step_network(values)
