"""Recurrent networks: dynamics in discrete time, trained by backpropagation through time.

All cells have the same interface. A cell is a dynamics whose output and, except in the Legendre memories, state is h:
`simulate(cell, inputs)` runs it step by step, with the time axis first. It is also a map over sequences, `cell(x)` or
`cell(x, state)`, from (…, time, in) to (…, time, hidden). `neuraxis.engine.unroll` also returns the last state of a
cell or of a `Chain` of cells and layers, from which the next part of a sequence can continue.
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
