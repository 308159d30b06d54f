import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.engine import Chain, simulate
from neuraxis.errors import InputError
from neuraxis.neurons import LIF, Synapse
from neuraxis.population import Ensemble, FullConnection, RateNeurons, ReLUNeurons, full_weights

KEYS = jax.random.split(jax.random.key(0), 2)
X = np.random.default_rng(0).uniform(-0.9, 0.9, (40, 2)).astype(np.float32)


def square(x):
    return x**2


def populations(neurons):
    return Ensemble(70, 2, neurons, radius=1.5, key=KEYS[0]), Ensemble(50, 2, neurons, radius=1.5, key=KEYS[1])


def close(found, wanted):
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5 * np.abs(wanted).max())


def test_rates_equal_those_by_way_of_the_decoded_value():
    a, b = populations(ReLUNeurons())
    decoded = a.decode(square)
    close(np.asarray(a.rates(X) @ full_weights(decoded, b) + b.bias), np.asarray(b.drive(decoded(X))))
    close(FullConnection(decoded, b)(X), b.rates(decoded(X)))


def test_in_time_too():
    a, b = populations(RateNeurons(LIF()))
    decoded = a.decode(square)
    signal = X[0] * np.sin(np.arange(60) / 10)[:, None]
    full = simulate(FullConnection(decoded, b, Synapse(10.0)), signal, dt=1.0).record
    factored = simulate(Chain(decoded, Synapse(10.0), b), signal, dt=1.0).record
    close(np.asarray(full), np.asarray(factored))


def test_spikes_are_the_same_but_for_rounding():
    a, b = populations(LIF())
    decoded = a.decode(square)
    full = simulate(FullConnection(decoded, b, Synapse(10.0)), X[0], dt=1.0, steps=300).record
    factored = simulate(Chain(decoded, Synapse(10.0), b), X[0], dt=1.0, steps=300).record
    spikes = np.asarray(factored).sum(axis=0) / 1000
    assert spikes.sum() > 1000
    assert np.abs(np.asarray(full).sum(axis=0) / 1000 - spikes).max() <= 1


def test_weights_have_the_rank_of_what_is_decoded():
    a, b = populations(LIF())
    assert np.linalg.matrix_rank(np.asarray(full_weights(a.decode(), b)), tol=1e-4) == 2


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda a, b: full_weights(a, b), "source must be a Decoded"),
        (lambda a, b: full_weights(a.decode(), b.decode()), "target must be an Ensemble"),
        (lambda a, b: FullConnection(a.decode(lambda x: x[..., 0]), b), "as many dimensions as source decodes, 1, but"),
        (lambda a, b: FullConnection(a.decode(), b, 5.0), "synapse must be a Synapse"),
        (lambda a, b: FullConnection(a.decode(), b)(jnp.ones(3)), r"x must have shape \(…, 2\)"),
        (lambda a, b: simulate(FullConnection(a.decode(), b), jnp.ones((4, 3)), dt=1.0), r"x must have shape \(…, 2\)"),
    ],
)
def test_bad_input_is_refused(make, message):
    with pytest.raises(InputError, match=message):
        make(*populations(LIF()))
