"""Run all experiments at default settings: docs/claims.md tells what was measured, docs/figures/ keeps the pictures.

`python docs/claims.py NAME…` runs only some; what was measured of the others is known from docs/claims.json. With
`--runs FOLDER` what it runs is kept there, and what lies there is not run again. It ends with exit code 1 where a claim
does not hold or a run fails.
"""

import json
import sys
import tempfile
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro

import figures
from neuraxis import experiments
from neuraxis.app.labels import label
from neuraxis.app.report import number
from neuraxis.files import write_atomically
from runs import run_once

PAGE = Path(__file__).parent / "claims.md"
RECORD = PAGE.with_suffix(".json")  # by experiment, the content of its `metrics.json`


@dataclass(frozen=True)
class Options:
    """Which experiments to run."""

    names: tyro.conf.Positional[tuple[str, ...]] = ()
    """Experiments; all of them where none is given."""
    runs: Path | None = None
    """Where runs are kept, and taken from where they are done already; by default, all run anew and are not kept."""


def main(options: Options) -> int:
    """Run the experiments one after the other, each in a process of its own as a user's, and write the page."""
    record = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}
    failed: list[str] = []
    with nullcontext(options.runs) if options.runs else tempfile.TemporaryDirectory() as folder:
        for name in options.names or experiments.names():
            found = run_once(Path(folder) / name, name)
            if found is None or not all(claim["holds"] for claim in found["claims"]):
                failed.append(name)
            if found is not None:
                del found["command"]  # which names the folder of this run
                record[name] = found
                figures.keep(name, Path(folder) / name)
                write(record)
    if failed:
        print(f"claims that do not hold, or runs that failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def write(record: dict[str, Any]) -> None:
    """Write the record, without what is no experiment any more, and the page of it."""
    record = {name: record[name] for name in experiments.names() if name in record}
    write_atomically(RECORD, json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    write_atomically(PAGE, page(record))


def page(runs: dict[str, dict[str, Any]]) -> str:
    """Write the page of these runs, of which each is the content of its `metrics.json`."""
    lines = [
        "# Claims",
        "",
        "Experiments at their default settings, run by `make claims`, which fails where a claim does not hold. The",
        "seconds are those of whole runs, some of them beside other work on the same machine.",
        "",
        *(f"- {line}" for line in sorted({where(run) for run in runs.values()})),
        "",
        "| experiment | data | claim | bound | measured | seconds |",
        "| --- | --- | --- | --- | --- | --- |",
        *(row for name, run in runs.items() for row in _rows(f"[{name}](systems/{name}.md)", run)),
        "",
    ]
    return "\n".join(lines)


def where(run: dict[str, Any]) -> str:
    """Say on what a run was made."""
    versions = ", ".join(f"{name} {version}" for name, version in run["versions"].items())
    return f"{run['device']}; products of matrices in {run['precision']}; {versions}"


def _rows(name: str, run: dict[str, Any]) -> list[str]:
    """Write a row for each metric of which something is claimed."""
    rows, around = [], (name, run["data"], f"{run['seconds']:.0f}")
    for metric, bound in bounds(run).items():
        cells = *around[:2], label(metric), bound, measured(run, metric), around[2]
        rows.append(f"| {' | '.join(cells)} |")
        around = ("", "", "")
    return rows


def bounds(run: dict[str, Any]) -> dict[str, str]:
    """Write what is claimed of each metric; a claim of two sides is one."""
    found: dict[str, list[str]] = {}
    for claim in run["claims"]:
        relation = claim["relation"].replace("<=", "≤").replace(">=", "≥")
        mark = "" if claim["holds"] else " **missed**"
        found.setdefault(claim["metric"], []).append(f"{relation} {claim['bound']:.7g}{mark}")
    return {metric: ", ".join(texts) for metric, texts in found.items()}


def measured(run: dict[str, Any], metric: str) -> str:
    """Write what was measured of a metric."""
    value = run["metrics"][metric]
    return number(float("nan") if value is None else value)


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Options)))
