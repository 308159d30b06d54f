"""Run benchmarks and write a table: `python -m benchmarks [NAME…] [--rounds N] [--quick] …`."""

import importlib
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import tyro

from benchmarks import _record
from benchmarks.harness import OUT_OF_ORDER, Measured, NotHereError, Workload, measure
from neuraxis import process
from neuraxis.app.runs import device, versions
from neuraxis.errors import InputError
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
    record: Path | None = None
    """File to keep what was measured in, as JSON; what it knows of other benchmarks stays."""


def names() -> list[str]:
    """Names of all benchmarks: the files of this folder that have a workload."""
    files = Path(__file__).parent.glob("*.py")
    return sorted(f.stem for f in files if f.stem != "harness" and not f.stem.startswith("_"))


def rows(workload: Workload, measured: Measured) -> list[tuple[str, ...]]:
    """Lay the timings of one workload out for the table."""
    ours = measured.timings[0].median
    table = []
    for timing in measured.timings:
        target = workload.targets.get(timing.name)
        table.append(
            (
                workload.title,
                timing.name,
                f"{1e3 * timing.median:.4g}",
                f"{100 * timing.spread:.0f}",
                f"{1e3 * timing.compile:.0f}",
                "" if timing is measured.timings[0] else f"{timing.median / ours:.2f}",
                "" if target is None else f"≥ {target:g} {'✓' if timing.median / ours >= target else '✗'}",
            )
        )
    for name, seconds in measured.out_of_order.items():
        note = f"left out: more than {OUT_OF_ORDER} times as slow as another way"
        table.append((workload.title, name, f"{1e3 * seconds:.4g}", "", "", note, ""))
    return table


def circumstances(measured: Measured, settings: tuple[str, ...]) -> str:
    """Say on what a table was measured, and whether the machine was ours alone."""
    others = measured.used_by_others
    load = (
        "load unknown"
        if others is None
        else f"{'BUSY' if measured.is_busy else 'quiet'}: others used {others:.0%} of it"
    )
    about = [f"{device()}, {process.instruction_set()}", load]
    about += [", ".join(f"{name} {version}" for name, version in versions().items())]
    return "; ".join([*about, ", ".join(settings) or "process as it is"])


def main(options: Options) -> int:
    """Time every chosen workload and print its table; give 1 where a benchmark failed.

    Raises:
        InputError: for an unknown name, or where quick times were to be kept.
    """
    for name in options.names:
        check_name("benchmark", name, names())
    if options.record and options.quick:
        raise InputError("--record keeps times, and those of --quick mean little: leave one of the two out")
    tables, failed = [], []
    for name in options.names or names():
        table = _timed(name, options) if len(options.names) == 1 else _in_its_own_process(name, options)
        if table is None:
            failed.append(name)
        else:
            print(table, flush=True)
            tables.append(table)
    if options.out is not None:
        write_atomically(options.out, "\n".join(tables))
    if failed:
        print(f"benchmarks that failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _timed(name: str, options: Options) -> str:
    """Time one workload in this process, and write its table."""
    settings = process.tune()
    try:
        workload = importlib.import_module(f"benchmarks.{name}").workload(options.quick)
    except NotHereError as reason:
        return f"{name} is left out: {reason}"
    measured = measure(workload, options.rounds)
    if options.record is not None:
        _record.add(options.record, name, _record.entry(workload, measured, options.rounds, settings))
    table = [_HEAD, tuple("---" for _ in _HEAD), *rows(workload, measured)]
    return "\n".join("| " + " | ".join(row) + " |" for row in table) + f"\n\n{circumstances(measured, settings)}\n"


def _in_its_own_process(name: str, options: Options) -> str | None:
    """Run one benchmark so that it does not meet what another has left behind (Brian2 builds once a process).

    Nothing is given where it fails; it has said why.
    """
    command = [sys.executable, "-m", "benchmarks", name, "--rounds", str(options.rounds)]
    command += ["--quick"] if options.quick else []
    command += ["--record", str(options.record)] if options.record else []
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    return done.stdout if done.returncode == 0 else None


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Options, prog="python -m benchmarks", description=__doc__)))
