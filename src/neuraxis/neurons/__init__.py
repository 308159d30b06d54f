"""Neurons: dynamics of a membrane, from ion channels to networks of spiking neurons."""

from neuraxis.functions.integrators import exponential_euler as exponential_euler
from neuraxis.functions.integrators import rk4 as rk4
from neuraxis.neurons.connections import DenseConnections as DenseConnections
from neuraxis.neurons.connections import SparseConnections as SparseConnections
from neuraxis.neurons.connections import connect as connect
from neuraxis.neurons.connectivity import Projection as Projection
from neuraxis.neurons.connectivity import fixed_fan_out as fixed_fan_out
from neuraxis.neurons.connectivity import fixed_probability as fixed_probability
from neuraxis.neurons.connectivity import from_matrix as from_matrix
from neuraxis.neurons.hodgkin_huxley import HodgkinHuxley as HodgkinHuxley
from neuraxis.neurons.lif import LIF as LIF
from neuraxis.neurons.lif import LIFState as LIFState
from neuraxis.neurons.membrane_lif import MembraneLIF as MembraneLIF
from neuraxis.neurons.poisson import PoissonInput as PoissonInput
from neuraxis.neurons.spike_train import Spikes as Spikes
from neuraxis.neurons.spike_train import events as events
from neuraxis.neurons.spike_train import poisson_spike_train as poisson_spike_train
from neuraxis.neurons.spike_train import record_spikes as record_spikes
from neuraxis.neurons.spike_train import trains as trains
from neuraxis.neurons.spiking_network import SpikingNetwork as SpikingNetwork
from neuraxis.neurons.spiking_network import packed_events as packed_events
from neuraxis.neurons.spiking_network import record_packed as record_packed
from neuraxis.neurons.synapse import Synapse as Synapse
from neuraxis.neurons.synaptic_lif import ConductanceLIF as ConductanceLIF
from neuraxis.neurons.synaptic_lif import CurrentLIF as CurrentLIF
