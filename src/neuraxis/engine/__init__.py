"""Simulation, relaxation and training of any model.

`simulate` runs a dynamics over time, `unroll` as a map over sequences; `relax` runs an energy to rest; `fit` trains a
model by any rule.
"""

from neuraxis.engine.averaged import averaged as averaged
from neuraxis.engine.chain import Chain as Chain
from neuraxis.engine.closed_loop import ClosedLoop as ClosedLoop
from neuraxis.engine.descent import descent as descent
from neuraxis.engine.evaluate import evaluate as evaluate
from neuraxis.engine.evaluate import predict as predict
from neuraxis.engine.fit import Fitted as Fitted
from neuraxis.engine.fit import fit as fit
from neuraxis.engine.gradient_flow import LayerFlow as LayerFlow
from neuraxis.engine.gradient_flow import gradient_flow as gradient_flow
from neuraxis.engine.mesh import join as join
from neuraxis.engine.mesh import join_auto as join_auto
from neuraxis.engine.mesh import make_mesh as make_mesh
from neuraxis.engine.optimizers import gradient_descent as gradient_descent
from neuraxis.engine.optimizers import momentum as momentum
from neuraxis.engine.optimizers import rate_at as rate_at
from neuraxis.engine.optimizers import weight_decay as weight_decay
from neuraxis.engine.parameters import split_parameters as split_parameters
from neuraxis.engine.relax import Relaxed as Relaxed
from neuraxis.engine.relax import relax as relax
from neuraxis.engine.simulate import Trace as Trace
from neuraxis.engine.simulate import record_nothing as record_nothing
from neuraxis.engine.simulate import record_output as record_output
from neuraxis.engine.simulate import record_state as record_state
from neuraxis.engine.simulate import simulate as simulate
from neuraxis.engine.total import Total as Total
from neuraxis.engine.unroll import unroll as unroll
from neuraxis.engine.watch import CSVWriter as CSVWriter
from neuraxis.engine.watch import Report as Report
from neuraxis.engine.watch import TensorBoardWriter as TensorBoardWriter
