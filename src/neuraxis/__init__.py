"""neuraxis: every neural model from a single ion channel to a Transformer, on JAX.

Every model is a *map* (`y = model(x)`), a *dynamics* (`step(state, input, dt)`) or an *energy* (`energy(x)`); the three
protocols are defined in `neuraxis.kinds`, and `neuraxis.engine` trains, simulates and relaxes them.

The most frequently used names are available here, as in `neuraxis.LIF` or `from neuraxis import LIF, simulate`; the
file `__init__.pyi` lists them. They and the subpackages are imported on first use, so that `import neuraxis` is fast.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
