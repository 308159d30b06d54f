"""Networks of spiking neurons: simulation, spike codes, classifiers trained by surrogate gradients, exchange in NIR."""

from neuraxis.described import describe as _describe
from neuraxis.spiking.connections import DenseConnections as DenseConnections
from neuraxis.spiking.connections import SparseConnections as SparseConnections
from neuraxis.spiking.connections import connect as connect
from neuraxis.spiking.connectivity import fixed_fan_out as fixed_fan_out
from neuraxis.spiking.connectivity import fixed_probability as fixed_probability
from neuraxis.spiking.connectivity import from_matrix as from_matrix
from neuraxis.spiking.external import ExternalInput as ExternalInput
from neuraxis.spiking.external import SpikeInput as SpikeInput
from neuraxis.spiking.membrane import AdaptiveMembrane as AdaptiveMembrane
from neuraxis.spiking.nir import from_nir as from_nir
from neuraxis.spiking.nir import to_nir as to_nir
from neuraxis.spiking.poisson import PoissonInput as PoissonInput
from neuraxis.spiking.projection import Projection as Projection
from neuraxis.spiking.readout import max_potential as max_potential
from neuraxis.spiking.readout import mean_potential as mean_potential
from neuraxis.spiking.readout import spike_count as spike_count
from neuraxis.spiking.spike_coding import latency_code as latency_code
from neuraxis.spiking.spike_coding import rate_code as rate_code
from neuraxis.spiking.spiking_classifier import SpikingClassifier as SpikingClassifier
from neuraxis.spiking.spiking_network import SpikingNetwork as SpikingNetwork
from neuraxis.spiking.spiking_network import packed_events as packed_events
from neuraxis.spiking.spiking_network import record_packed as record_packed

_describe(globals())
