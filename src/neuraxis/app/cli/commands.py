"""What each command does."""

import dataclasses
import os
import shlex
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import tyro
from rich.console import Console
from rich.markup import escape
from rich.progress import DownloadColumn, Progress, TaskID
from rich.table import Table

from neuraxis import experiments, process
from neuraxis.app.cli import folder_of
from neuraxis.app.cli.options import (
    COMMAND_STYLE,
    Command,
    Completion,
    Data,
    DataList,
    Fetch,
    Lab,
    Sample,
    Tour,
    as_typed,
    fields_of,
    run_options,
)
from neuraxis.app.cli.output import complain, marks, prose, say
from neuraxis.app.labels import label
from neuraxis.app.report import Report, number
from neuraxis.errors import InputError

_MEMORY_OF_TWO = 8e9  # [bytes] for two processes that each run half of a tour


def other(arguments: list[str]) -> int:
    """Do every command but `run NAME`, whose options depend on the name."""
    command = tyro.cli(
        Command,
        args=arguments or ["--help"],
        prog="neuraxis",
        config=COMMAND_STYLE,
        description="Every neural model from a single ion channel to a Transformer. --version prints the version.",
    )
    match command:
        case Tour():
            return _tour(command, arguments)
        case Lab():
            return _lab(command)
        case Sample():
            return _sample(command)
        case Data(Fetch(name)):
            return _fetch(name)
        case Data(DataList()):
            return _list_data()
        case Completion(shell):
            return _print_completion(shell)
        case _:
            return _list_experiments()


def _list_experiments() -> int:
    width = max(map(len, experiments.names()))
    for chapter, names in experiments.chapters().items():
        table = Table.grid(padding=(0, 2), pad_edge=True)
        table.add_column(min_width=width, no_wrap=True)
        for name in names:
            table.add_row(f"[cyan]{name}[/]", escape(experiments.summary(name)))
        say(f"[bold]{chapter}[/]")
        say(table)
    return 0


def run(name: str, arguments: list[str], began: float) -> int:
    """Run one experiment, by a program that began at that `time.perf_counter`."""
    module = experiments.load(name)
    from neuraxis.app import begun, runs
    from neuraxis.experiment import Session

    takes_session = runs.takes_session(module)
    if asks_for_help := not {"--help", "-h"}.isdisjoint(arguments):
        say(escape(prose(module.__doc__ or "") + "\n"))
    resume = "--resume" in arguments and takes_session and not asks_for_help
    folder = folder_of(arguments)
    before, start = None, module.QUICK if "--quick" in arguments else module.Settings()
    if resume:
        folder = folder or begun.unfinished(name)
        before = begun.read(folder, name)
        start = before.settings_of(module)
    options: Any = tyro.cli(
        run_options(start, takes_session, before),
        args=arguments,
        prog=f"neuraxis run {name}",
        description="",
    )
    settings = _checked(type(start), options.settings)
    if before and settings != start:
        raise InputError("--resume continues with the settings of the interrupted run; omit the other settings")
    mesh = _mesh(options.mesh, options.join) if takes_session else None
    now = runs.begin(module, settings, options.precision, options.mesh if takes_session else "")
    if before and (differing := before.differences(now)):
        complain(f"the result may differ in the last bits, because {differing}", 0)
    command = shlex.join(["neuraxis", "run", name, *arguments])
    session = Session(resume=resume, mesh=mesh)
    report = runs.run_experiment(module, settings, folder, session, now, command, began)
    _print_report(report)
    say(f"report: {escape(str(report.folder / 'report.html'))}")
    return 1 if report.is_default and report.failed_claims else 0


def _checked(kind: type, given: Any) -> Any:
    """Make the settings of what was typed; one that cannot be is named as it is typed."""
    from neuraxis.app import runs

    try:
        settings = kind(**fields_of(given))
        runs.check_memory(settings)
    except InputError as error:
        raise InputError(as_typed(str(error), given)) from error
    return settings


def _mesh(text: str, join: str) -> Any:
    if not text and not join:
        return None
    from neuraxis.engine import mesh

    address, *numbers = join.split(",")
    if join and join != "auto" and not (len(numbers) == 2 and all(n.isdecimal() and n.isascii() for n in numbers)):
        raise InputError(f"--join must be HOST:PORT,PROCESSES,INDEX or auto, but is {join!r}")
    option = f"--join {join}"
    try:
        if join == "auto":
            mesh.join_auto()
        elif join:
            mesh.join(address, *map(int, numbers))
        option = f"--mesh {text}"
        return mesh.parse_mesh(text) if text else None
    except InputError as error:
        raise InputError(f"{option}: {error}") from error


