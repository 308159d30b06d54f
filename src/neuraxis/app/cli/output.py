"""What the program says. What cannot be said never looks like a failure of the work."""

import inspect
import os
import shutil
import sys
import textwrap
from typing import Any

from rich.console import Console
from rich.markup import escape

_NARROWEST = 40  # columns below which help would be laid out for ever

lost: OSError | None = None  # why standard output could not be written


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Leave it to `say`: rich would end the program with exit code 1."""
        raise


def prepare() -> None:
    """Make both streams such that anything can be written to them, and a terminal such that help fits into it."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started the program
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 (until the program ends)
        if hasattr(stream := getattr(sys, name), "reconfigure"):
            stream.reconfigure(errors="replace")  # Latin-1 and ASCII have no ✓
    if shutil.get_terminal_size().columns < _NARROWEST:
        os.environ["COLUMNS"] = str(_NARROWEST)


def say(content: Any) -> None:
    """Print to standard output. A reader that has gone hears no more; another failure is kept in `lost`."""
    global lost
    try:
        _Console().print(content, highlight=False, soft_wrap=isinstance(content, str))
        sys.stdout.flush()
    except BrokenPipeError:
        silence()
    except OSError as error:
        lost = error
        silence()


def prose(text: str) -> str:
    """Wrap paragraphs to the width of the terminal."""
    width = min(shutil.get_terminal_size().columns, 100)
    paragraphs = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(textwrap.fill(" ".join(paragraph.split()), width) for paragraph in paragraphs)


def silence() -> None:
    """Send what is still written to standard output nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def complain(message: str, code: int) -> int:
    """Print one sentence to standard error and give back the exit code."""
    try:
        console = _Console(stderr=True)
        console.print(f"[bold red]neuraxis:[/] {escape(message)}", highlight=False, soft_wrap=True)
    except OSError:  # the exit code still says it
        pass
    return code


def marks() -> tuple[str, str]:
    """Return what marks a claim that holds, and one that does not, in the encoding of standard output."""
    try:
        "✓✗".encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return "holds", "MISSED"
    return "✓", "✗"
