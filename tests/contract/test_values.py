"""A new number in a field, an input or dt runs the program that is there: no public model is compiled anew for it."""

import logging

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.engine import ClosedLoop, Total, record_nothing, simulate
from neuraxis.layers import Augmentation, BatchNorm, Dropout
from neuraxis.neurons import LIF, ConductanceLIF, CurrentLIF, HodgkinHuxley, Synapse
from neuraxis.reinforcement import CartPole, Reinforce
from neuraxis.spiking import PoissonInput, Projection, SpikingNetwork, connect
from neuraxis.values import compiled
from tests.contract.cases import CASES, KEY, bits, call, simulated

apply_map = compiled(call)


def network(neuron):
    ends = np.array([[0, 1], [1, 2]]), np.array([[2], [0]])
    projections = (Projection(*pair, weight=0.5, receptor=receptor) for receptor, pair in enumerate(ends))
    return SpikingNetwork(neuron, connect(*projections, size=3), (PoissonInput(100.0, 0.1, KEY),))


def in_time(dt, x):
    return lambda model, scale: simulated(dt)(model, x * scale, KEY, dt=dt * scale)


def mapped(*shape):
    return lambda model, scale: apply_map(model, jnp.full(shape, 0.5 * scale), KEY)


def of_a_case(case):
    def use(model, scale):
        x = case.draw(case.shape)
        if case.draw is not bits:  # which no number may be multiplied with
            x = jnp.array((np.asarray(x) * scale).astype(x.dtype))
        return (apply_map if case.apply is call else case.apply)(model, x, KEY)

    return use


def played(learner, scale):
    return compiled_reward(learner, jnp.zeros((2, 4)))


@compiled
def compiled_reward(learner, start):
    return learner.total_reward(lambda state: state[..., :2], start, key=KEY)


# Each a model, and how to use it with inputs, and a dt, that are scaled by a number.
USES = {
    **{case.name: (case.make, of_a_case(case)) for case in CASES},
    "LIF under a held number": (LIF, in_time(1.0, 1.5)),
    "LIF in long steps": (lambda: LIF(tau_ref=0.1), in_time(1.0, 1.5)),
    "Total of HodgkinHuxley": (lambda: Total(HodgkinHuxley()), in_time(0.01, 10.0)),
    "SpikingNetwork of CurrentLIF": (lambda: network(CurrentLIF(tau_s=(5.0, 10.0))), in_time(0.1, jnp.ones(3))),
    "SpikingNetwork of ConductanceLIF": (lambda: network(ConductanceLIF()), in_time(0.1, jnp.ones(3))),
    "ClosedLoop": (lambda: ClosedLoop(Synapse(), 1.0, jnp.add), in_time(1.0, 0.5)),
    "Dropout in training": (lambda: Dropout(0.3), mapped(5)),
    "BatchNorm in training": (lambda: BatchNorm(3), mapped(4, 3)),
    "Augmentation in training": (lambda: Augmentation(shift=1, noise=0.1, alpha=2.0, flip=0.5), mapped(2, 6, 6, 1)),
    "equilibrium": (HodgkinHuxley, lambda model, scale: model.equilibrium(5.0 * scale)),
    "convolve": (Synapse, lambda model, scale: model.convolve(jnp.ones(8), 0.5 * scale)),
    "filter_spikes": (Synapse, lambda model, scale: model.filter_spikes(jnp.ones(2), jnp.arange(4.0))),
    "Reinforce": (lambda: Reinforce(CartPole(), (-10.0, 10.0), steps=5, dt=20.0), played),
    "final state only": (
        LIF,
        lambda model, scale: simulate(model, 1.5 * scale, dt=scale, steps=3, record=record_nothing, chunk=3),
    ),
}


@pytest.mark.parametrize("use", USES)
def test_new_numbers_compile_nothing(use, caplog):
    make, apply = USES[use]
    model = make()
    apply(model, 1.0)
    scale = 1.0 + 1 / 256
    other = jax.tree.map(lambda x: x * scale if isinstance(x, float) else x, model)
    with jax.log_compiles(), caplog.at_level(logging.WARNING):
        apply(other, scale)
    assert [r.getMessage()[:90] for r in caplog.records if r.getMessage().startswith("Compiling")] == []


def test_a_new_whole_number_compiles_and_is_counted(caplog):
    with jax.log_compiles(), caplog.at_level(logging.WARNING):
        simulate(Synapse(order=3), 1.0, dt=1.0, steps=2)
    assert any(r.getMessage().startswith("Compiling") for r in caplog.records)
