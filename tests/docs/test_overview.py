"""The page of all systems and the table in the README are what the records give."""

import importlib
from pathlib import Path

import pytest

from neuraxis import experiments

DOCS = Path(__file__).parents[2] / "docs"
RUN = {
    "claims": [
        {"metric": "rate_error_percent", "relation": ">=", "bound": 0.1, "holds": True},
        {"metric": "rate_error_percent", "relation": "<=", "bound": 0.2, "holds": False},
    ],
    "metrics": {"rate_error_percent": 0.3},
    "seconds": 12.3,
    "device": "cpu",
    "precision": "float32",
    "versions": {"jax": "0"},
}
TIMED = {
    "title": "much work",
    "experiment": "lif",
    "sides": [
        {"name": "neuraxis", "median": 1.0, "ratio": 1.0},
        {"name": "slow", "median": 9.0, "ratio": 9.0},
        {"name": "fast", "median": 2.0, "ratio": 2.0},
    ],
    "busy": False,
    "settings": [],
    "device": "cpu",
    "versions": {"jax": "0"},
}


@pytest.fixture
def overview(monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS))
    return importlib.import_module("overview")


def test_page_and_readme_are_what_the_records_give(overview):
    records = overview.records()
    readme = overview.README.read_text(encoding="utf-8")
    assert overview.page(*records) == overview.PAGE.read_text(encoding="utf-8"), "python docs/overview.py writes it"
    assert overview.with_table(readme, *records) == readme, "python docs/overview.py writes it"


def test_a_row_tells_claim_figure_time_and_the_fastest_peer(overview):
    without_peers = TIMED | {"sides": TIMED["sides"][:1]}
    timed = {"lif": TIMED, "lif_busy": TIMED | {"busy": True}, "lif_in_the_lab": without_peers}
    page = overview.page({"lif": RUN}, timed)
    first, second, after = page[page.index("| [lif]") :].splitlines()[:3]
    around = "| 0.3 | ≥ 0.1, ≤ 0.2 **missed** | 1 of 2 | 12 | much work | fast | 2 |"
    assert first.startswith("| [lif](systems/lif.md) | Leaky integrate-and-fire neuron: ")
    assert first.endswith(around)
    assert second.endswith("| much work | fast | 2 (busy machine) |")
    assert after.startswith("| [synapse]")


def test_what_is_not_recorded_is_left_open(overview):
    page = overview.page({}, {})
    rows = [line for line in page.splitlines() if line.startswith("| [")]
    assert [row.split("]")[0].removeprefix("| [") for row in rows] == experiments.names()
    assert all(row.endswith("| — | — | — | — | — | — | — |") for row in rows)


def test_main_claims_are_recorded(overview):
    runs, _ = overview.records()
    assert list(overview.MAIN) == experiments.names()
    for name, (metric, _) in overview.MAIN.items():
        assert metric in {claim["metric"] for claim in runs[name]["claims"]}
