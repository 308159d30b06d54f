import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.engine import record_output, simulate
from neuraxis.errors import InputError
from neuraxis.neurons.synaptic_lif import CurrentLIF
from neuraxis.spiking.connections import connect
from neuraxis.spiking.membrane import AdaptiveMembrane
from neuraxis.spiking.projection import Projection
from neuraxis.spiking.spiking_network import SpikingNetwork


class Izhikevich(eqx.Module):
    """Regular spiking: dv/dt = 0.04 v² + 5 v + 140 − u + I, du/dt = a (b v − u); at a spike u grows by d."""

    a: float = 0.02
    b: float = 0.2
    d: float = 8.0
    tau_s: tuple[float, ...] = (5.0,)
    tau_ref: float = 0.0
    v_threshold: float = 30.0
    v_reset: float = -65.0

    def init_adaptation(self, shape):
        return jnp.full(shape, self.b * self.v_reset)

    def advance(self, v, charge, drive, dt, u):
        current = drive + charge[..., 0, :] / self.tau_s[0]
        return v + dt * (0.04 * v**2 + 5 * v + 140 - u + current), u + dt * self.a * (self.b * v - u)

    def after_spike(self, u, fired):
        return u + self.d * fired


def by_hand(drive, weight, dt, steps):
    """Two such neurons, the first onto the second, in plain double precision."""
    v, u, charge, spikes = [-65.0, -65.0], [-13.0, -13.0], [0.0, 0.0], []
    for step in range(steps):
        for k in range(2):
            dv = 0.04 * v[k] ** 2 + 5 * v[k] + 140 - u[k] + drive[k] + charge[k] / 5.0
            v[k], u[k] = v[k] + dt * dv, u[k] + dt * 0.02 * (0.2 * v[k] - u[k])
            charge[k] *= np.exp(-dt / 5.0)
        for k in range(2):
            if v[k] >= 30:
                v[k], u[k] = -65.0, u[k] + 8
                spikes.append((step, k))
                charge[1] += weight * (k == 0)
    return spikes, np.array(v), np.array(u)


def test_neurons_of_ones_own_with_a_variable_of_their_own():
    with jax.enable_x64(True):
        network = SpikingNetwork(Izhikevich(), connect(Projection(np.array([0]), np.array([1]), weight=90.0), size=2))
        assert isinstance(network.neuron, AdaptiveMembrane)
        trace = simulate(network, jnp.array([10.0, 2.0]), dt=0.25, steps=1200, record=record_output)
        spikes, v, u = by_hand([10.0, 2.0], 90.0, 0.25, 1200)
        assert [tuple(x) for x in np.argwhere(trace.record)] == spikes
        assert {k for _, k in spikes} == {0, 1}
        np.testing.assert_allclose(trace.state.v, v, rtol=1e-9)
        np.testing.assert_allclose(trace.state.adaptation, u, rtol=1e-9)
        copies = simulate(network, jnp.array([10.0, 2.0]), dt=0.25, steps=1200, state=network.init_state((3, 2)))
        np.testing.assert_array_equal(copies.record[:, 1], trace.record)


class Quadratic(eqx.Module):
    """A membrane without variables of its own: τ_m dv/dt = v² + drive + s."""

    tau_s: tuple[float, ...] = (5.0,)
    tau_ref: float = 1.0
    v_threshold: float = 10.0
    v_reset: float = -10.0

    def advance(self, v, charge, drive, dt):
        return v + dt * (v**2 + drive + charge[..., 0, :] / self.tau_s[0]) / 10.0


def test_neurons_of_ones_own_without_variables():
    network = SpikingNetwork(Quadratic(), connect(size=1))
    spikes = np.flatnonzero(simulate(network, jnp.array([1.0]), dt=0.01, steps=20_000).record)
    # From −10 to 10 in τ_m (arctan 10 − arctan −10) at a drive of 1, then the refractory period.
    period = 10 * 2 * np.arctan(10) + 1.0
    np.testing.assert_allclose(np.diff(spikes) * 0.01, period, rtol=0.02)


@pytest.mark.usefixtures("as_user")
def test_what_is_no_membrane_is_refused():
    class Half(eqx.Module):
        tau_s: tuple[float, ...] = (5.0,)

    with pytest.raises(InputError, match=r"with tau_s, tau_ref, v_threshold, v_reset and advance, not .*Half"):
        SpikingNetwork(Half(), connect(size=1))
    with pytest.raises(InputError, match="must be like CurrentLIF"):
        SpikingNetwork(None, connect(size=1))
    assert not isinstance(CurrentLIF(), AdaptiveMembrane)
