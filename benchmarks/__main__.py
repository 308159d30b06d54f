"""Run benchmarks and write a table: `python -m benchmarks [NAME…] [--rounds N] [--quick] [--out FILE]`."""

import importlib
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import tyro

from benchmarks.harness import Timing, Workload, measure
from neuraxis import process
from neuraxis.app.runs import device, versions
from neuraxis.files import write_atomically
from neuraxis.names import check_name

_HEAD = ("workload", "side", "median [ms]", "± [%]", "compile [ms]", "peer / ours", "target")


@dataclass(frozen=True)
class Options:
    """Which benchmarks to run, and how often."""

    names: tyro.conf.Positional[tuple[str, ...]] = ()
    """Names of the benchmarks; all of them where none is given."""
    rounds: int = 7
    """How often each side is timed."""
    quick: tyro.conf.FlagCreatePairsOff[bool] = False
    """Shrink the work, to see that all sides run; the times then mean little."""
    out: Path | None = None
    """File to write the table to, as Markdown."""


def names() -> list[str]:
    """Names of all benchmarks: the files of this folder that have a workload."""
    files = Path(__file__).parent.glob("*.py")
    return sorted(f.stem for f in files if f.stem != "harness" and not f.stem.startswith("_"))


def rows(workload: Workload, timings: list[Timing]) -> list[tuple[str, ...]]:
    """Lay the timings of one workload out for the table."""
    ours = timings[0].median
    table = []
    for timing in timings:
        target = workload.targets.get(timing.name)
        table.append(
            (
                workload.title,
                timing.name,
                f"{1e3 * timing.median:.4g}",
                f"{100 * timing.spread:.0f}",
                f"{1e3 * timing.compile:.0f}",
                "" if timing is timings[0] else f"{timing.median / ours:.2f}",
                "" if target is None else f"≥ {target:g} {'✓' if timing.median / ours >= target else '✗'}",
            )
        )
    return table


def main(options: Options) -> None:
    """Time every chosen workload and print the table."""
    for name in options.names:
        check_name("benchmark", name, names())
    if len(options.names) == 1:
        settings = process.tune()
        workload = importlib.import_module(f"benchmarks.{options.names[0]}").workload(options.quick)
        table = [_HEAD, tuple("---" for _ in _HEAD), *rows(workload, measure(workload, options.rounds))]
        about = f"{device()}; " + ", ".join(f"{name} {version}" for name, version in versions().items())
        about = f"{about}; {', '.join(settings) or 'process as it is'}"
        text = "\n".join("| " + " | ".join(row) + " |" for row in table) + f"\n\n{about}\n"
    else:
        text = "\n".join(_in_its_own_process(name, options) for name in options.names or names())
    print(text, flush=True)
    if options.out is not None:
        write_atomically(options.out, text)


def _in_its_own_process(name: str, options: Options) -> str:
    """Run one benchmark so that it does not meet what another has left behind (Brian2 builds once a process)."""
    command = [sys.executable, "-m", "benchmarks", name, "--rounds", str(options.rounds)]
    command += ["--quick"] if options.quick else []
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    main(tyro.cli(Options, prog="python -m benchmarks", description=__doc__))
