"""Commands and options. The options of `neuraxis run NAME` are made from the experiment's own `Settings`."""

import dataclasses
import re
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Literal, Union, get_args

import tyro

from neuraxis.app import runs
from neuraxis.app.begun import Begun
from neuraxis.process import PRECISIONS

COMMAND_STYLE = (tyro.conf.OmitSubcommandPrefixes,)  # `data fetch`, not `data command:fetch`

_Flag = tyro.conf.FlagCreatePairsOff[bool]


@dataclasses.dataclass(frozen=True)
class List:
    """List all experiments, one line each."""


@dataclasses.dataclass(frozen=True)
class Run:
    """Run an experiment. `neuraxis run NAME --help` lists its settings."""

    name: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="NAME")]
    """Name of the experiment."""


@dataclasses.dataclass(frozen=True)
class Tour:
    """Run all experiments quickly and write one page of results."""

    full: _Flag = False
    """Run with default instead of quick settings, which takes minutes per experiment."""
    out: Path | None = None
    """Folder for the results; by default a new one in runs/."""


@dataclasses.dataclass(frozen=True)
class Lab:
    """Open live models in the browser and change their parameters while they run."""

    name: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="NAME")] = ""
    """Page to open; without one, the list of all pages."""
    port: int = 8800
    """Port to serve on; if it is in use, the next free one."""
    browser: bool = True
    """Open the page in the browser."""


@dataclasses.dataclass(frozen=True)
class Sample:
    """Continue a text with a language model saved by a run."""

    folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="FOLDER")]
    """Folder of the run, such as a run of transformer-lm."""
    prompt: str = "\n"
    """Beginning of the text."""
    count: int = 200
    """Number of tokens to generate."""
    temperature: float = 0.8
    """Sampling temperature; below 1 favours likely tokens, 0 always takes the most probable one."""
    top_k: int | None = None
    """Sample only from this many most probable tokens."""
    top_p: float | None = None
    """Sample only from the fewest tokens whose probabilities add up to this."""
    seed: int = 0
    """Random seed."""


@dataclasses.dataclass(frozen=True)
class Fetch:
    """Download and verify a data set, and store it for later runs."""

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
    """Print a shell completion script, to be sourced by the shell."""

    shell: tyro.conf.Positional[Literal["bash", "zsh", "tcsh"]]
    """The shell."""


Command = (
    Annotated[List, tyro.conf.subcommand("list")]
    | Annotated[Run, tyro.conf.subcommand("run")]
    | Annotated[Tour, tyro.conf.subcommand("tour")]
    | Annotated[Lab, tyro.conf.subcommand("lab")]
    | Annotated[Sample, tyro.conf.subcommand("sample")]
    | Annotated[Data, tyro.conf.subcommand("data")]
    | Annotated[Completion, tyro.conf.subcommand("completion")]
)


def _option(name: str, kind: Any, default: Any, help: str) -> tuple[str, Any, Any]:
    return name, Annotated[kind, tyro.conf.arg(help=help)], dataclasses.field(default=default)


def as_typed(message: str, settings: Any) -> str:
    """Write the names of settings in a message as they are typed: `--tau-m` for `tau_m`.

    Those that are single words are known by standing at the beginning.
    """
    names = "|".join(field.name for field in dataclasses.fields(settings))
    compound = "|".join(field.name for field in dataclasses.fields(settings) if "_" in field.name) or "(?!)"
    return re.sub(rf"^(?:{names})\b|\b(?:{compound})\b", lambda match: f"--{match[0].replace('_', '-')}", message)


def unchecked(kind: type) -> type:
    """Make of an experiment's `Settings` a class that takes any values: tyro would report errors in its own words."""
    return type(kind.__name__, (kind,), {"__post_init__": lambda self: None, "__doc__": kind.__doc__})


def fields_of(settings: Any) -> dict[str, Any]:
    """Return all settings by name."""
    return {field.name: getattr(settings, field.name) for field in dataclasses.fields(settings)}


def run_options(settings: Any, takes_session: bool, before: Begun | None = None) -> type:
    """Make the options of `neuraxis run NAME`: those of every run, and the experiment's settings.

    Args:
        settings: the settings from which the command line departs.
        takes_session: whether the experiment can be resumed and shared between devices.
        before: what an interrupted run began with, which goes on alike where nothing else is said.
    """
    kind = unchecked(type(settings))
    start = kind(**fields_of(settings))
    precision, mesh = (before.precision, before.mesh) if before else (PRECISIONS[0], "")
    fields: list[Any] = [
        ("settings", tyro.conf.OmitArgPrefixes[kind], dataclasses.field(default=start)),
        _option("quick", _Flag, False, "Start from the quick settings, which take seconds."),
        _option("out", Path | None, None, "Folder for the results; by default a new one in runs/."),
        _option("precision", Literal[PRECISIONS], precision, "Precision of matrix products on GPUs and TPUs."),
    ]
    if takes_session:
        fields += [
            _option("resume", _Flag, False, "Resume the latest interrupted run, or the one in --out."),
            _option("mesh", str, mesh, "Devices to split the work across, such as data=4 or data=2,model=2."),
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
