"""Systems at a glance: what `make claims` and `make bench` have measured, as a page and as a short table in the README.

`python docs/overview.py` writes both from docs/claims.json and docs/benchmarks.json.
"""

import json
import re
from pathlib import Path
from typing import Any

import claims
from neuraxis import experiments
from neuraxis.app.labels import label
from neuraxis.files import write_atomically

DOCS = Path(__file__).parent
PAGE, README = DOCS / "overview.md", DOCS.parent / "README.md"
BENCHMARKS = DOCS / "benchmarks.json"  # by benchmark, written by `python -m benchmarks --record`
_BETWEEN = re.compile(r"(?<=<!-- systems: made by docs/overview.py -->\n).*?(?=<!-- end of systems -->)", re.DOTALL)
_COLUMNS = (
    *("system", "what it is", "claim", "measured", "claims that hold", "seconds"),
    *("benchmark", "fastest peer", "peer / neuraxis"),
)
# The claim that says most of a system, where that is not its first.
MAIN = {
    "adversarial-attack": "robust_ensemble",
    "diffusion": "confidence",
    "gradient-flow": "relu_he_factor_per_layer",
    "hopfield": "digits_restored_exactly",
    "lif": "rate_error_percent",
    "losses": "matching_gradient_when_wrong",
    "min-gru": "accuracy_of_3",
    "predictive-coding": "accuracy",
    "rbm": "log_likelihood_forward",
    "rnn": "accuracy_shortest_delay",
    "synapse": "correlation",
    "trades": "trades_pgd",
    "transformations": "product_spiking_rms_error",
    "transformer-lm": "validation_loss_2017",
}
_NOTHING = "—"  # where no benchmark exists, or nothing was measured yet

Record = dict[str, dict[str, Any]]


def main() -> None:
    """Write the page and the table in the README."""
    runs, timed = records()
    write_atomically(PAGE, page(runs, timed))
    write_atomically(README, with_table(README.read_text(encoding="utf-8"), runs, timed))


def records() -> tuple[Record, Record]:
    """Read what is known of the experiments and of the benchmarks, each by name."""
    runs, timed = (json.loads(path.read_text(encoding="utf-8")) for path in (claims.RECORD, BENCHMARKS))
    return runs, timed


def page(runs: Record, timed: Record) -> str:
    """Write the page."""
    lines = [
        "# Systems at a glance",
        "",
        "For each system one of its [claims](claims.md), what a run at default settings measured, how many",
        "claims hold, and how long the whole run took; and beside that each of its [benchmarks](benchmarks.md), with",
        "the fastest of the peers and how many times as long as neuraxis it takes for the same work. `make claims` and",
        "`make bench` measure, and this page is made of their records.",
        "",
        *sorted({f"- Claims: {claims.where(run)}" for run in runs.values()}),
        *sorted({f"- Benchmarks: {_where(entry)}" for entry in timed.values()}),
    ]
    for chapter, names in experiments.chapters().items():
        lines += ["", f"## {chapter}", "", *_head(*_COLUMNS)]
        lines += [row for name in names for row in _rows(name, runs, timed)]
    return "\n".join([*lines, ""])


def with_table(text: str, runs: Record, timed: Record) -> str:
    """Return the README with the short table in its place."""
    lines = _head("system", "claim", "measured", "peer's time / ours")
    for name in experiments.names():
        title = experiments.summary(name).partition(":")[0]
        claim, measured, *_ = _claim(name, runs)
        times = "; ".join(f"{peer}: {ratio}" for _, peer, ratio in _benchmarks(name, timed))
        lines.append(_row(f"[{title}](docs/systems/{name}.md)", claim, measured, times or _NOTHING))
    return _BETWEEN.sub(lambda _: "\n".join(["", *lines, "", ""]), text)


def _rows(name: str, runs: Record, timed: Record) -> list[str]:
    """Write the row of an experiment, and one more for each further benchmark."""
    around = f"[{name}](systems/{name}.md)", experiments.summary(name), *_claim(name, runs)
    first, *further = _benchmarks(name, timed) or [(_NOTHING, _NOTHING, _NOTHING)]
    return [_row(*around, *first), *(_row(*("",) * len(around), *cells) for cells in further)]


def _claim(name: str, runs: Record) -> tuple[str, str, str, str]:
    """Return the main claim of a run, what was measured of it, how many claims hold, and the seconds of the run."""
    run = runs.get(name)
    if run is None:
        return _NOTHING, _NOTHING, _NOTHING, _NOTHING
    bounds = claims.bounds(run)
    metric = MAIN[name] if MAIN.get(name) in bounds else next(iter(bounds))
    held = [claim["holds"] for claim in run["claims"]]
    return (
        f"{label(metric)} {bounds[metric]}",
        claims.measured(run, metric),
        f"{sum(held)} of {len(held)}",
        f"{run['seconds']:.0f}",
    )


def _benchmarks(name: str, timed: Record) -> list[tuple[str, str, str]]:
    """Return title, fastest peer and ratio of each benchmark of an experiment; those of the lab have no peer."""
    entries = (entry for entry in timed.values() if entry["experiment"] == name)
    return [_fastest_peer(entry) for entry in entries if len(entry["sides"]) > 1]


def _fastest_peer(entry: dict[str, Any]) -> tuple[str, str, str]:
    peer = min(entry["sides"][1:], key=lambda side: side["median"])
    busy = " (busy machine)" if entry["busy"] else ""
    return entry["title"], peer["name"], f"{peer['ratio']:.2g}{busy}"


def _where(entry: dict[str, Any]) -> str:
    return f"{entry['device']}; jax {entry['versions']['jax']}; {', '.join(entry['settings']) or 'process as it is'}"


def _head(*cells: str) -> list[str]:
    return [_row(*cells), _row(*("---" for _ in cells))]


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
