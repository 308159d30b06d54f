import dataclasses
import json
from dataclasses import dataclass
from types import ModuleType

import jax.numpy as jnp
import pytest

from neuraxis import plots
from neuraxis.app import runs
from neuraxis.errors import InputError
from neuraxis.experiment import Claim, Result, Session


@dataclass(frozen=True)
class Settings:
    size: int = 3
    sizes: tuple[int, ...] = (1, 2)


def experiment(run=None, with_session=False):
    """Make an experiment without a file."""
    module = ModuleType("neuraxis.experiments.made_up")
    module.__doc__ = "Made up: shows <nothing>.\n\nFor the test & only for it (2024)."

    def default(settings):
        return Result(
            {"size": float(settings.size)}, (Claim("size", ">=", 3.0),), model={"w": jnp.ones(2)}, data="none"
        )

    if with_session:
        module.run = lambda settings, session: (run or default)(settings, session)
    else:
        module.run = run or default
    module.Settings = Settings

    def plot(result):
        fig, axes = plots.figure(caption="A line & <a caption>.")
        axes.plot([0, 1])
        return {"line": fig}

    module.plot = plot
    return module


def test_leaves_everything_and_metrics_last(tmp_path):
    folder = tmp_path / "run"
    report = runs.run_experiment(experiment(), Settings(), folder, Session())
    names = {"settings.json", "metrics.json", "line.png", "report.html", "model.safetensors"}
    assert {p.name for p in folder.iterdir()} == names
    newest = max(folder.iterdir(), key=lambda p: p.stat().st_mtime_ns)
    assert newest.name == "metrics.json"
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["claims"] == [{"metric": "size", "relation": ">=", "bound": 3.0, "holds": True}]
    assert metrics["experiment"] == "made-up"
    assert report.failed_claims == []
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "shows &lt;nothing&gt;" in page
    assert "A line &amp; &lt;a caption&gt;." in page


def test_claims_are_about_default_settings_only(tmp_path):
    broken = lambda settings: Result({"size": 1.0}, (Claim("size", ">=", 3.0),))
    changed = runs.run_experiment(experiment(broken), Settings(size=1), tmp_path / "a", Session())
    assert changed.failed_claims == []
    default = runs.run_experiment(experiment(broken), Settings(), tmp_path / "b", Session())
    assert default.failed_claims == ["size = 1, claimed >= 3"]


def test_nan_never_keeps_a_claim():
    assert not Claim("x", ">=", 0.0).holds({"x": float("nan")})
    assert not Claim("x", "<=", 0.0).holds({"x": float("nan")})


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_a_run_that_saved_nothing_leaves_nothing(tmp_path, error):
    def fail(settings):
        raise error

    with pytest.raises(error):
        runs.run_experiment(experiment(fail), Settings(), tmp_path / "run", Session())
    assert not (tmp_path / "run").exists()


def test_a_run_that_saved_a_checkpoint_keeps_it(tmp_path):
    def fail(settings, session):
        (session.folder / "checkpoint.safetensors").write_bytes(b"years of work")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        runs.run_experiment(experiment(fail, with_session=True), Settings(), tmp_path / "made-up-1", Session())
    assert (tmp_path / "made-up-1" / "checkpoint.safetensors").exists()
    assert runs.unfinished("made-up", tmp_path) == tmp_path / "made-up-1"


def test_settings_survive_the_folder(tmp_path):
    settings = Settings(size=5, sizes=(7, 8, 9))
    runs.run_experiment(experiment(), settings, tmp_path / "run", Session())
    assert runs.stored_settings(experiment(), tmp_path / "run") == settings


def test_a_finished_run_is_not_interrupted(tmp_path):
    runs.run_experiment(experiment(), Settings(), tmp_path / "made-up-1", Session())
    with pytest.raises(InputError, match="there is no interrupted run of made-up"):
        runs.unfinished("made-up", tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is nothing to resume in"),
        ("{", "settings.json is damaged"),
        ('{"experiment": "made-up", "settings": {}}', "settings.json is damaged"),
        ('{"experiment": "lif", "settings": {"size": 1, "sizes": []}}', "holds a run of lif, not of made-up"),
    ],
)
def test_a_folder_that_cannot_be_resumed_is_refused(tmp_path, content, message):
    if content is not None:
        (tmp_path / "settings.json").write_text(content)
    with pytest.raises(InputError, match=message):
        runs.stored_settings(experiment(), tmp_path)


def test_sessions_are_given_to_those_who_take_them():
    assert runs.takes_session(experiment(with_session=True))
    assert not runs.takes_session(experiment())
    assert dataclasses.replace(Session(), resume=True).resume
