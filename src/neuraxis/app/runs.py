"""Run an experiment and leave its folder: settings, metrics, figures, what was trained, and a report."""

import dataclasses
import inspect
import json
import os
import platform
import shlex
import time
from contextlib import nullcontext
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any

from neuraxis import __version__, experiments, process
from neuraxis.app import folders
from neuraxis.app.begun import METRICS, SETTINGS, Begun
from neuraxis.app.report import Report, write_report
from neuraxis.check import in_bytes, received
from neuraxis.described import meanings
from neuraxis.errors import InputError
from neuraxis.experiment import Result, Session
from neuraxis.files import sweep, write_atomically

MODEL, _REPORT = "model.safetensors", "report.html"


def takes_session(module: ModuleType) -> bool:
    """Tell whether an experiment can be resumed and shared over devices."""
    return "session" in inspect.signature(module.run).parameters


def experiment_name(module: ModuleType) -> str:
    """Return an experiment's name as the command line writes it."""
    return module.__name__.rpartition(".")[2].replace("_", "-")


def begin(module: ModuleType, settings: Any, precision: str = "float32", mesh: str = "") -> Begun:
    """Gather what a run begins with."""
    return Begun(
        experiment=experiment_name(module),
        settings=dataclasses.asdict(settings),
        precision=precision,
        mesh=mesh,
        xla_flags=os.environ.get("XLA_FLAGS", ""),
        jax=versions()["jax"],
        device=device(),
    )


def run_experiment(
    module: ModuleType,
    settings: Any,
    folder: Path | None = None,
    session: Session = Session(),
    begun: Begun | None = None,
    command: str = "",
    began: float | None = None,
) -> Report:
    """Run, draw, and write everything into a folder; `metrics.json` is written last and says that all is there.

    Args:
        module: the experiment.
        settings: its settings.
        folder: where to write; None makes a new folder in runs/.
        session: how to run; the folder in it is replaced.
        begun: what else the run depends on; by default nothing but the settings.
        command: the command line, for the report.
        began: when the work began, by `time.perf_counter`; by default now.

    Raises:
        InputError: where the folder holds another run, or the settings ask for more memory than there is.
        OSError: where the folder cannot be written or is full.
    """
    began = time.perf_counter() if began is None else began
    begun = begun or begin(module, settings)
    check_memory(settings)
    from neuraxis.engine.interrupt import hold_interrupts

    first = _is_first()
    with folders.hold(folder, begun.experiment) if first or folder is None else nullcontext(folder) as folder:
        if first:
            sweep(folder / SETTINGS)
        if first and not session.resume:
            if folders.content(folder):
                raise InputError(f"{folder} is not empty; choose another folder, or continue with --resume")
            begun.write(folder)
        try:
            return _run(module, settings, folder, dataclasses.replace(session, folder=folder), begun, command, began)
        except BaseException as error:
            if first and not session.resume and folders.content(folder) == {SETTINGS}:
                with hold_interrupts():
                    (folder / SETTINGS).unlink()
            elif isinstance(error, KeyboardInterrupt) and takes_session(module):
                again = f"neuraxis run {begun.experiment} --out {shlex.quote(str(folder))} --resume"
                raise KeyboardInterrupt(f"interrupted; {again} resumes it") from None
            raise


def _is_first() -> bool:
    """Tell whether this process is the only one, or the first of several, which share a folder."""
    import jax

    return jax.process_index() == 0


def _run(
    module: ModuleType, settings: Any, folder: Path, session: Session, begun: Begun, command: str, began: float
) -> Report:
    formulas = equations(module)  # before the work, so that what is missing is missed at once
    with process.precision(begun.precision):
        result = module.run(settings, session) if takes_session(module) else module.run(settings)
    if result.model is not None:
        from neuraxis.engine import checkpoint, mesh

        # Weights that were shared out are exported in one file.
        model = result.model if session.mesh is None else mesh.replicate(result.model, session.mesh)
        about = {"experiment": begun.experiment, "settings": begun.settings}
        checkpoint.save(folder / MODEL, model, about)
    figures, captions = draw(module, result)
    for stem, png in figures.items():
        _write(folder / f"{stem}.png", png)
    report = Report(
        name=begun.experiment,
        text=inspect.getdoc(module) or "",
        equations=formulas,
        settings=begun.settings,
        meanings=meanings(module.Settings),
        is_default=settings == module.Settings(),
        is_quick=settings == module.QUICK,
        result=result,
        figures=figures,
        captions=captions,
        seconds=time.perf_counter() - began,
        versions=versions(),
        device=device(),
        precision=begun.precision,
        command=command or f"neuraxis run {begun.experiment}",
        folder=folder,
    )
    write_report(folder / _REPORT, [report], title=f"neuraxis: {report.name}")
    if not (folder / SETTINGS).exists():  # somebody removed the folder in the middle
        begun.write(folder)
    _write(folder / METRICS, json.dumps(report.as_metrics(), indent=2, allow_nan=False))
    return report


def _write(path: Path, content: bytes | str) -> None:
    sweep(path)
    write_atomically(path, content)


def check_memory(settings: Any) -> None:
    """Check that the machine has the memory that a run asks for, before it begins; see `Settings.memory`.

    Raises:
        InputError: where it does not; the message names the setting that asks for most.
    """
    needed, there = settings.memory(), process.memory()
    if needed <= there:
        return

    def without(name: str) -> float:
        try:
            return dataclasses.replace(settings, **{name: getattr(type(settings)(), name)}).memory()
        except InputError:
            return needed

    largest = min((field.name for field in dataclasses.fields(settings)), key=without)
    raise InputError(
        f"{largest} = {received(getattr(settings, largest))} needs about {in_bytes(needed)} of memory, but only "
        f"{in_bytes(there)} are available"
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


def equations(module: ModuleType) -> tuple[str, ...]:
    """Return the equations of an experiment's model as MathML, which browsers draw themselves."""
    from latex2mathml.converter import convert

    return tuple(convert(text, display="block") for text in experiments.each_equation(getattr(module, "EQUATIONS", "")))


def versions() -> dict[str, str]:
    """Return the versions that a result depends on."""
    import jax
    import numpy

    return {
        "neuraxis": __version__,
        "python": platform.python_version(),
        "jax": jax.__version__,
        "numpy": numpy.__version__,
    }


def device() -> str:
    """Name what JAX computes on, such as "cpu (AMD EPYC, AVX-512, 2 cores)"."""
    import jax

    devices = jax.devices()
    kind = devices[0].device_kind
    if devices[0].platform == "cpu":
        kind = ", ".join(filter(None, (_processor(), _instructions(), f"{os.cpu_count()} cores")))
    count = f"{len(devices)} × " if len(devices) > 1 else ""
    return f"{count}{devices[0].platform} ({kind})"


def _processor() -> str:
    return _of_cpu("model name") or platform.processor() or platform.machine()


def _instructions() -> str:
    """Name the widest vector instructions of the CPU, on which the last bits of a result depend."""
    flags = _of_cpu("flags").split() or _of_cpu("Features").split()
    names = {"avx512f": "AVX-512", "avx2": "AVX2", "avx": "AVX", "sve": "SVE", "asimd": "NEON"}
    return next((name for flag, name in names.items() if flag in flags), "")


def _of_cpu(entry: str) -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(entry)), "")
