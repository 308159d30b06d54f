"""The engine runs any model and knows none: `simulate` over time, `relax` an energy, `fit` a map."""

from neuraxis.engine.simulate import Total as Total
from neuraxis.engine.simulate import Trace as Trace
from neuraxis.engine.simulate import record_nothing as record_nothing
from neuraxis.engine.simulate import record_output as record_output
from neuraxis.engine.simulate import record_state as record_state
from neuraxis.engine.simulate import simulate as simulate
