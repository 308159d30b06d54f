"""Programs of several processes on this machine, since JAX fixes its devices once."""

import os
import socket
import subprocess
import sys

JOIN = """
import sys
from neuraxis.engine import mesh as meshes
meshes.join(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
"""


def start(code: str, *arguments: str, **environment: str) -> subprocess.Popen:
    """Start a Python program."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )


def start_together(code: str, count: int, *arguments: str, devices: int = 1) -> list[subprocess.Popen]:
    """Start `count` processes that join before they run `code`; its own arguments begin at sys.argv[4]."""
    joined = ["127.0.0.1:" + free_port(), str(count)]
    return [
        start(JOIN + code, *joined, str(index), *arguments, JAX_NUM_CPU_DEVICES=str(devices)) for index in range(count)
    ]


def free_port() -> str:
    """Find a port that no program listens to."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


def finish(process: subprocess.Popen) -> str:
    """Return the program's last line."""
    out, err = process.communicate(timeout=150)
    assert process.returncode == 0, err
    return out.split("\n")[-2]
