"""Neurons: dynamics of a membrane, from ion channels to integrate-and-fire."""

from neuraxis.functions.integrators import exponential_euler as exponential_euler
from neuraxis.functions.integrators import rk4 as rk4
from neuraxis.neurons.hodgkin_huxley import HodgkinHuxley as HodgkinHuxley
from neuraxis.neurons.lif import LIF as LIF
from neuraxis.neurons.lif import LIFState as LIFState
from neuraxis.neurons.membrane_lif import MembraneLIF as MembraneLIF
from neuraxis.neurons.spike_train import Spikes as Spikes
from neuraxis.neurons.spike_train import record_spikes as record_spikes
from neuraxis.neurons.synapse import Synapse as Synapse
