"""neuraxis: every neural model from a single ion channel to a Transformer, on JAX.

Every model is a *map* (`y = model(x)`), a *dynamics* (`step(state, input, dt)`) or an *energy* (`energy(x)`); the three
contracts stand in `neuraxis.kinds`, and `neuraxis.engine` trains, simulates and relaxes them.

Subpackages are imported when first used, so that `import neuraxis` and `neuraxis --help` stay quick.
"""

import importlib
from types import ModuleType

__version__ = "0.1.0"

_SUBPACKAGES = (
    "autodiff",
    "data",
    "energy",
    "engine",
    "feedforward",
    "functions",
    "kinds",
    "layers",
    "neurons",
    "plots",
    "process",
    "reinforcement",
    "spiking",
)


def __getattr__(name: str) -> ModuleType:
    if name in _SUBPACKAGES:
        return importlib.import_module(f"neuraxis.{name}")
    raise AttributeError(f"module 'neuraxis' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *_SUBPACKAGES]
