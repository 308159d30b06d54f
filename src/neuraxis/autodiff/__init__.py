"""Reverse-mode automatic differentiation on an expression graph, and backpropagation by hand.

The differentiable operations are in `neuraxis.autodiff.ops`.
"""

from neuraxis.autodiff import ops as ops
from neuraxis.autodiff.convolution import convolution as convolution
from neuraxis.autodiff.convolution import max_pool as max_pool
from neuraxis.autodiff.einsum import einsum as einsum
from neuraxis.autodiff.gradient import gradient as gradient
from neuraxis.autodiff.gradient import value_and_grad as value_and_grad
from neuraxis.autodiff.gradient_check import check_gradients as check_gradients
from neuraxis.autodiff.graph import draw as draw
from neuraxis.autodiff.losses import cross_entropy as cross_entropy
from neuraxis.autodiff.losses import squared_error as squared_error
from neuraxis.autodiff.network import Network as Network
from neuraxis.autodiff.var import RULES as RULES
from neuraxis.autodiff.var import Op as Op
from neuraxis.autodiff.var import Rule as Rule
from neuraxis.autodiff.var import Var as Var
from neuraxis.autodiff.var import no_grad as no_grad
