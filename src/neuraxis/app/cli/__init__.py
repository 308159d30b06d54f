"""The command line. Nothing here imports JAX before it must, so that `list` and `--help` answer at once."""

import errno
import os
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape

from neuraxis import __version__, process
from neuraxis.errors import DivergedError, InputError


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 a claim does not hold, 2 a user's mistake, 130 interrupted."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = _dispatch(arguments)
        sys.stdout.flush()
    except (InputError, DivergedError) as error:
        code = complain(str(error), 2)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has gone: say no more
        code = 0
    except OSError as error:
        code = complain(_describe(error), 2)
    except KeyboardInterrupt as interrupt:
        code = complain(str(interrupt) or "interrupted", 130)
    sys.exit(code)


def complain(message: str, code: int) -> int:
    """Print one sentence to standard error and give back the exit code."""
    Console(stderr=True).print(f"[bold red]neuraxis:[/] {escape(message)}", highlight=False, soft_wrap=True)
    return code


def _describe(error: OSError) -> str:
    place = f"{error.filename}: " if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return f"{place}there is no room left to write; no file was left half-written"
    return f"{place}{error.strerror or error}"


def _dispatch(arguments: list[str]) -> int:
    if arguments == ["--version"]:
        print(f"neuraxis {__version__}")
        return 0
    if arguments[:1] in (["run"], ["tour"]) and "jax" not in sys.modules:
        process.tune(short=arguments[0] == "tour" or "--quick" in arguments)
    from neuraxis.app.cli import commands

    if arguments[:1] == ["run"] and len(arguments) > 1 and not arguments[1].startswith("-"):
        return commands.run(arguments[1], arguments[2:])
    return commands.other(arguments)
