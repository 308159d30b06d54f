import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.neurons import LIF
from neuraxis.population import LogisticNeurons, RateModel, RateNeurons, ReLUNeurons

RATES, STARTS = np.array([210.0, 250.0, 390.0]), np.array([-1.0, 0.0, 0.9])


@pytest.mark.parametrize("neurons", [LIF(), ReLUNeurons(), LogisticNeurons(), RateNeurons(LIF(10.0, 1.0))])
def test_gain_and_bias_give_the_wanted_tuning_curve(neurons):
    assert isinstance(neurons, RateModel)
    gain, bias = neurons.gain_bias(RATES, STARTS)
    np.testing.assert_allclose(neurons.firing_rate(gain + bias), RATES, rtol=1e-5)
    at_start = 200 if isinstance(neurons, LogisticNeurons) else 0
    for offset, below in ((1e-3, False), (-1e-3, True)):
        rates = np.asarray(neurons.firing_rate(gain * (STARTS + offset) + bias))
        assert np.all(rates <= at_start) if below else np.all(rates > at_start)


def test_rates_are_those_of_the_formulas():
    drive = np.linspace(-3, 3, 13)
    np.testing.assert_allclose(ReLUNeurons().firing_rate(drive), np.maximum(drive, 0), rtol=1e-6)
    wanted = 500 / (1 + np.exp(-drive))
    np.testing.assert_allclose(LogisticNeurons(2.0).firing_rate(drive), wanted, rtol=1e-6)
    np.testing.assert_array_equal(RateNeurons(LIF()).firing_rate(drive), LIF().firing_rate(drive))


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LogisticNeurons(0.0), "tau_ref must be positive and finite, but is 0.0"),
        (lambda: LogisticNeurons().gain_bias(400.0, 0.0), "max_rates must stay below 1/tau_ref.*2.5 ms, but reach 400"),
        (lambda: ReLUNeurons().gain_bias(100.0, 1.0), "intercepts must stay below 1.*but reach 1"),
        (lambda: ReLUNeurons().gain_bias(-1.0, 0.0), "max_rates must be positive"),
        (lambda: ReLUNeurons().firing_rate(np.nan), "drive must be finite"),
        (lambda: RateNeurons(jnp.tanh), "neurons must have a rate function"),
        (lambda: RateNeurons(LIF), "neurons must be an object, but is the class LIF itself"),
    ],
)
def test_bad_input_is_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()
