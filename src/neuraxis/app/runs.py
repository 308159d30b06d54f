"""Run an experiment and leave its folder: settings, metrics, figures, what was trained, and a report."""

import dataclasses
import inspect
import json
import os
import platform
import time
from datetime import datetime
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any

from neuraxis import __version__
from neuraxis.app.report import Report, write_report
from neuraxis.errors import InputError
from neuraxis.experiment import Result, Session
from neuraxis.files import write_atomically

_SETTINGS, _METRICS, _MODEL, _REPORT = "settings.json", "metrics.json", "model.safetensors", "report.html"


def new_folder(name: str, parent: Path = Path("runs")) -> Path:
    """Name a folder for a run of experiment `name` that is not there yet."""
    return parent / f"{name}-{datetime.now():%Y%m%d-%H%M%S}"


def unfinished(name: str, parent: Path = Path("runs")) -> Path:
    """Find the latest run of experiment `name` that was interrupted.

    Raises:
        InputError: where there is none.
    """
    folders = [f.parent for f in parent.glob(f"{name}-*/{_SETTINGS}") if not (f.parent / _METRICS).exists()]
    if not folders:
        raise InputError(f"there is no interrupted run of {name} in {parent}/; --out names another folder")
    return max(folders, key=lambda folder: folder.stat().st_mtime)


def takes_session(module: ModuleType) -> bool:
    """Say whether an experiment can be resumed and shared over devices."""
    return "session" in inspect.signature(module.run).parameters


def stored_settings(module: ModuleType, folder: Path) -> Any:
    """Read the settings of an earlier run of the same experiment.

    Raises:
        InputError: where the folder holds no run, or one of another experiment.
    """
    path = folder / _SETTINGS
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        name, values = stored["experiment"], stored["settings"]
        fields = {
            f.name: tuple(v) if isinstance(v := values[f.name], list) else v
            for f in dataclasses.fields(module.Settings)
        }
    except FileNotFoundError:
        raise InputError(f"there is nothing to resume in {folder}: it has no {_SETTINGS}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is damaged: {error}") from error
    if name != experiment_name(module):
        raise InputError(f"{folder} holds a run of {name}, not of {experiment_name(module)}")
    return module.Settings(**fields)


def experiment_name(module: ModuleType) -> str:
    """Give an experiment's name as the command line writes it."""
    return module.__name__.rpartition(".")[2].replace("_", "-")


def run_experiment(module: ModuleType, settings: Any, folder: Path, session: Session) -> Report:
    """Run, draw, and write everything into `folder`; `metrics.json` is written last and says that all is there.

    Raises:
        InputError: where the folder holds another run.
        OSError: where the folder cannot be written or is full.
    """
    if not session.resume and folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder} is not empty; choose another folder, or go on with --resume")
    about = {"experiment": experiment_name(module), "settings": dataclasses.asdict(settings)}
    write_atomically(folder / _SETTINGS, json.dumps(about, indent=2))
    began = time.perf_counter()
    try:
        if takes_session(module):
            result = module.run(settings, dataclasses.replace(session, folder=folder))
        else:
            result = module.run(settings)
    except BaseException:
        _remove_if_bare(folder)
        raise
    report = _report(module, settings, result, time.perf_counter() - began)
    for stem, png in report.figures.items():
        write_atomically(folder / f"{stem}.png", png)
    if result.model is not None:
        from neuraxis.engine import checkpoint, mesh

        # Weights that were shared out are exported in one file.
        model = result.model if session.mesh is None else mesh.replicate(result.model, session.mesh)
        checkpoint.save(folder / _MODEL, model, about)
    write_report(folder / _REPORT, [report], title=f"neuraxis: {report.name}")
    write_atomically(folder / _METRICS, json.dumps(report.as_metrics(), indent=2))
    return report


def _remove_if_bare(folder: Path) -> None:
    """Leave no folder behind that holds nothing but settings."""
    if [f.name for f in folder.iterdir()] == [_SETTINGS]:
        (folder / _SETTINGS).unlink()
        folder.rmdir()


def _report(module: ModuleType, settings: Any, result: Result, seconds: float) -> Report:
    figures, captions = draw(module, result)
    return Report(
        name=experiment_name(module),
        text=inspect.getdoc(module) or "",
        settings=dataclasses.asdict(settings),
        is_default=settings == module.Settings(),
        result=result,
        figures=figures,
        captions=captions,
        seconds=seconds,
        versions=versions(),
        device=device(),
    )


def draw(module: ModuleType, result: Result) -> tuple[dict[str, bytes], dict[str, str]]:
    """Draw the figures of a result: PNG files and captions by file stem."""
    from neuraxis import plots

    figures, captions = {}, {}
    with plots.style():
        for stem, figure in module.plot(result).items():
            buffer = BytesIO()
            figure.savefig(buffer, dpi=150, format="png")
            figures[stem], captions[stem] = buffer.getvalue(), str(figure.get_label())
    return figures, captions


def versions() -> dict[str, str]:
    """Give the versions that a result depends on."""
    import jax
    import numpy

    return {
        "neuraxis": __version__,
        "python": platform.python_version(),
        "jax": jax.__version__,
        "numpy": numpy.__version__,
    }


def device() -> str:
    """Name what JAX computes on, such as "cpu (AMD EPYC, 2 cores)"."""
    import jax

    devices = jax.devices()
    kind = devices[0].device_kind
    if devices[0].platform == "cpu":
        kind = f"{_processor()}, {os.cpu_count()} cores"
    count = f"{len(devices)} × " if len(devices) > 1 else ""
    return f"{count}{devices[0].platform} ({kind})"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
