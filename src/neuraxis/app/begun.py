"""What a run began with, kept in its folder, so that `--resume` goes on with the same."""

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from neuraxis.app.folders import PARENT
from neuraxis.errors import InputError
from neuraxis.files import sweep, write_atomically

SETTINGS, METRICS = "settings.json", "metrics.json"


@dataclass(frozen=True)
class Begun:
    """An experiment, its settings, and what else decides the last bits of its result."""

    experiment: str
    settings: dict[str, Any]
    precision: str = "float32"  # of products of matrices
    mesh: str = ""  # as on the command line
    xla_flags: str = ""
    jax: str = ""  # its version
    device: str = ""

    @property
    def digest(self) -> str:
        """SHA-256 of everything, by which a later change is noticed."""
        return hashlib.sha256(json.dumps(dataclasses.asdict(self), sort_keys=True).encode()).hexdigest()

    def write(self, folder: Path) -> None:
        """Write `settings.json`."""
        sweep(folder / SETTINGS)
        write_atomically(folder / SETTINGS, json.dumps({**dataclasses.asdict(self), "digest": self.digest}, indent=2))

    def settings_of(self, module: ModuleType) -> Any:
        """Make the `Settings` of the experiment.

        Raises:
            InputError: where these are not settings of it, such as where another version of neuraxis wrote them.
        """
        try:
            return module.Settings(**{n: tuple(v) if isinstance(v, list) else v for n, v in self.settings.items()})
        except TypeError as error:
            raise InputError(f"these are not settings of this version's {self.experiment}: {error}") from error

    def differences(self, now: "Begun") -> str:
        """Say in words what differs now and may change the last bits of the result."""
        names = {"xla_flags": "XLA_FLAGS", "jax": "the version of jax", "device": "the device"}
        pairs = ((name, getattr(self, field), getattr(now, field)) for field, name in names.items())
        return "; ".join(f"{name} was {then!r} and is {here!r}" for name, then, here in pairs if then != here)


def read(folder: Path, name: str) -> Begun:
    """Read what a run of experiment `name` began with.

    Raises:
        InputError: where the folder holds no run, or one of another experiment, or what it began with was changed.
    """
    path = folder / SETTINGS
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        digest = stored.pop("digest")
        begun = Begun(**stored)
        changed = digest != begun.digest
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"nothing to resume in {folder}: it has no {SETTINGS}") from None
    except KeyError as error:
        raise InputError(f"{path} is damaged: {error} is missing") from None
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{path} is damaged: {error}") from None
    if begun.experiment != name:
        raise InputError(f"{folder} contains a run of {begun.experiment}, not of {name}")
    if changed:
        raise InputError(
            f"{path} was changed after the run began, which can only be resumed unchanged; undo the change, or start a "
            "new run"
        )
    return begun


def unfinished(name: str, parent: Path = PARENT) -> Path:
    """Find the latest run of experiment `name` that was interrupted.

    Raises:
        InputError: where there is none.
    """
    folders = [f.parent for f in parent.glob(f"{name}-*/{SETTINGS}") if not (f.parent / METRICS).exists()]
    if not folders:
        raise InputError(f"there is no interrupted run of {name} in {parent}/; --out names another folder")
    return max(folders, key=lambda folder: folder.stat().st_mtime)
