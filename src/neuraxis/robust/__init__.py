"""Adversarial attacks on any map with logits, and adversarial training.

A threat model defines the perturbations that are allowed, an attack searches for the worst one, and `robust_accuracy`
measures the accuracy under attack.
"""

from neuraxis.described import describe as _describe
from neuraxis.robust.adversarial_training import adversarial_training as adversarial_training
from neuraxis.robust.apgd import APGD as APGD
from neuraxis.robust.attack import Attack as Attack
from neuraxis.robust.attack_ensemble import AttackEnsemble as AttackEnsemble
from neuraxis.robust.attack_ensemble import auto_attack as auto_attack
from neuraxis.robust.binary import TwoLogits as TwoLogits
from neuraxis.robust.binary import logistic as logistic
from neuraxis.robust.bisection import Bisection as Bisection
from neuraxis.robust.deepfool import DeepFool as DeepFool
from neuraxis.robust.fab import FAB as FAB
from neuraxis.robust.gradient_step import FGSM as FGSM
from neuraxis.robust.gradient_step import GradientStep as GradientStep
from neuraxis.robust.losses import cross_entropy as cross_entropy
from neuraxis.robust.losses import dlr as dlr
from neuraxis.robust.losses import margin as margin
from neuraxis.robust.multi_targeted import MultiTargeted as MultiTargeted
from neuraxis.robust.pgd import PGD as PGD
from neuraxis.robust.ramp import ramped as ramped
from neuraxis.robust.robust_accuracy import Outcome as Outcome
from neuraxis.robust.robust_accuracy import Robustness as Robustness
from neuraxis.robust.robust_accuracy import robust_accuracy as robust_accuracy
from neuraxis.robust.square import Square as Square
from neuraxis.robust.threat_models import L2 as L2
from neuraxis.robust.threat_models import LInf as LInf
from neuraxis.robust.threat_models import ThreatModel as ThreatModel
from neuraxis.robust.threat_models import with_epsilon as with_epsilon
from neuraxis.robust.trades import TRADES as TRADES
from neuraxis.robust.trades import BinaryTRADES as BinaryTRADES
from neuraxis.robust.under_attack import UnderAttack as UnderAttack

_describe(globals())
