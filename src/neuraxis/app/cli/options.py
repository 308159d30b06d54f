"""Commands and options. The options of `neuraxis run NAME` are made from the experiment's own `Settings`."""

import dataclasses
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Literal, Union, get_args

import tyro

from neuraxis.app import runs

COMMAND_STYLE = (tyro.conf.OmitSubcommandPrefixes,)  # `data fetch`, not `data command:fetch`

_Flag = tyro.conf.FlagCreatePairsOff[bool]


@dataclasses.dataclass(frozen=True)
class List:
    """List all experiments, a line each."""


@dataclasses.dataclass(frozen=True)
class Run:
    """Run an experiment. `neuraxis run NAME --help` lists its settings."""

    name: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="NAME")]
    """Name of the experiment."""


@dataclasses.dataclass(frozen=True)
class Tour:
    """Run all experiments quickly and write one page of results."""

    full: _Flag = False
    """Run with the default settings instead of the quick ones; this takes minutes each."""
    out: Path | None = None
    """Folder for the results; by default a new one in runs/."""


@dataclasses.dataclass(frozen=True)
class Fetch:
    """Download and verify a data set, and keep it for later runs."""

    name: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="NAME")]
    """Name of the data set; `neuraxis data list` lists them."""


@dataclasses.dataclass(frozen=True)
class DataList:
    """List the data sets and where each was found."""


@dataclasses.dataclass(frozen=True)
class Data:
    """List and download data sets."""

    command: Annotated[Fetch, tyro.conf.subcommand("fetch")] | Annotated[DataList, tyro.conf.subcommand("list")]


@dataclasses.dataclass(frozen=True)
class Completion:
    """Print a completion script for a shell, to be sourced by it."""

    shell: tyro.conf.Positional[Literal["bash", "zsh", "tcsh"]]
    """The shell."""


Command = (
    Annotated[List, tyro.conf.subcommand("list")]
    | Annotated[Run, tyro.conf.subcommand("run")]
    | Annotated[Tour, tyro.conf.subcommand("tour")]
    | Annotated[Data, tyro.conf.subcommand("data")]
    | Annotated[Completion, tyro.conf.subcommand("completion")]
)


def _option(name: str, kind: Any, default: Any, help: str) -> tuple[str, Any, Any]:
    return name, Annotated[kind, tyro.conf.arg(help=help)], dataclasses.field(default=default)


def run_options(settings: Any, takes_session: bool) -> type:
    """Make the options of `neuraxis run NAME`: those of every run, and the experiment's settings.

    Args:
        settings: the settings from which the command line departs.
        takes_session: whether the experiment can be resumed and shared between devices.
    """
    fields: list[Any] = [
        ("settings", tyro.conf.OmitArgPrefixes[type(settings)], dataclasses.field(default=settings)),
        _option("quick", _Flag, False, "Begin from the quick settings, which take seconds."),
        _option("out", Path | None, None, "Folder for the results; by default a new one in runs/."),
    ]
    if takes_session:
        fields += [
            _option("resume", _Flag, False, "Go on with the latest interrupted run, or with that in --out."),
            _option("mesh", str, "", "Devices to share the work between, such as data=4 or data=2,model=2."),
            _option("join", str, "", "Join several processes into one run: HOST:PORT,PROCESSES,INDEX, or auto."),
        ]
    return dataclasses.make_dataclass("Options", fields, frozen=True)


def with_experiments(modules: dict[str, ModuleType]) -> Any:
    """Make the commands with `run NAME` spelled out for every experiment: what a completion script must know."""
    choices = [
        Annotated[run_options(module.Settings(), runs.takes_session(module)), tyro.conf.subcommand(name)]
        for name, module in modules.items()
    ]
    run = dataclasses.make_dataclass("Run", [("experiment", Union[tuple(choices)])])  # noqa: UP007 (made at run time)
    commands = [c for c in get_args(Command) if Run not in get_args(c)]
    return Union[(*commands, Annotated[run, tyro.conf.subcommand("run")])]