def _print_report(report: Report) -> None:
    table = Table.grid(padding=(0, 2))
    yes, no = marks()
    metrics = report.result.metrics
    for name, value in metrics.items():
        bounds = []
        for claim in (c for c in report.claims if c.metric == name):
            missed = f"[red]{no}[/]" if report.is_claimed else "[dim](for the default settings)[/]"
            mark = f"[green]{yes}[/]" if claim.holds(metrics) else missed
            bounds.append(f"{claim.relation} {claim.bound:.7g} {mark}")
        table.add_row(f"  {escape(label(name))}", f"[bold]{number(value)}[/]", "  ".join(bounds))
    data = f"; data: {report.result.data}" if report.result.data else ""
    say(f"[bold cyan]{report.name}[/] {report.seconds:.1f} s{escape(data)}")
    say(table)
    for failed in report.failed_claims:
        complain(f"a claim of {report.name} does not hold: {failed}", 1)


def _tour(command: Tour, typed: list[str]) -> int:
    from neuraxis.app import folders
    from neuraxis.app.cli import side_by_side
    from neuraxis.app.report import write_report

    with folders.hold(folder_of(typed), "tour") as folder:
        if folders.content(folder):
            raise InputError(f"{folder} is not empty; choose another folder")
        tasks = {name: partial(_run_of_tour, name, folder / name, command.full) for name in experiments.names()}
        alone = [name for name in tasks if experiments.measures_time(name)]
        together = [name for name in tasks if name not in alone]
        done = {}
        for names, at_once in ((together, _at_once()), (alone, 1)):
            with closing(side_by_side.run_all([tasks[name] for name in names], at_once)) as finished:
                for name, report in zip(names, finished, strict=True):
                    done[name] = report
                    _print_report(report)
        reports = [done[name] for name in tasks]
        page = folder / "index.html"
        introduction = (
            "Every neural model is a map, a dynamics or an energy. Each section reproduces a classic result of one "
            "model on this machine: what it shows, the measured values, and the figures."
        )
        write_report(page, reports, "neuraxis: a tour of neural models", introduction)
    say(f"page: {page.resolve().as_uri()}")
    return 1 if any(report.failed_claims for report in reports) else 0


def _run_of_tour(name: str, folder: Path, full: bool) -> Report:
    """Run one experiment, and give its report without the arrays and the model, which are in its folder."""
    from neuraxis.app import runs

    module = experiments.load(name)
    settings = module.Settings() if full else module.QUICK
    report = runs.run_experiment(module, settings, folder, command=f"neuraxis run {name}{'' if full else ' --quick'}")
    return dataclasses.replace(report, result=dataclasses.replace(report.result, arrays={}, model=None))


def _at_once() -> int:
    """Return how many experiments of a tour to run side by side: two on a CPU that has the room, else one."""
    import jax

    has_room = (os.cpu_count() or 1) > 1 and process.memory() > _MEMORY_OF_TWO
    return 2 if jax.default_backend() == "cpu" and has_room else 1


def _lab(command: Lab) -> int:
    from neuraxis.app.lab.server import serve

    if not 1 <= command.port <= 65535:
        raise InputError(f"--port must be between 1 and 65535, but is {command.port}")
    serve(command.name, command.port, lambda line: say(escape(line)), command.browser)
    return 0


def _sample(command: Sample) -> int:
    from neuraxis.app.samples import sample

    options = {name: value for name, value in fields_of(command).items() if name != "folder"}
    try:
        say(escape(sample(command.folder, **options)))
    except InputError as error:
        raise InputError(as_typed(str(error), command)) from error
    return 0


def _fetch(name: str) -> int:
    from neuraxis import data

    with Progress(*Progress.get_default_columns(), DownloadColumn(), console=Console(stderr=True)) as bar:
        tasks: dict[str, TaskID] = {}

        def show(path: str, done: int, total: int) -> None:
            if path not in tasks:
                tasks[path] = bar.add_task(path, total=total or None)
            bar.update(tasks[path], completed=done)

        data.fetch(name, show)
    say(f"{name} is available")
    return 0


def _list_data() -> int:
    from neuraxis import data

    table = Table.grid(padding=(0, 2))
    for name in [*data.names(), *data.text_names()]:
        place = "[green]available[/]" if data.is_at_hand(name) else f"neuraxis data fetch {name}"
        table.add_row(f"[bold cyan]{name}[/]", place)
    say(table)
    return 0


def _print_completion(shell: str) -> int:
    """Print the script of tyro's own generator, for all commands with the settings of every experiment."""
    from neuraxis.app.cli.options import with_experiments

    modules = {name: experiments.load(name) for name in experiments.names()}
    tyro.cli(with_experiments(modules), prog="neuraxis", args=["--tyro-print-completion", shell], config=COMMAND_STYLE)
    return 0
