"""Run benchmarks and write a table: `python -m benchmarks [NAME…] [--rounds N] [--quick] [--out FILE]`."""

import importlib
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import tyro

from benchmarks.harness import Timing, Workload, measure
from neuraxis.files import write_atomically
from neuraxis.names import check_name
from neuraxis.runs import device, versions

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
    return sorted(f.stem for f in files if f.stem not in ("__init__", "__main__", "harness"))


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


def timed(name: str, quick: bool, rounds: int) -> list[tuple[str, ...]]:
    """Time the workload of one file."""
    workload = importlib.import_module(f"benchmarks.{name}").workload(quick)
    return rows(workload, measure(workload, rounds))


def main(options: Options) -> None:
    """Time every chosen workload and print the table."""
    for name in options.names:
        check_name("benchmark", name, names())
    table = [_HEAD, tuple("---" for _ in _HEAD)]
    # Each in a process of its own, so that none meets what another has left behind (Brian2 builds once a process).
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), max_tasks_per_child=1) as processes:
        for name in options.names or names():
            new = processes.submit(timed, name, options.quick, options.rounds).result()
            print(*("| " + " | ".join(row) + " |" for row in new), sep="\n", flush=True)
            table += new
    about = f"{device()}; " + ", ".join(f"{name} {version}" for name, version in versions().items())
    text = "\n".join("| " + " | ".join(row) + " |" for row in table)
    print(f"\n{about}\n\n{text}")
    if options.out is not None:
        write_atomically(options.out, f"{about}\n\n{text}\n")


if __name__ == "__main__":
    main(tyro.cli(Options, prog="python -m benchmarks", description=__doc__))
