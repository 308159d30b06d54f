import dataclasses
import json
import shutil
from dataclasses import dataclass
from types import ModuleType

import jax
import jax.numpy as jnp
import pytest

from neuraxis import plots
from neuraxis.app import begun, folders, runs
from neuraxis.errors import InputError
from neuraxis.experiment import Claim, Result, Session


@dataclass(frozen=True)
class Settings:
    size: int = 3
    sizes: tuple[int, ...] = (1, 2)

    def memory(self):
        return 1e9 * max(self.size, *self.sizes)


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
    module.EQUATIONS = "\nx < 1\n\n\\frac{1}{2}\\n"
    module.Settings = Settings
    module.QUICK = Settings(size=2)

    def plot(result):
        fig, axes = plots.figure(caption="A line & <a caption>.")
        axes.plot([0, 1])
        return {"line": fig}

    module.plot = plot
    return module


def test_the_report_shows_the_equations(tmp_path):
    runs.run_experiment(experiment(), Settings(), tmp_path / "run", Session())
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert page.count("<math") == 2
    assert "<mfrac>" in page
    assert "<mo>&#x0003C;</mo>" in page  # x < 1


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


def test_claims_are_about_default_and_quick_settings_only(tmp_path):
    broken = lambda settings: Result({"size": 1.0}, (Claim("size", ">=", 3.0, quick=2.0),))
    changed = runs.run_experiment(experiment(broken), Settings(size=1), tmp_path / "a", Session())
    assert changed.failed_claims == []
    default = runs.run_experiment(experiment(broken), Settings(), tmp_path / "b", Session())
    assert default.failed_claims == ["size = 1, claimed >= 3"]
    quick = runs.run_experiment(experiment(broken), Settings(size=2), tmp_path / "c", Session())
    assert quick.failed_claims == ["size = 1, claimed >= 2"]


def test_nan_never_keeps_a_claim():
    assert not Claim("x", ">=", 0.0).holds({"x": float("nan")})
    assert not Claim("x", "<=", 0.0).holds({"x": float("nan")})


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
@pytest.mark.parametrize("there", [False, True])
def test_a_run_that_saved_nothing_leaves_what_was_there(tmp_path, error, there):
    def fail(settings):
        raise error

    if there:
        (tmp_path / "run").mkdir()
    with pytest.raises(error):
        runs.run_experiment(experiment(fail), Settings(), tmp_path / "run" / "inner", Session())
    assert (tmp_path / "run").exists() == there
    assert not (tmp_path / "run" / "inner").exists()


def interrupt_after_saving(settings, session):
    (session.folder / "checkpoint.safetensors").write_bytes(b"years of work")
    raise KeyboardInterrupt


def test_a_run_that_saved_a_checkpoint_keeps_it(tmp_path):
    folder = tmp_path / "made-up-1"
    with pytest.raises(KeyboardInterrupt, match=r"neuraxis run made-up --out .*made-up-1 --resume resumes it"):
        runs.run_experiment(experiment(interrupt_after_saving, with_session=True), Settings(), folder)
    assert folders.content(folder) == {"settings.json", "checkpoint.safetensors"}
    assert begun.unfinished("made-up", tmp_path) == folder


def test_what_cannot_be_resumed_does_not_promise_it(tmp_path):
    module = experiment()

    def interrupted(result):
        (tmp_path / "run" / "notes.txt").touch()
        raise KeyboardInterrupt

    module.plot = interrupted
    with pytest.raises(KeyboardInterrupt) as raised:
        runs.run_experiment(module, Settings(), tmp_path / "run")
    assert str(raised.value) == ""


def test_a_failing_resume_removes_nothing(tmp_path):
    def fail(settings, session):
        raise ValueError("no data")

    module = experiment(fail, with_session=True)
    runs.begin(module, Settings()).write(tmp_path)
    with pytest.raises(ValueError, match="no data"):
        runs.run_experiment(module, Settings(), tmp_path, Session(resume=True))
    assert folders.content(tmp_path) == {"settings.json"}


def test_a_folder_that_is_removed_in_the_middle_is_made_again(tmp_path):
    def remove(settings):
        shutil.rmtree(tmp_path / "run")
        return Result({"size": 3.0}, ())

    runs.run_experiment(experiment(remove), Settings(), tmp_path / "run")
    assert folders.content(tmp_path / "run") == {"settings.json", "metrics.json", "line.png", "report.html"}


def test_no_more_memory_is_asked_for_than_there_is(tmp_path, monkeypatch):
    monkeypatch.setattr(runs.process, "memory", lambda: 8e9)
    with pytest.raises(
        InputError, match=r"^size = 20 needs about 18.6 GiB of memory, but only 7.45 GiB are available$"
    ):
        runs.run_experiment(experiment(), Settings(size=20), tmp_path / "run")
    assert not (tmp_path / "run").exists()
    with pytest.raises(InputError, match=r"^sizes = \(9, 20\) needs"):
        runs.check_memory(Settings(sizes=(9, 20)))
    runs.check_memory(Settings(size=8))


def test_processes_that_joined_share_a_folder(tmp_path, monkeypatch):
    def join(settings):
        monkeypatch.setattr(runs, "_is_first", lambda: False)
        runs.run_experiment(experiment(), Settings(), tmp_path / "run")
        return Result({"size": 3.0}, ())

    runs.run_experiment(experiment(join), Settings(), tmp_path / "run")
    assert "metrics.json" in folders.content(tmp_path / "run")


def test_products_are_in_the_precision_of_the_run(tmp_path):
    seen = []

    def look(settings):
        seen.append(jax.config.values["jax_default_matmul_precision"])
        return Result({"size": 3.0}, ())

    module, before = experiment(look), jax.config.values["jax_default_matmul_precision"]
    runs.run_experiment(module, Settings(), tmp_path / "a")
    less = runs.begin(module, Settings(), precision="bfloat16")
    report = runs.run_experiment(module, Settings(), tmp_path / "b", begun=less)
    assert seen == ["float32", "bfloat16"]
    assert report.as_metrics()["precision"] == "bfloat16"
    assert jax.config.values["jax_default_matmul_precision"] == before


def test_sessions_are_given_to_those_who_take_them():
    assert runs.takes_session(experiment(with_session=True))
    assert not runs.takes_session(experiment())
    assert dataclasses.replace(Session(), resume=True).resume
