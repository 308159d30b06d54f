import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, stats

from neuraxis.errors import InputError
from neuraxis.functions.continuous_convolution import continuous_convolve

t = np.linspace(0.1, 5, 9)


def gaussian(sigma):
    return lambda s: jnp.exp(-0.5 * (s / sigma) ** 2) / (sigma * jnp.sqrt(2 * jnp.pi))


def test_gaussians_add_their_variances():
    y = continuous_convolve(gaussian(0.6), gaussian(0.8), t, bounds=(-6.0, 6.0))
    np.testing.assert_allclose(y, stats.norm.pdf(t), atol=1e-6)


def test_two_decays_make_an_alpha_function():
    y = continuous_convolve(lambda s: jnp.exp(-s), lambda s: jnp.exp(-s), t, bounds=(0.0, t))
    np.testing.assert_allclose(y, t * np.exp(-t), rtol=1e-5)


def test_agrees_with_scipys_adaptive_quadrature_and_its_order_is_four():
    expected = [integrate.quad(lambda s, a: np.sin(s) * np.exp(-((a - s) ** 2)), 0, 4, (a,))[0] for a in t]
    with jax.enable_x64(True):
        errors = []
        for intervals in (20, 40):
            y = continuous_convolve(jnp.sin, lambda s: jnp.exp(-(s**2)), t, bounds=(0.0, 4.0), intervals=intervals)
            errors.append(np.abs(y - np.array(expected)).max())
    assert errors[1] < 1e-5
    assert 12 < errors[0] / errors[1] < 20


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"f": 1.0}, "f must be a function, but is 1.0"),
        ({"f": lambda s: 1.0, "g": lambda s: 2.0}, r"f\(s\) g\(t − s\) must have the shape of s, \(9, 1001\), but has"),
        ({"g": lambda s: s * 1j}, "must contain real numbers, but has dtype complex64"),
        ({"t": 1j}, "t must contain real numbers"),
        ({"bounds": 1.0}, r"bounds must be a pair \(lower, upper\), but is 1.0"),
        ({"bounds": (0.0, np.inf)}, "the upper bound must be finite, but is inf"),
        (
            {"bounds": (0.0, np.ones(3))},
            r"the upper bound must be a number or have the shape of t, \(9,\)",
        ),
        ({"intervals": 10**12}, "intervals must be smaller: an array of shape .* would take about .* [GTP]iB"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(InputError, match=message):
        continuous_convolve(**{"f": jnp.sin, "g": jnp.cos, "t": t, "bounds": (0.0, 1.0), **arguments})


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("intervals", "wanted"), [(3, "even"), *((bad, "an integer of at least 2") for bad in (0, 2.0, True))]
)
def test_bad_intervals(intervals, wanted):
    with pytest.raises(InputError, match=f"intervals must be {wanted}, but is {intervals}"):
        continuous_convolve(jnp.sin, jnp.cos, t, bounds=(0.0, 1.0), intervals=intervals)
