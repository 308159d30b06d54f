"""Runs of experiments that pages are written from: each in a process of its own as a user's, kept in a folder."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any


def run_once(folder: Path, name: str, *arguments: str) -> dict[str, Any] | None:
    """Return what a run measured, the content of its `metrics.json`, or nothing where it failed.

    Args:
        folder: of the run. One that is there already, and was not cut short, is not run again.
        name: of the experiment.
        arguments: further ones of `neuraxis run`.
    """
    metrics = folder / "metrics.json"  # written last, so that a run that was cut short has none
    if not metrics.exists():
        subprocess.run([sys.executable, "-m", "neuraxis", "run", name, *arguments, "--out", str(folder)])
    return json.loads(metrics.read_text(encoding="utf-8")) if metrics.exists() else None
