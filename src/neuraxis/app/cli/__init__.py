"""The command line. Nothing here imports JAX before it must, so that `list` and `--help` answer at once."""

import _thread
import errno
import itertools
import signal
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from neuraxis import __version__, process
from neuraxis.app.cli import output
from neuraxis.app.cli.output import complain
from neuraxis.errors import DivergedError, InputError

# What is imported from the packages of extras, without which the library works.
EXTRAS = {
    "experiments": ("diffrax", "latex2mathml", "matplotlib", "pooch", "scipy", "sklearn", "shtab"),
    "lab": ("starlette", "uvicorn", "websockets"),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit.

    The code is 0 where all is done, 1 where a claim does not hold, 2 after a user's mistake or a machine's failure, 3
    after a mistake of neuraxis itself, and 130 after an interrupt.
    """
    began = time.perf_counter()
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    output.prepare()
    usual, sys.unraisablehook = sys.unraisablehook, interrupt_again
    try:
        code = _dispatch(arguments, began)
        sys.stdout.flush()
        if output.lost:
            code = complain(f"the run is complete, but standard output could not be written: {output.lost.strerror}", 2)
    except (InputError, DivergedError) as error:
        code = complain(str(error), 2)
    except BrokenPipeError:
        output.silence()  # the reader has gone: say no more
        code = 0
    except OSError as error:
        code = complain(_describe(error), 2)
    except KeyboardInterrupt as interrupt:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is said and done: a second one would only tear it up
        code = complain(str(interrupt) or "interrupted", 130)
    except Exception as error:
        code = _unexpected(error, arguments)
    finally:
        sys.unraisablehook = usual
    sys.exit(code)


def interrupt_again(unraisable: Any) -> None:
    """Repeat an interrupt that fell where Python ignores exceptions, as in a garbage collector's callback."""
    if unraisable.exc_type is KeyboardInterrupt:
        # A little later, when the main thread has left that place.
        threading.Timer(0.05, _thread.interrupt_main).start()
    else:
        sys.__unraisablehook__(unraisable)


def _describe(error: OSError) -> str:
    place = f"{error.filename}: " if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return f"{place}no space left on the device; no file was left incomplete"
    return f"{place}{error.strerror or error}"


def _unexpected(error: Exception, arguments: list[str]) -> int:
    """Say what can be said of an error that is none of ours."""
    if isinstance(error, ModuleNotFoundError):
        missing = (error.name or "").partition(".")[0]
        for extra, packages in EXTRAS.items():
            if missing in packages:
                return complain(
                    f"neuraxis {' '.join(arguments[:2])} needs {missing}, which is not installed: "
                    f'pip install "neuraxis[{extra}]" installs everything it needs',
                    2,
                )
    if isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error):
        first = str(error).partition("\n")[0]
        return complain(f"there is not enough memory for these settings: {first or 'it ran out'}", 2)
    traceback.print_exception(error)
    return complain("this is a bug in neuraxis, not in what you typed; please report the lines above", 3)


def _dispatch(arguments: list[str], began: float) -> int:
    if arguments == ["--version"]:
        output.say(f"neuraxis {__version__}")
        return 0
    names_experiment = arguments[:1] == ["run"] and len(arguments) > 1 and not arguments[1].startswith("-")
    if (names_experiment or arguments[:1] in (["tour"], ["sample"], ["lab"])) and "jax" not in sys.modules:
        process.tune(short=is_short(arguments))
    from neuraxis.app.cli import commands

    if names_experiment:
        return commands.run(arguments[1], arguments[2:], began)
    return commands.other(arguments)


def folder_of(arguments: list[str]) -> Path | None:
    """Find the value of --out, which is needed before the options can be made.

    Raises:
        InputError: where it is empty, or no path can be so.
    """
    folder = None
    for argument, following in itertools.zip_longest(arguments, arguments[1:]):
        if argument == "--out":
            folder = following
        elif argument.startswith("--out="):
            folder = argument.removeprefix("--out=")
    if folder is not None and (not folder or "\0" in folder):
        raise InputError(f"--out must name a folder, but is {folder!r}")
    return Path(folder) if folder else None


def is_short(arguments: list[str]) -> bool:
    """Tell whether a run is set up as a short one: a run that is resumed, as it was before."""
    if arguments[0] == "run" and "--resume" in arguments:
        from neuraxis.app import begun

        try:
            folder = folder_of(arguments) or begun.unfinished(arguments[1])
            return process.is_short(begun.read(folder, arguments[1]).xla_flags)
        except (InputError, OSError):
            pass  # which is said later
    return arguments[0] in ("tour", "lab") or "--quick" in arguments
