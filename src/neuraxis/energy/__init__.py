"""Energy-based models: states settle in minima of the energy, or are sampled."""

from neuraxis.described import describe as _describe
from neuraxis.energy.annealed_importance_sampling import Annealed as Annealed
from neuraxis.energy.annealed_importance_sampling import annealed_importance_sampling as annealed_importance_sampling
from neuraxis.energy.annealed_importance_sampling import (
    reverse_annealed_importance_sampling as reverse_annealed_importance_sampling,
)
from neuraxis.energy.clamped import Clamped as Clamped
from neuraxis.energy.continuous_hopfield import ContinuousHopfield as ContinuousHopfield
from neuraxis.energy.contrastive_divergence import contrastive_divergence as contrastive_divergence
from neuraxis.energy.contrastive_divergence import (
    persistent_contrastive_divergence as persistent_contrastive_divergence,
)
from neuraxis.energy.gibbs_chain import GibbsChain as GibbsChain
from neuraxis.energy.hopfield import Hopfield as Hopfield
from neuraxis.energy.hopfield import Recalled as Recalled
from neuraxis.energy.hopfield import hebbian as hebbian
from neuraxis.energy.local_learning import LocalLearning as LocalLearning
from neuraxis.energy.local_learning import local_learning as local_learning
from neuraxis.energy.local_learning import local_slopes as local_slopes
from neuraxis.energy.local_learning import prediction_error as prediction_error
from neuraxis.energy.modern_hopfield import ModernHopfield as ModernHopfield
from neuraxis.energy.partition_function import exact_samples as exact_samples
from neuraxis.energy.partition_function import log_partition_function as log_partition_function
from neuraxis.energy.predictive_coding import Ends as Ends
from neuraxis.energy.predictive_coding import Nodes as Nodes
from neuraxis.energy.predictive_coding import PredictiveCoding as PredictiveCoding
from neuraxis.energy.rbm import RBM as RBM
from neuraxis.energy.rbm import log_odds as log_odds
from neuraxis.energy.relaxation import ErrorRelaxation as ErrorRelaxation
from neuraxis.energy.relaxation import Inference as Inference
from neuraxis.energy.relaxation import Settled as Settled
from neuraxis.energy.relaxation import StateRelaxation as StateRelaxation

_describe(globals())
