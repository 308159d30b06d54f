"""Recurrent networks: dynamics in discrete time whose weights are trained through time.

All cells are used alike. A cell is a dynamics whose output is h, and so is its state, but for the Legendre memories:
`simulate(cell, inputs)` runs it step by step, with the time axis first. It is a map over sequences as well, `cell(x)`
or `cell(x, state)` from (…, time, in) to (…, time, hidden). And `neuraxis.engine.unroll` gives the last state besides,
of one cell or of a `Chain` of cells and layers, from which the next stretch of a sequence goes on.
"""

from neuraxis.described import describe as _describe
from neuraxis.recurrent.bptt import BPTT as BPTT
from neuraxis.recurrent.gru import GRU as GRU
from neuraxis.recurrent.legendre_memory import LegendreMemory as LegendreMemory
from neuraxis.recurrent.lmu import LMU as LMU
from neuraxis.recurrent.loss_over_time import LossOverTime as LossOverTime
from neuraxis.recurrent.min_gru import MinGRU as MinGRU
from neuraxis.recurrent.reset_after_gru import ResetAfterGRU as ResetAfterGRU
from neuraxis.recurrent.rnn import RNN as RNN
from neuraxis.recurrent.truncated import truncated as truncated
from neuraxis.recurrent.truncated import windows as windows

_describe(globals())
