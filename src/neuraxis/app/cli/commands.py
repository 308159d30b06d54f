"""What each command does."""

from pathlib import Path
from typing import Any

import tyro
from rich.console import Console
from rich.markup import escape
from rich.progress import DownloadColumn, Progress, TaskID
from rich.table import Table

from neuraxis import experiments
from neuraxis.app.cli import complain
from neuraxis.app.cli.options import COMMAND_STYLE, Command, Completion, Data, DataList, Fetch, Tour, run_options
from neuraxis.errors import InputError


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
            return _tour(command)
        case Data(Fetch(name)):
            return _fetch(name)
        case Data(DataList()):
            return _list_data()
        case Completion(shell):
            return _print_completion(shell)
        case _:
            return _list_experiments()


def _list_experiments() -> int:
    table = Table.grid(padding=(0, 2))
    for name in experiments.names():
        table.add_row(f"[bold cyan]{name}[/]", escape(experiments.summary(name)))
    Console().print(table)
    return 0


def run(name: str, arguments: list[str]) -> int:
    """Run one experiment."""
    module = experiments.load(name)
    from neuraxis.app import runs
    from neuraxis.experiment import Session

    wants_help = "--help" in arguments or "-h" in arguments
    resume = "--resume" in arguments and runs.takes_session(module) and not wants_help
    before = _folder(arguments) or runs.unfinished(name) if resume else None
    start = module.QUICK if "--quick" in arguments else module.Settings()
    if before is not None:
        start = runs.stored_settings(module, before)
    options: Any = tyro.cli(
        run_options(start, runs.takes_session(module)),
        args=arguments,
        prog=f"neuraxis run {name}",
        description=module.__doc__,
    )
    session = Session()
    if runs.takes_session(module):
        session = Session(resume=resume, mesh=_mesh(options.mesh, options.join))
    if resume and options.settings != start:
        raise InputError("--resume goes on with the settings of the interrupted run; leave the other settings out")
    folder = before or options.out or runs.new_folder(name)
    try:
        report = runs.run_experiment(module, options.settings, folder, session)
    except KeyboardInterrupt:
        if folder.exists():
            again = f"neuraxis run {name} --out {folder} --resume"
            raise KeyboardInterrupt(f"interrupted; {again} goes on from there") from None
        raise
    _print_report(report)
    print(f"report: {folder / 'report.html'}")
    return 1 if report.failed_claims else 0


def _folder(arguments: list[str]) -> Path | None:
    """Find the value of --out, which is needed before the options can be made."""
    folder = None
    for argument, following in zip(arguments, [*arguments[1:], ""], strict=True):
        if argument == "--out":
            folder = following
        elif argument.startswith("--out="):
            folder = argument.removeprefix("--out=")
    return Path(folder) if folder else None


def _mesh(text: str, join: str) -> Any:
    if not text and not join:
        return None
    from neuraxis.engine import mesh

    address, *numbers = join.split(",")
    if join and join != "auto" and not (len(numbers) == 2 and all(n.isdecimal() for n in numbers)):
        raise InputError(f"--join is written as HOST:PORT,PROCESSES,INDEX or as auto, but received {join!r}")
    try:
        if join == "auto":
            mesh.join_auto()
        elif join:
            mesh.join(address, *map(int, numbers))
    except InputError as error:
        raise InputError(f"--join {join}: {error}") from error
    return mesh.parse_mesh(text) if text else None


def _print_report(report: Any) -> None:
    table = Table.grid(padding=(0, 2))
    claims = {c.metric: c for c in report.result.claims}
    for name, value in report.result.metrics.items():
        claim = claims.get(name)
        bound = mark = ""
        if claim:
            bound = f"{claim.relation} {claim.bound:g}"
            broken = "[red]✗[/]" if report.is_default else "[dim](for the default settings)[/]"
            mark = "[green]✓[/]" if claim.holds(report.result.metrics) else broken
        table.add_row(f"  {name}", f"[bold]{value:.5g}[/]", bound, mark)
    data = f"; data: {report.result.data}" if report.result.data else ""
    console = Console()
    console.print(f"[bold cyan]{report.name}[/] {report.seconds:.1f} s{escape(data)}", highlight=False)
    console.print(table)
    for failed in report.failed_claims:
        complain(f"a claim of {report.name} does not hold: {failed}", 1)


def _tour(command: Tour) -> int:
    from neuraxis.app import runs
    from neuraxis.app.report import write_report
    from neuraxis.experiment import Session

    folder = command.out or runs.new_folder("tour")
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder} is not empty; choose another folder")
    reports = []
    for name in experiments.names():
        module = experiments.load(name)
        settings = module.Settings() if command.full else module.QUICK
        reports.append(runs.run_experiment(module, settings, folder / name, Session()))
        _print_report(reports[-1])
    page = folder / "index.html"
    introduction = (
        "Every neural model is a map, a dynamics or an energy. Each section reproduces a classic result of one model "
        "on this machine: what it shows, what was measured, and its figures."
    )
    write_report(page, reports, "neuraxis: a tour of neural models", introduction)
    print(f"page: {page.resolve().as_uri()}")
    return 1 if any(report.failed_claims for report in reports) else 0


def _fetch(name: str) -> int:
    from neuraxis import data

    with Progress(*Progress.get_default_columns(), DownloadColumn(), console=Console(stderr=True)) as bar:
        tasks: dict[str, TaskID] = {}

        def show(path: str, done: int, total: int) -> None:
            if path not in tasks:
                tasks[path] = bar.add_task(path, total=total or None)
            bar.update(tasks[path], completed=done)

        data.fetch(name, show)
    print(f"{name} is at hand")
    return 0


def _list_data() -> int:
    from neuraxis import data

    table = Table.grid(padding=(0, 2))
    for name in [*data.names(), *data.text_names()]:
        place = "[green]at hand[/]" if data.is_at_hand(name) else f"neuraxis data fetch {name}"
        table.add_row(f"[bold cyan]{name}[/]", place)
    Console().print(table, highlight=False)
    return 0


def _print_completion(shell: str) -> int:
    """Print the script of tyro's own generator, for all commands with the settings of every experiment."""
    from neuraxis.app.cli.options import with_experiments

    modules = {name: experiments.load(name) for name in experiments.names()}
    tyro.cli(with_experiments(modules), prog="neuraxis", args=["--tyro-print-completion", shell], config=COMMAND_STYLE)
    return 0
