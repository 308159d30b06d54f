import ast
import json
from pathlib import Path

import pytest

from benchmarks import _record
from benchmarks.harness import Measured, Timing, Workload
from neuraxis import experiments

FOLDER = Path(_record.__file__).parent


def _workloads(path: Path) -> list[ast.Call]:
    calls = (node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call))
    return [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "Workload"]


def test_every_workload_names_an_experiment_that_exists():
    named = []
    for call in (call for path in sorted(FOLDER.glob("*.py")) for call in _workloads(path)):
        words = {word.arg: word.value for word in call.keywords}
        named.append(ast.literal_eval(words["experiment"] if "experiment" in words else call.args[1]))
    assert len(named) > 20
    assert set(named) <= set(experiments.names())


def test_an_entry_tells_all_sides():
    workload = Workload("x", "mlp", lambda: None, {"peer": lambda: None}, {"peer": 1.5})
    timings = [Timing("neuraxis", 1.2, 0.2, 0.01), Timing("peer", 0.5, 0.5, 0.02)]
    entry = _record.entry(workload, Measured(timings, {"slow": 9.0}, 0.5), 3, ("one setting",))
    ours, peer = (tuple(side.values()) for side in entry["sides"])
    assert ours == ("neuraxis", 0.2, 0.01, 1.0, 1.0, None)
    assert peer == ("peer", 0.5, 0.02, 0.0, 2.5, 1.5)
    assert (entry["experiment"], entry["busy"], entry["out_of_order"]) == ("mlp", True, {"slow": 9.0})
    assert {"python", "jax"} <= set(entry["versions"])
    assert json.loads(json.dumps(entry)) == entry


@pytest.mark.parametrize("share", [None, 0.01])
def test_a_machine_is_busy_only_where_that_is_known(share):
    assert not Measured([], {}, share).is_busy


def test_what_is_known_of_other_benchmarks_stays(tmp_path):
    path = tmp_path / "record.json"
    for name, title in (("lif", "old"), ("cnn", "a"), ("lif", "new")):
        _record.add(path, name, {"title": title})
    assert json.loads(path.read_text()) == {"cnn": {"title": "a"}, "lif": {"title": "new"}}
