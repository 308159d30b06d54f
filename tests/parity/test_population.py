import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.engine import Chain, simulate
from neuraxis.neurons import LIF, Synapse
from neuraxis.population import PES, Decoded, Ensemble, LogisticNeurons, ReLUNeurons, solve_decoders

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # Nengo still asks for numpy.core
    import nengo
    from nengo.builder.learning_rules import SimPES
    from nengo.builder.signal import Signal, SignalDict

KEY = jax.random.key(0)


def square(x):
    return x**2


def product(x):
    return x[..., :1] * x[..., 1:2]


# Nengo's defaults would clip potentials at 0 and start them anywhere; we do neither.
SPIKING = nengo.LIF(min_voltage=-np.inf, initial_state={"voltage": nengo.dists.Choice([0])})


LIF_NEURONS = LIF()


class Pair:
    """The same ensemble in both programs, with the parameters that Nengo drew."""

    def __init__(self, size=200, dimensions=2, radius=1.5, theirs=SPIKING, ours=LIF_NEURONS, function=square):
        with nengo.Network(seed=1) as network:
            self.stimulus = nengo.Node(np.zeros(dimensions))
            self.ensemble = nengo.Ensemble(size, dimensions, radius=radius, neuron_type=theirs)
            out = np.size(function(np.zeros(dimensions)))
            self.output = nengo.Node(size_in=out)
            nengo.Connection(self.stimulus, self.ensemble, synapse=None)
            self.decoding = nengo.Connection(self.ensemble, self.output, function=function, synapse=0.02)
            self.probe, self.spikes = nengo.Probe(self.output), nengo.Probe(self.ensemble.neurons)
        self.network = network
        with nengo.Simulator(network, progress_bar=False) as simulator:
            self.built, self.weights = simulator.data[self.ensemble], simulator.data[self.decoding].weights
        self.ours = Ensemble(
            size,
            dimensions,
            ours,
            max_rates=self.built.max_rates,
            intercepts=self.built.intercepts,
            encoders=self.built.encoders,
            radius=radius,
            key=KEY,
        )

    def run(self, x, seconds):
        self.stimulus.output = x
        with nengo.Simulator(self.network, progress_bar=False) as simulator:
            simulator.run(seconds, progress_bar=False)
            return simulator.data[self.probe], simulator.data[self.spikes] / 1000


MODELS = [
    (SPIKING, LIF()),
    (nengo.LIFRate(tau_rc=0.03, tau_ref=0.001), LIF(30.0, 1.0)),
    (nengo.RectifiedLinear(), ReLUNeurons()),
    (nengo.Sigmoid(), LogisticNeurons()),
]


@pytest.mark.parametrize(("theirs", "ours"), MODELS)
def test_gains_biases_and_rates_equal_nengos(theirs, ours):
    pair = Pair(theirs=theirs, ours=ours)
    points = pair.built.eval_points
    with jax.enable_x64(True):
        double = Pair(theirs=theirs, ours=ours).ours
        exact = double.rates(points)
    for name in ("gain", "bias"):
        wanted = getattr(pair.built, name)
        np.testing.assert_allclose(getattr(double, name), wanted, rtol=1e-9, atol=1e-9 * np.abs(wanted).max())
        # In single precision as far as rates just below the highest one can be told apart there.
        np.testing.assert_allclose(getattr(pair.ours, name), wanted, rtol=1e-4, atol=1e-6 * np.abs(wanted).max())
    wanted = nengo.builder.ensemble.get_activities(pair.built, pair.ensemble, points)
    np.testing.assert_allclose(exact, wanted, rtol=1e-9, atol=1e-9 * wanted.max())
    np.testing.assert_allclose(pair.ours.rates(points), wanted, rtol=1e-4, atol=1e-5 * wanted.max())


@pytest.mark.parametrize(("theirs", "ours"), MODELS)
@pytest.mark.parametrize("function", [square, product])
@pytest.mark.parametrize("double", [False, True])
def test_decoders_equal_nengos(theirs, ours, function, double):
    with jax.enable_x64(double):
        pair = Pair(theirs=theirs, ours=ours, function=function)
        found = np.asarray(pair.ours.decode(function, points=pair.built.eval_points).decoders).T
    error = np.linalg.norm(found - pair.weights) / np.linalg.norm(pair.weights)
    assert error < (1e-10 if double else 1e-5)
    np.testing.assert_allclose(found, pair.weights, rtol=1e-5, atol=1e-5 * np.abs(pair.weights).max())


@pytest.mark.parametrize("shape", [(500, 80), (60, 100)])
@pytest.mark.parametrize("noise", [0.05, 0.1, 0.5])
def test_least_squares_equals_lstsq_l2(shape, noise):
    rng = np.random.default_rng(0)
    H, targets = rng.uniform(0, 300, shape), rng.normal(size=(shape[0], 3))
    wanted, _ = nengo.solvers.LstsqL2(reg=noise)(H, targets)
    found = solve_decoders(H.astype(np.float32), targets.astype(np.float32), noise)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5 * np.abs(wanted).max())


def test_spiking_runs_equal_nengos_statistically():
    pair = Pair(function=product)
    x = np.array([0.9, -0.6])
    theirs, spikes = pair.run(x, 2.0)
    decoded = Decoded(pair.ours, jnp.asarray(pair.weights.T, jnp.float32))
    ours = np.asarray(simulate(Chain(decoded, Synapse(20.0)), jnp.asarray(x, jnp.float32), dt=1.0, steps=2000).record)
    theirs, ours = theirs[500:, 0], ours[500:, 0]
    count = np.asarray(simulate(pair.ours, jnp.asarray(x, jnp.float32), dt=1.0, steps=2000).record).sum(axis=0) / 1000
    assert np.abs(count - spikes.sum(axis=0)).max() <= 1
    assert spikes.sum() > 10_000
    assert abs(ours.mean() - theirs.mean()) < 2e-3
    assert abs(ours.std() / theirs.std() - 1) < 0.2
    rms = lambda y: np.sqrt(np.mean((y - x.prod()) ** 2))
    assert abs(rms(ours) / rms(theirs) - 1) < 0.1


def test_a_step_of_pes_equals_nengos():
    rng = np.random.default_rng(0)
    ensemble = Ensemble(30, 2, key=KEY)
    x = np.array([[0.3, -0.5]], np.float32)
    activities = np.asarray(ensemble.rates(x), float)[0]
    start, target = rng.normal(size=(30, 2)).astype(np.float32) * 1e-4, np.array([[0.2, 0.7]], np.float32)
    error = activities @ start.astype(float) - target[0]
    signals = SignalDict()
    pre, given, delta = (
        Signal(value, name=name)
        for name, value in (("pre", activities), ("error", error), ("delta", np.zeros((2, 30))))
    )
    for signal in (pre, given, delta):
        signals.init(signal)
    kappa, dt = 1e-2, 1e-3  # theirs is a rate in time, ours a step
    SimPES(pre, given, delta, kappa).make_step(signals, dt, rng)()
    moved, _, _ = PES(kappa * dt).step(Decoded(ensemble, start), (), (x, target), key=KEY)
    np.testing.assert_allclose(
        moved.decoders - start, signals[delta].T, rtol=1e-3, atol=1e-5 * np.abs(signals[delta]).max()
    )
    np.testing.assert_allclose(moved.decoders, start + signals[delta].T, rtol=1e-5)
