"""Population coding: vectors represented by populations of neurons, and their decoding."""

from neuraxis.described import describe as _describe
from neuraxis.population.decoded import Decoded as Decoded
from neuraxis.population.ensemble import Ensemble as Ensemble
from neuraxis.population.full_connection import FullConnection as FullConnection
from neuraxis.population.full_connection import full_weights as full_weights
from neuraxis.population.least_squares import solve_decoders as solve_decoders
from neuraxis.population.pes import PES as PES
from neuraxis.population.pes import OnlinePES as OnlinePES
from neuraxis.population.rate_network import RateNetwork as RateNetwork
from neuraxis.population.rate_network import RateState as RateState
from neuraxis.population.rate_neurons import LogisticNeurons as LogisticNeurons
from neuraxis.population.rate_neurons import RateModel as RateModel
from neuraxis.population.rate_neurons import RateNeurons as RateNeurons
from neuraxis.population.rate_neurons import ReLUNeurons as ReLUNeurons
from neuraxis.population.recurrent_population import PopulationState as PopulationState
from neuraxis.population.recurrent_population import RecurrentPopulation as RecurrentPopulation

_describe(globals())
