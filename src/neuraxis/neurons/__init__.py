"""Single neurons and synapses: membranes from ion channels to integrate-and-fire, and the spike trains they emit."""

from neuraxis.described import describe as _describe
from neuraxis.functions.integrators import exponential_euler as exponential_euler
from neuraxis.functions.integrators import rk4 as rk4
from neuraxis.neurons.discrete_lif import DiscreteLIF as DiscreteLIF
from neuraxis.neurons.discrete_lif import LeakyIntegrator as LeakyIntegrator
from neuraxis.neurons.discrete_lif import reset_by_subtraction as reset_by_subtraction
from neuraxis.neurons.discrete_lif import reset_to_zero as reset_to_zero
from neuraxis.neurons.hodgkin_huxley import HodgkinHuxley as HodgkinHuxley
from neuraxis.neurons.lif import LIF as LIF
from neuraxis.neurons.lif import LIFState as LIFState
from neuraxis.neurons.membrane_lif import MembraneLIF as MembraneLIF
from neuraxis.neurons.poisson_spike_train import poisson_spike_train as poisson_spike_train
from neuraxis.neurons.spike_train import trains as trains
from neuraxis.neurons.spikes import Spikes as Spikes
from neuraxis.neurons.spikes import binned as binned
from neuraxis.neurons.spikes import events as events
from neuraxis.neurons.spikes import record_spikes as record_spikes
from neuraxis.neurons.synapse import Synapse as Synapse
from neuraxis.neurons.synaptic_lif import ConductanceLIF as ConductanceLIF
from neuraxis.neurons.synaptic_lif import CurrentLIF as CurrentLIF

_describe(globals())
