"""A lab of its own, and Chromium to look at it with, for benchmarks, tests and pictures."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ["--no-sandbox", "--disable-gpu"]  # without a sandbox it runs in containers, too


@contextmanager
def served(page: str = "", port: int = 8850) -> Iterator[str]:
    """Serve the lab as a user does, in a process of its own; give the address of a page, or of the list."""
    command = [sys.executable, "-m", "neuraxis", "lab", *([page] if page else []), f"--port={port}", "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = ""
            while "http://" not in line:
                line = process.stdout.readline()
                assert process.poll() is None, "the lab did not start"
            (address,) = re.findall(r"http://\S+", line)
            yield address
        finally:
            process.terminate()
