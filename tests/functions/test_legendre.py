import jax
import numpy as np
import pytest
from scipy.signal import cont2discrete
from scipy.special import eval_sh_legendre

from neuraxis.errors import InputError
from neuraxis.functions import legendre_delay, legendre_readout, zero_order_hold


def published(order, theta):
    """A and B entry by entry."""
    A, B = np.zeros((order, order)), np.zeros(order)
    for i in range(order):
        B[i] = (2 * i + 1) * (-1) ** i / theta
        for j in range(order):
            A[i, j] = (2 * i + 1) / theta * (-1 if i < j else (-1) ** (i - j + 1))
    return A, B


@pytest.mark.parametrize("order", [1, 6])
def test_the_matrices_are_as_published(order):
    for ours, wanted in zip(legendre_delay(order, 30.0), published(order, 30.0), strict=True):
        np.testing.assert_allclose(ours, wanted, rtol=1e-14)


@pytest.mark.parametrize(("order", "theta"), [(1, 20.0), (6, 20.0), (24, 100.0)])
def test_the_hold_is_that_of_scipy(order, theta):
    A, B = published(order, theta)
    wanted = cont2discrete((A, B[:, None], np.eye(order), np.zeros((order, 1))), 0.5, "zoh")
    found = zero_order_hold(A, B, 0.5)
    np.testing.assert_allclose(found[0], wanted[0], atol=1e-12)
    np.testing.assert_allclose(found[1], wanted[1][:, 0], atol=1e-12)


def test_the_readout_are_shifted_legendre_polynomials():
    delays = np.linspace(0, 1, 7)
    wanted = np.stack([eval_sh_legendre(i, delays) for i in range(9)], -1)
    np.testing.assert_allclose(legendre_readout(9, delays), wanted, atol=1e-12)
    assert legendre_readout(3, 0.5).shape == (3,)


def test_a_slow_signal_is_delayed_by_as_much_as_is_asked_for():
    """A sum of sines of up to 4 periods in θ, by the exact solution in steps of θ/2000."""
    order, theta, dt = 24, 1.0, 1 / 2000
    A, B = zero_order_hold(*legendre_delay(order, theta), dt)
    middles = dt * (np.arange(8000) + 0.5)

    def signal(t):
        return np.sin(2 * np.pi * 1.5 * t) + 0.5 * np.sin(2 * np.pi * 4 * t + 1)

    m, states = np.zeros(order), []
    for u in signal(middles):
        m = A @ m + B * u
        states.append(m)
    ends, states = middles[4000:] + dt / 2, np.array(states[4000:])
    for delay in (0.25, 0.5, 1.0):
        error = np.abs(states @ legendre_readout(order, delay) - signal(ends - delay * theta))
        assert error.max() < 2e-3, delay


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: legendre_delay(0, 1.0), "order must be an integer of at least 1, but is 0"),
        (lambda: legendre_delay(3.0, 1.0), "order must be an integer"),
        (lambda: legendre_delay(3, 0.0), "theta must be positive"),
        (lambda: legendre_delay(3, np.nan), "theta must be positive"),
        (lambda: legendre_delay(3, [1.0, 2.0]), "theta must be one number"),
        (lambda: legendre_delay(3, "1"), "theta must be a number"),
        (lambda: jax.jit(lambda theta: legendre_delay(3, theta)[0])(1.0), "theta must be a concrete value"),
        (lambda: zero_order_hold(np.ones((2, 3)), np.ones(2), 1.0), r"A and B must have shapes \(q, q\) and \(q,\)"),
        (lambda: zero_order_hold(np.full((2, 2), np.nan), np.ones(2), 1.0), "A must be finite"),
        (lambda: zero_order_hold(np.ones((2, 2)), np.ones(2), -1.0), "dt must be positive"),
        (lambda: legendre_readout(0, 0.5), "order must be an integer"),
        (lambda: legendre_readout(3, 1.5), "delays must be fractions of θ from 0 to 1, but range from 1.5"),
        (lambda: legendre_readout(3, np.nan), "delays must be finite"),
        (lambda: legendre_readout(3, 0.5j), "delays must contain real numbers"),
    ],
)
def test_bad_input(as_user, call, message):
    with pytest.raises(InputError, match=message):
        call()
