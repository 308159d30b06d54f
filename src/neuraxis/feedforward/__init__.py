"""Maps without memory."""

from neuraxis.feedforward.cnn import CNN as CNN
from neuraxis.feedforward.discrete_lif import DiscreteLIF as DiscreteLIF
from neuraxis.feedforward.discrete_lif import LeakyIntegrator as LeakyIntegrator
from neuraxis.feedforward.discrete_lif import reset_by_subtraction as reset_by_subtraction
from neuraxis.feedforward.discrete_lif import reset_to_zero as reset_to_zero
from neuraxis.feedforward.mlp import MLP as MLP
from neuraxis.feedforward.nir import from_nir as from_nir
from neuraxis.feedforward.nir import to_nir as to_nir
from neuraxis.feedforward.readout import max_potential as max_potential
from neuraxis.feedforward.readout import mean_potential as mean_potential
from neuraxis.feedforward.readout import spike_count as spike_count
from neuraxis.feedforward.spike_coding import latency_code as latency_code
from neuraxis.feedforward.spike_coding import rate_code as rate_code
from neuraxis.feedforward.spiking_classifier import SpikingClassifier as SpikingClassifier
from neuraxis.feedforward.universal_approximation import approximate as approximate
