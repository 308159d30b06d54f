"""What benchmarks have measured, kept in a file: a new measurement replaces the old one, and the others stay."""

import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.harness import Measured, Workload
from neuraxis import process
from neuraxis.app.runs import device, versions
from neuraxis.files import write_atomically

_PEERS = ("autograd", "brian2", "gensim", "minGRU_pytorch", "nengo", "nest", "scipy", "sklearn", "snntorch", "torch")


def entry(workload: Workload, measured: Measured, rounds: int, settings: tuple[str, ...]) -> dict[str, Any]:
    """Write down what was measured of one workload, and on what."""
    ours = measured.timings[0].median
    return {
        "title": workload.title,
        "experiment": workload.experiment,
        "sides": [
            {
                "name": timing.name,
                "median": _rounded(timing.median),
                "spread": _rounded(timing.spread),
                "compile": _rounded(timing.compile),
                "ratio": _rounded(timing.median / ours),
                "target": workload.targets.get(timing.name),
            }
            for timing in measured.timings
        ],
        "out_of_order": {name: _rounded(seconds) for name, seconds in measured.out_of_order.items()},
        "rounds": rounds,
        "used_by_others": None if measured.used_by_others is None else _rounded(measured.used_by_others),
        "busy": measured.is_busy,
        "settings": list(settings),
        "instruction_set": process.instruction_set(),
        "device": device(),
        "versions": versions() | _versions_of_peers(),
    }


def add(path: Path, name: str, entry: dict[str, Any]) -> None:
    """Put the entry of a benchmark into the file."""
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    record = dict(sorted((known | {name: entry}).items()))
    write_atomically(path, json.dumps(record, indent=1, ensure_ascii=False) + "\n")


def _versions_of_peers() -> dict[str, str]:
    """Return the versions of the peers that this process has imported."""
    return {
        name: str(sys.modules[name].__version__) for name in _PEERS if hasattr(sys.modules.get(name), "__version__")
    }


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")
