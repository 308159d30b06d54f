"""The public models, as what every one of them must do is tested on: how each is made, applied and fed.

A case says how to make the model, how to apply it (a simulation for a dynamics), and what one input looks like; all
take any number of leading axes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from neuraxis.energy import (
    RBM,
    ContinuousHopfield,
    Ends,
    ErrorRelaxation,
    GibbsChain,
    Hopfield,
    Inference,
    ModernHopfield,
    PredictiveCoding,
)
from neuraxis.engine import Chain, Total, simulate
from neuraxis.feedforward import CNN, MLP
from neuraxis.feedforward.step_network import step_network
from neuraxis.functions import softplus, tanh
from neuraxis.functions.borders import circular
from neuraxis.generative import (
    Autoencoder,
    Diffusion,
    GaussianDenoiser,
    Sampler,
    TiedAutoencoder,
    TimedMLP,
    UNet,
    cosine,
    ddim,
    dense_gan,
    dense_vae,
)
from neuraxis.kinds import Dynamics, Energy, Map, MeasuringMap
from neuraxis.language import (
    CrossDecoder,
    Decoding,
    Encoder,
    EncoderDecoder,
    Memory,
    SkipGram,
    TargetDecoding,
    modern_transformer,
)
from neuraxis.layers import (
    BatchNorm,
    Convolution,
    Dropout,
    Embedding,
    FeedForward,
    Flatten,
    GlobalMaxPool,
    GlobalMeanPool,
    GroupNorm,
    LayerNorm,
    Linear,
    MaxPool,
    MeanPool,
    MultiHeadAttention,
    Residual,
    RMSNorm,
    RotaryPositions,
    Sequential,
    SinusoidalPositions,
    SpectralNorm,
    TransposedConvolution,
    Unflatten,
    Upsampling,
)
from neuraxis.neurons import (
    LIF,
    ConductanceLIF,
    CurrentLIF,
    DiscreteLIF,
    HodgkinHuxley,
    LeakyIntegrator,
    MembraneLIF,
    Synapse,
    rk4,
)
from neuraxis.population import (
    Ensemble,
    FullConnection,
    LogisticNeurons,
    OnlinePES,
    RateNetwork,
    RateNeurons,
    RecurrentPopulation,
    ReLUNeurons,
)
from neuraxis.recurrent import GRU, LMU, RNN, LegendreMemory, MinGRU, ResetAfterGRU
from neuraxis.reinforcement import CartPole
from neuraxis.robust import TwoLogits
from neuraxis.spiking import Projection, SpikingClassifier, SpikingNetwork, connect, mean_potential

KEY = jax.random.key(0)


def patterns():
    return jnp.sign(jax.random.normal(KEY, (3, 12)))


def network():
    return Hopfield.store(patterns())


def energy(model, x, key):
    return model.energy(x)


def rbm():
    weight = jnp.arange(-4.0, 4.0).reshape(4, 2)
    return RBM(weight, jnp.array([-0.5, 0.0, 0.5, 1.0]), jnp.ones(2), temperature=jnp.array(1.5))


def of_units(model, x, key):
    """The energy of visible and hidden units, and the free energy of the visible ones."""
    return model.energy(x[..., :4], x[..., 4:]), model.free_energy(x[..., :4])


def predictive_coding(tied=True):
    return PredictiveCoding((3, 4, 5), key=KEY, activation=tanh, tied=tied, tau=jnp.asarray(10.0))


def of_layers(model, x, key):
    """The energy of all values, from the bottom to the top."""
    return model.energy((x[..., :3], x[..., 3:7], x[..., 7:]))


def between_ends(model, x, key):
    """All nodes in time, under clamps of both ends, with time last."""
    ends = Ends(x[..., :3], x[..., 3:])
    trace = simulate(model, ends, dt=1.0, steps=12, record=state_and_output)
    return jax.tree.map(lambda leaf: jnp.moveaxis(leaf, 0, -1), trace.record)


def clamped_chain():
    """With two units clamped whose weights settle the hidden ones, so that chance decides nothing that is seen."""
    machine = RBM(jnp.array([[90.0, -90.0], [-90.0, 90.0], [0.3, 0.2]]), jnp.ones(3), jnp.array([-50.0, 50.0]))
    return GibbsChain(machine, jnp.array([True, True, False]))


def chain_in_time(model, x, key):
    """The probabilities with which units are drawn, with time last."""
    trace = simulate(model, state=x, steps=3, key=key)
    return jnp.moveaxis(trace.record, 0, -1)


def call(model, x, key):
    return model(x, key=key)


def without_noise(model, x, key):
    return model(x)


def state_and_output(state, output):
    return state, output


def simulated(dt):
    def apply(model, x, key, dt=dt):
        """Hold x as input for some steps; give all floating-point states and outputs, with time last."""
        trace = simulate(model, x, dt=dt, steps=12, record=state_and_output)
        return jax.tree.map(lambda leaf: jnp.moveaxis(leaf, 0, -1), trace.record)

    return apply


def potentials_and_spikes(model, x, key, dt=0.1):
    """As `simulated`, of a network, whose clock is one for all copies."""
    trace = simulate(model, x, dt=dt, steps=12, record=lambda state, spikes: (state.v, spikes))
    return jax.tree.map(lambda leaf: jnp.moveaxis(leaf, 0, -1), trace.record)


def spiking_network(neuron):
    projections = (Projection([0, 1, 2, 3], [1, 2, 3, 0], weight=0.5, receptor=receptor) for receptor in range(2))
    return SpikingNetwork(neuron, connect(*projections, size=4))


def decoded_ensemble(neurons):
    return Ensemble(5, 2, neurons, key=KEY).decode(lambda x: x[..., 0] * x[..., 1])


def turning(y, u):
    """Turn at a speed that is set from outside [1/ms]."""
    return 0.01 * u * jnp.stack([-y[..., 1], y[..., 0]], -1)


def with_error(model, x, key):
    """Learn from an error that is one of the inputs; give the decoders and outputs, with time last."""
    trace = simulate(model, (x, x[..., :1]), dt=1.0, steps=5)
    return trace.state.decoders, jnp.moveaxis(trace.record, 0, -1)


def language_model():
    return modern_transformer(7, size=4, layers=1, heads=2, context=8, key=KEY)


def decoded(model, x, key):
    """The logits of a text of the same token over and over."""
    return jnp.moveaxis(simulate(model, x, steps=4).record, 0, -1)


def encoder_decoder():
    return EncoderDecoder(7, 7, size=4, layers=1, heads=2, hidden_size=6, key=KEY)


def halves(model, x, key):
    """Take the first half of the tokens for the source, and the rest for the target."""
    return model((x[..., :3], x[..., 3:]))


def with_memory(model, x, key):
    """Decode the first half of the places, with the rest as the memory."""
    return model(x[..., :3, :], Memory(x[..., 3:, :], jnp.ones(3, bool)))


def of_another_source(model, x, key):
    """Read x, and take in three tokens; give the logits, with time last."""
    decoding = TargetDecoding(model.model, x, length=3)
    trace = simulate(decoding, jnp.ones(x.shape[:-1], int), steps=3)
    return jnp.moveaxis(trace.record, 0, -1)


def diffused(model, x, key):
    """Sample one example of each label, from the mean of the noise; give the last with its estimates."""
    trace = simulate(model, x, steps=3, key=key)
    return trace.state.x, jnp.moveaxis(trace.record, 0, -1)


def at_half_time(model, x, key):
    return model(x, 0.5)


# Inputs are drawn by NumPy, where JAX would compile a program for each shape.
def drawing(draw):
    """Return a function of a shape that draws the same values each time."""
    return lambda shape: jnp.array(draw(np.random.default_rng(0), shape))


normal = drawing(lambda rng, shape: rng.standard_normal(shape, np.float32))
uniform = drawing(lambda rng, shape: rng.random(shape, np.float32))
positive = drawing(lambda rng, shape: 12 * rng.random(shape, np.float32))
signs = drawing(lambda rng, shape: rng.choice(np.array([-1, 1], np.float32), shape))
bits = drawing(lambda rng, shape: rng.integers(0, 2, shape).astype(np.float32))
tokens = drawing(lambda rng, shape: rng.integers(0, 7, shape, np.int32))


@dataclass(frozen=True)
class Case:
    name: str
    kind: type
    make: Callable[[], Any]
    apply: Callable  # model, x, key -> arrays with the leading axes of x
    shape: tuple[int, ...]  # of one input
    draw: Callable = normal  # a shape -> array


CASES = [
    Case("Linear", Map, lambda: Linear(5, 3, key=KEY), call, (5,)),
    Case("Linear without bias", Map, lambda: Linear(5, 3, key=KEY, bias=False), call, (5,)),
    Case("LayerNorm", Map, lambda: LayerNorm(5), call, (5,)),
    Case("RMSNorm", Map, lambda: RMSNorm(5), call, (5,)),
    Case("GroupNorm", Map, lambda: GroupNorm(2, 4), call, (3, 3, 4)),
    Case("SpectralNorm", MeasuringMap, lambda: SpectralNorm(Linear(5, 3, key=KEY)), call, (5,)),
    Case("Embedding", Map, lambda: Embedding(7, 3, key=KEY), call, (4,), tokens),
    # In training these two mix the examples of a batch, or draw noise of its shape.
    Case("BatchNorm in inference", Map, lambda: BatchNorm(5, inference=True), call, (5,)),
    Case(
        "Sequential with Dropout in inference",
        MeasuringMap,
        lambda: Sequential(
            [Linear(5, 8, key=KEY), BatchNorm(8, inference=True), tanh, Dropout(0.5, True), Linear(8, 3, key=KEY)]
        ),
        call,
        (5,),
    ),
    Case("Residual", MeasuringMap, lambda: Residual(Linear(5, 5, key=KEY)), call, (5,)),
    Case("FeedForward", Map, lambda: FeedForward(5, 8, key=KEY), call, (5,)),
    Case("MultiHeadAttention", Map, lambda: MultiHeadAttention(6, 3, key=KEY), call, (4, 6)),
    Case("SinusoidalPositions", Map, lambda: SinusoidalPositions(jnp.asarray(1e4)), call, (4, 5)),
    Case("RotaryPositions", Map, lambda: RotaryPositions(jnp.asarray(1e4)), call, (4, 6)),
    Case("LanguageModel", Map, language_model, call, (4,), tokens),
    Case("Decoding", Dynamics, lambda: Decoding(language_model()), decoded, (), tokens),
    Case("MLP", Map, lambda: MLP((5, 8, 3), key=KEY), call, (5,)),
    Case("TwoLogits", Map, lambda: TwoLogits(MLP((5, 4, 1), key=KEY)), call, (5,)),
    Case("Autoencoder", Map, lambda: Autoencoder((5, 4, 2), key=KEY), call, (5,)),
    Case("TiedAutoencoder", Map, lambda: TiedAutoencoder((5, 4, 2), key=KEY), call, (5,)),
    Case("linear TiedAutoencoder", Map, lambda: TiedAutoencoder((5, 2), key=KEY), call, (5,)),
    Case("VAE", Map, lambda: dense_vae((5, 4, 2), key=KEY), without_noise, (5,)),
    Case("TimedMLP", Map, lambda: TimedMLP(5, (4,), key=KEY, classes=3), at_half_time, (5,)),
    Case("UNet", Map, lambda: UNet(1, 4, (1,), key=KEY, heads=2, groups=2), at_half_time, (5, 4, 1)),
    Case(
        "GaussianDenoiser",
        Map,
        lambda: GaussianDenoiser(jnp.ones(2), jnp.array([[1.0, 0.5], [0.5, 1.0]]), Diffusion(cosine(4))),
        at_half_time,
        (2,),
    ),
    Case(
        "Sampler by DDIM",
        Dynamics,
        lambda: Sampler(TimedMLP(2, (4,), key=KEY, classes=7), Diffusion(cosine(4)), ddim, shape=(2,), guidance=1.5),
        diffused,
        (),
        tokens,
    ),
    Case("GAN", Map, lambda: dense_gan(5, (4,), 3, key=KEY), call, (3,)),
    Case("Convolution", Map, lambda: Convolution(2, 3, 3, key=KEY, padding="same"), call, (5, 6, 2)),
    Case("strided Convolution", Map, lambda: Convolution(2, 3, 3, key=KEY, stride=2), call, (5, 6, 2)),
    Case("TransposedConvolution", Map, lambda: TransposedConvolution(2, 3, 3, key=KEY, stride=2), call, (3, 4, 2)),
    Case("Upsampling", Map, lambda: Upsampling(2, 3, key=KEY), call, (3, 4, 2)),
    Case(
        "Sequential of Convolution in groups and pooling",
        MeasuringMap,
        lambda: Sequential(
            [
                Convolution(2, 4, 3, key=KEY, padding="same", groups=2, bias=False, border=circular),
                MaxPool(2),
                MeanPool((1, 2)),
                Flatten(axes=3),
            ]
        ),
        call,
        (5, 8, 2),
    ),
    Case("Encoder", Map, lambda: Encoder(4, layers=1, heads=2, hidden_size=6, key=KEY), call, (5, 4)),
    Case("CrossDecoder", Map, lambda: CrossDecoder(4, layers=1, heads=2, hidden_size=6, key=KEY), with_memory, (6, 4)),
    Case("EncoderDecoder", Map, encoder_decoder, halves, (6,), tokens),
    Case(
        "TargetDecoding",
        Dynamics,
        lambda: TargetDecoding(encoder_decoder(), jnp.zeros(3, int), length=3),
        of_another_source,
        (3,),
        tokens,
    ),
    Case("Unflatten", Map, lambda: Unflatten((3, 2)), call, (6,)),
    Case("GlobalMeanPool", Map, lambda: GlobalMeanPool(axes=2), call, (3, 4, 2)),
    Case("GlobalMaxPool", Map, lambda: GlobalMaxPool(axes=2), call, (3, 4, 2)),
    Case("CNN", Map, lambda: CNN((8, 8, 1), (3, 4), (5,), 3, key=KEY), call, (8, 8, 1)),
    Case("step network", Map, lambda: step_network(jnp.arange(9.0).reshape(3, 3)), call, (2,), uniform),
    Case("RNN", Map, lambda: RNN(5, 4, key=KEY), call, (6, 5)),
    Case("GRU", Map, lambda: GRU(5, 4, key=KEY), call, (6, 5)),
    Case("GRU in time", Dynamics, lambda: GRU(5, 4, key=KEY), simulated(1.0), (5,)),
    Case("ResetAfterGRU", Map, lambda: ResetAfterGRU(5, 4, key=KEY), call, (6, 5)),
    Case("CartPole", Dynamics, lambda: CartPole(jnp.asarray(1.0)), simulated(20.0), ()),
    Case("MinGRU", Map, lambda: MinGRU(5, 4, key=KEY), call, (7, 5)),
    Case("MinGRU in time", Dynamics, lambda: MinGRU(5, 4, key=KEY), simulated(None), (5,)),
    Case("LMU", Map, lambda: LMU(5, 4, order=3, theta=6, key=KEY, channels=2), call, (7, 5)),
    Case("LMU in time", Dynamics, lambda: LMU(5, 4, order=3, theta=6, key=KEY), simulated(None), (5,)),
    Case("LegendreMemory", Map, lambda: LegendreMemory(3, 6), call, (7, 2)),
    Case("LIF", Dynamics, lambda: LIF(jnp.asarray(15.0)), simulated(1.0), (4,), positive),
    Case("LIF of numbers", Dynamics, LIF, simulated(1.0), (4,), positive),
    Case("LIF of arrays", Dynamics, lambda: LIF(jnp.linspace(5.0, 20.0, 4)), simulated(1.0), (4,), positive),
    Case(
        "MembraneLIF",
        Dynamics,
        lambda: MembraneLIF(LIF(jnp.asarray(15.0))),
        simulated(1.0),
        (4,),
        positive,
    ),
    Case(
        "HodgkinHuxley",
        Dynamics,
        lambda: HodgkinHuxley(jnp.asarray(120.0)),
        simulated(0.02),
        (4,),
        positive,
    ),
    Case(
        "HodgkinHuxley by RK4",
        Dynamics,
        lambda: HodgkinHuxley(jnp.asarray(120.0), integrator=rk4),
        simulated(0.02),
        (4,),
        positive,
    ),
    Case(
        "Chain",
        Dynamics,
        lambda: Chain(Linear(5, 4, key=KEY), softplus, Synapse(10.0), Linear(4, 3, key=KEY), DiscreteLIF()),
        simulated(1.0),
        (5,),
    ),
    Case("Total", Dynamics, lambda: Total(Synapse(jnp.asarray(10.0))), simulated(1.0), (4,)),
    Case("Synapse", Dynamics, lambda: Synapse(jnp.asarray(10.0), 2), simulated(1.0), (4,)),
    Case("DiscreteLIF", Dynamics, lambda: DiscreteLIF(jnp.asarray(15.0)), simulated(1.0), (4,), positive),
    Case("LeakyIntegrator", Dynamics, lambda: LeakyIntegrator(jnp.asarray(15.0)), simulated(1.0), (4,)),
    Case(
        "SpikingClassifier",
        Map,
        lambda: SpikingClassifier((5, 12, 3), key=KEY, steps=12, readout=mean_potential),
        call,
        (5,),
        uniform,
    ),
    Case(
        "SpikingNetwork of CurrentLIF",
        Dynamics,
        lambda: spiking_network(CurrentLIF(tau_m=jnp.asarray(20.0), tau_s=(5.0, 10.0))),
        potentials_and_spikes,
        (4,),
        positive,
    ),
    Case(
        "SpikingNetwork of ConductanceLIF",
        Dynamics,
        lambda: spiking_network(ConductanceLIF()),
        potentials_and_spikes,
        (4,),
        positive,
    ),
    Case("Ensemble", Dynamics, lambda: Ensemble(5, 2, radius=jnp.asarray(2.0), key=KEY), simulated(1.0), (2,)),
    Case("Decoded", Map, lambda: decoded_ensemble(ReLUNeurons()), call, (2,)),
    Case("Decoded in time", Dynamics, lambda: decoded_ensemble(RateNeurons(LogisticNeurons())), simulated(1.0), (2,)),
    Case(
        "RateNetwork",
        Dynamics,
        lambda: RateNetwork(jnp.arange(-4.5, 4.5).reshape(3, 3) / 9, jnp.ones(3), tau_s=jnp.asarray(10.0)),
        simulated(1.0),
        (3,),
    ),
    Case(
        "RecurrentPopulation of rates",
        Dynamics,
        lambda: RecurrentPopulation(Ensemble(20, 3, RateNeurons(LIF()), key=KEY), turning, 20.0, controls=1),
        simulated(1.0),
        (1,),
    ),
    Case("FullConnection", Map, lambda: FullConnection(decoded_ensemble(LIF()), Ensemble(4, 1, key=KEY)), call, (2,)),
    Case("OnlinePES", Dynamics, lambda: OnlinePES(decoded_ensemble(RateNeurons(LIF()))), with_error, (2,)),
    Case("SkipGram", Map, lambda: SkipGram(7, 3, key=KEY), call, (4,), tokens),
    Case("Hopfield", Energy, network, energy, (12,), signs),
    Case("RBM", Energy, rbm, of_units, (6,), bits),
    Case("GibbsChain", Dynamics, clamped_chain, chain_in_time, (3,), bits),
    Case("PredictiveCoding", Map, predictive_coding, call, (5,)),
    Case("PredictiveCoding as an energy", Energy, predictive_coding, of_layers, (12,)),
    Case("PredictiveCoding in time", Dynamics, lambda: predictive_coding(tied=False), between_ends, (8,)),
    Case("Inference", Map, lambda: Inference(predictive_coding(), ErrorRelaxation(3, 0.1)), call, (3,)),
    Case("ModernHopfield", Energy, lambda: ModernHopfield(patterns(), 2.0), energy, (12,)),
    Case("ContinuousHopfield", Energy, lambda: ContinuousHopfield(network()), energy, (12,)),
    Case(
        "ContinuousHopfield in time",
        Dynamics,
        lambda: ContinuousHopfield(network(), tau_x=jnp.asarray(10.0)),
        simulated(1.0),
        (12,),
    ),
]

# Networks of parts that are cases themselves, and one that differs from another case in its integrator alone. They take
# 40 % of the time to compile, so they are slow tests.
COMPOSED = {
    "CNN",
    "CrossDecoder",
    "Decoding",
    "Encoder",
    "EncoderDecoder",
    "HodgkinHuxley by RK4",
    "LanguageModel",
    "Sampler by DDIM",
    "SpikingClassifier",
    "TargetDecoding",
    "TwoLogits",
    "UNet",
}
assert {case.name for case in CASES} >= COMPOSED
