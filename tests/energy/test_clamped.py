"""The two energies of a clamped network: the same function, in other coordinates."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.energy import Clamped, PredictiveCoding
from neuraxis.engine import relax
from neuraxis.errors import InputError
from neuraxis.functions import tanh

KEY = jax.random.key(0)
SIZES, VARIANCES = (4, 6, 5, 3), (0.7, 1.0, 1.5)
random = np.random.default_rng(0)
bottom, top = random.normal(size=(6, 4)), random.normal(size=(6, 3))
known = np.array([True, True, False, False])
ENDS = {
    "both ends": (bottom, top, None),
    "bottom": (bottom, None, None),
    "top": (None, top, None),
    "a part of the bottom": (bottom, None, known),
    "a part of the bottom, and the top": (bottom, top, known),
}


def network(tied=True):
    return PredictiveCoding(SIZES, key=KEY, activation=tanh, tied=tied, variances=VARIANCES)


def double(tree):
    return jax.tree.map(lambda leaf: leaf.astype(jnp.float64) if eqx.is_inexact_array(leaf) else leaf, tree)


@pytest.fixture(scope="module", params=[True, False], ids=["tied", "separate"])
def settled(request):
    """One network settled in both ways, in double precision, as far as its numbers allow."""
    with jax.enable_x64(True):
        clamped = Clamped(double(network(request.param)), bottom, top)
        how = {"step_size": 0.03, "rtol": 1e-11, "atol": 1e-12, "max_steps": 50_000}
        states = relax(clamped.energy, clamped.values_at_first(), **how)
        errors = relax(clamped.error_energy, clamped.errors_at_first(), **how)
        return clamped, states, errors


def test_both_come_to_rest_at_the_same_place(settled):
    clamped, states, errors = settled
    with jax.enable_x64(True):
        assert np.all(states.converged)
        assert np.all(errors.converged)
        by_errors = clamped.values_of_errors(errors.x)
        for a, b in zip(clamped.values(states.x), by_errors, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-8)
        for a, b in zip(errors.x[1:-1], clamped.network.errors(by_errors)[1:], strict=True):
            np.testing.assert_allclose(a, b, atol=1e-8)
        np.testing.assert_allclose(states.energy, errors.energy, atol=1e-10)


def test_at_rest_each_error_is_what_the_layer_below_sends_up(settled):
    clamped, states, _ = settled
    net = clamped.network
    with jax.enable_x64(True):
        x = [np.asarray(part) for part in clamped.values(states.x)]
        error = [np.asarray(part) for part in net.errors(clamped.values(states.x))]
        W = net.feedback or [M.T for M in net.weights]
        for i in (1, 2):
            sent = (1 - np.tanh(x[i]) ** 2) * (error[i - 1] @ np.asarray(W[i - 1]))
            np.testing.assert_allclose(error[i], sent, atol=1e-9)


@pytest.mark.parametrize("name", ENDS)
def test_the_energies_agree_wherever_the_free_nodes_are(name):
    clamped = Clamped(network(), *ENDS[name])
    noise = iter(jax.random.split(KEY, 5))
    move = lambda part: part + jax.random.normal(next(noise), part.shape)
    errors = jax.tree.map(move, clamped.errors_at_first())
    values = clamped.values_of_errors(errors)
    np.testing.assert_allclose(clamped.error_energy(errors), clamped.network.energy(values), rtol=1e-4, atol=1e-5)
    free = clamped.values_at_first()
    same = tuple(None if part is None else value for part, value in zip(free, values, strict=True))
    np.testing.assert_allclose(clamped.energy(same), clamped.network.energy(values), rtol=1e-5)
    for end, given in ((0, clamped.bottom), (-1, clamped.top)):
        held = slice(None) if end or clamped.known is None else known
        if given is not None:
            np.testing.assert_array_equal(values[end][:, held], given[:, held])


@pytest.mark.parametrize("name", ENDS)
def test_both_begin_at_the_same_place(name):
    clamped = Clamped(network(), *ENDS[name])
    by_values, by_errors = (
        clamped.values(clamped.values_at_first()),
        clamped.values_of_errors(clamped.errors_at_first()),
    )
    for a, b in zip(by_values, by_errors, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


@pytest.mark.parametrize(
    ("ends", "message"),
    [
        ((bottom[:, :2], top), r"bottom must have shape \(…, 4\), but has shape \(6, 2\)"),
        ((np.arange(6) % 4, top), r"bottom must have shape \(…, 4\), but has shape \(6,\); .*one_hot\(labels, 4\)"),
        ((bottom, top[:3]), r"both ends must agree .* bottom are \(6,\) and of the top are \(3,\)"),
        ((np.full_like(bottom, np.nan), top), "bottom must be finite, but contains nan"),
        (("text", top), "bottom must be an array of numbers"),
        ((bottom * 1j, top), "bottom must contain real numbers"),
        ((None, top, known), "known selects the nodes of the bottom to clamp, so bottom must be given"),
        ((bottom, top, known[:3]), r"known must broadcast to the state's shape \(6, 4\)"),
        ((bottom, top, [1, 0, 1, 0]), "known must be True where the bottom is clamped, but has dtype int"),
    ],
)
def test_bad_clamps_are_refused(as_user, ends, message):
    with pytest.raises(InputError, match=message):
        Clamped(network(), *ends)


def test_what_is_no_network_or_no_state_is_refused(as_user):
    with pytest.raises(InputError, match="network must be a PredictiveCoding, but is 3"):
        Clamped(3, bottom, top)
    with pytest.raises(InputError, match="one of them is None"):
        Clamped(network(), bottom, top).energy((None, None, None, None))
