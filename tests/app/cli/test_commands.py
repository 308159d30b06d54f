"""The program as a user meets it, in processes of its own."""

import importlib.metadata
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from neuraxis import __version__, experiments, process
from neuraxis.app.begun import Begun
from neuraxis.app.cli import EXTRAS, commands, is_short, main, output
from neuraxis.engine import checkpoint
from neuraxis.experiment import Claim, Result

TINY = ("--data", "digits", "--hidden-sizes", "8", "--steps", "20")


def refused(done, message):
    """The program ended with one clear sentence and no traceback."""
    assert done.returncode == 2, done
    assert "Traceback" not in done.stderr
    assert re.search(message, " ".join(done.stderr.split())), done.stderr


def test_version(neuraxis):
    assert neuraxis("--version").stdout == f"neuraxis {__version__}\n"


def test_list_names_every_experiment_with_a_line(neuraxis):
    done = neuraxis("list")
    assert done.returncode == 0
    for name in experiments.names():
        assert re.search(rf"^ *{name}\s+\S", done.stdout, re.MULTILINE)
    lines = done.stdout.splitlines()
    assert lines[0].strip() == experiments.CHAPTERS[0]
    assert experiments.CHAPTERS[-1] not in done.stdout  # every experiment has its place


@pytest.mark.parametrize("arguments", [["list"], ["--help"], ["data", "list"], ["run"]])
def test_simple_questions_are_answered_without_importing_jax(arguments):
    code = f"""
import sys
from neuraxis.app.cli import main
try:
    main({arguments!r})
except SystemExit:
    pass
assert not {{"jax", "matplotlib", "equinox"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_the_package_runs_as_a_module():
    done = subprocess.run([sys.executable, "-m", "neuraxis", "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"neuraxis {__version__}\n")


@pytest.mark.slow
def test_a_run_leaves_its_folder(neuraxis, tmp_path):
    done = neuraxis("run", "mlp", *TINY, "--out", "here")
    assert done.returncode == 0, done.stderr
    assert "Test accuracy" in done.stdout
    assert "scikit-learn's digits" in " ".join(done.stdout.split())
    folder = tmp_path / "here"
    names = {"settings.json", "metrics.json", "report.html", "model.safetensors", "checkpoint.safetensors"}
    assert names | {"learning.png", "confusion.png", "mistakes.png"} == {p.name for p in folder.iterdir()}
    metrics = json.loads((folder / "metrics.json").read_text())
    assert list(metrics) == [
        "experiment", "settings", "metrics", "claims", "data", "command", "seconds", "precision", "versions", "device",
    ]  # fmt: skip
    assert metrics["command"] == f"neuraxis run mlp {' '.join(TINY)} --out here"
    assert metrics["experiment"] == "mlp"
    assert metrics["settings"]["hidden_sizes"] == [8]
    assert set(metrics["claims"][0]) == {"metric", "relation", "bound", "holds"}
    assert (folder / "learning.png").read_bytes().startswith(b"\x89PNG")
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.count("<img") == 3
    assert not re.search(r"(src|href)=\"?(https?:)?//", page)  # self-contained


@pytest.mark.slow
def test_a_used_folder_is_not_overwritten(neuraxis, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    refused(neuraxis("run", "activations", "--quick", "--out", "mine"), "mine is not empty; choose another folder")
    refused(neuraxis("tour", "--out", "mine"), "mine is not empty; choose another folder")
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "lyf"], "unknown experiment 'lyf'; did you mean 'lif'"),
        (["run", "zzzz"], "unknown experiment 'zzzz'; choose from .*hopfield"),
        (["rum", "lif"], "run"),
        (["run"], "NAME"),
        (["run", "lif", "--tau", "3"], "--tau-m"),
        (["run", "lif", "--tau-m", "fast"], "--tau-m"),
        (["run", "lif", "--tau-m", "-1"], "^neuraxis: --tau-m must be positive and finite, but is -1.0$"),
        (["run", "lif", "--dt", "0"], "^neuraxis: --dt must be positive and finite, but is 0.0$"),
        (
            ["run", "lif", "--dt", "nan"],
            "^neuraxis: --dt must be 0 or between 1e-12 and 1e12 in magnitude, but is nan$",
        ),
        (["run", "lif", "--dt", "1e308"], "--dt must be 0 or between 1e-12 and 1e12 in magnitude, but is 1e[+]308"),
        (["run", "lif", "--dt", "1e-46"], "--dt must be 0 or between 1e-12 and 1e12 in magnitude, but is 1e-46"),
        (["run", "lif", "--dt", "1e-9"], "--duration must be between 20 and 1e[+]09 steps of dt"),
        (["run", "lif", "--dt", "1e-5", "--drives", "10000"], "--dt = 1e-05 needs about 14.6 TiB of memory, but only"),
        (["run", "lif", "--steps"], "--steps must name at least one value, but is empty"),
        (["run", "mlp", "--seed", "-1"], "^neuraxis: --seed must be an integer from 0 to 2³² − 1, but is -1$"),
        (["run", "mlp", "--seed", "4294967296"], "--seed must be an integer from 0 to 2³² − 1, but is 4294967296"),
        (["run", "mlp", "--seed", "1" + "0" * 40], "--seed must be an integer from 0 to"),
        (["run", "mlp", "--seed", "1" + "0" * 5000], "--seed"),
        (["run", "mlp", "--steps", "3000000000"], "--steps must be at most 1e9 in magnitude, but is 3000000000"),
        (["run", "mlp", "--hidden-sizes", "1000000000000"], "--hidden-sizes must be at most 1e9 in magnitude"),
        (
            ["run", "mlp", "--hidden-sizes", "900000", "900000"],
            r"--hidden-sizes = \(900000, 900000\) needs about \S+ TiB",
        ),
        (["run", "cnn", "--shifts"], "--shifts must name at least one value, but is empty"),
        (
            ["run", "cnn", "--data", "digits", "--shifts", "30"],
            "shifts must include one of at most 2 pixels",
        ),
        (["run", "optimizers", "--target-loss", "3"], "--target-loss must be between 0.001 and 2, but is 3.0"),
        (["run", "universal-approximation", "--eps"], "--eps must name at least one value, but is empty"),
        (["run", "hopfield", "--max-sweeps", "3000000000"], "--max-sweeps must be at most 1e9 in magnitude"),
        (["run", "coba", "--probability", "2"], "--probability must be between 0 and 1, but is 2.0"),
        (["run", "lif", "--precision", "half"], "--precision"),
        (["run", "lif", "--out", ""], "--out must name a folder, but is ''"),
        (
            ["run", "lif", "--quick", "--out", "x" * 300],
            "cannot be created .File name too long.; choose another with --out",
        ),
        (["run", "mlp", "--data", "mnits"], "mnist"),
        (["run", "mlp", "--hidden-sizes", "0"], "--hidden-sizes must be an integer of at least 1, but is 0"),
        (["run", "mlp", "--mesh", "data=1000", *TINY], "needs 1000 devices, but there (is|are)"),
        (["run", "mlp", "--mesh", "data=0", *TINY], "--mesh data=0: data must be an integer of at least 1"),
        (["run", "mlp", "--mesh", "data=²", *TINY], "--mesh data=²: a mesh must be given as data=4"),
        (["run", "mlp", "--mesh", "many", *TINY], "--mesh many: a mesh must be given as data=4"),
        (["run", "mlp", "--join", "here", *TINY], "--join must be HOST:PORT,PROCESSES,INDEX or auto"),
        (["run", "mlp", "--join", "here:1,²,0", *TINY], "--join must be .* but is 'here:1,²,0'"),
        (["run", "mlp", "--join", "here:1,2,-1", *TINY], "--join must be .* but is 'here:1,2,-1'"),
        (
            ["run", "mlp", "--join", "here:1,2,2", *TINY],
            "--join here:1,2,2: the index .* must be below .* processes, 2",
        ),
        (["run", "mlp", "--join", "here:0,2,1", *TINY], "--join here:0,2,1: .* a port from 1 to 65535"),
        (["run", "mlp", "--resume"], "there is no interrupted run of mlp in runs/"),
        (["run", "mlp", "--resume", "--out", "nowhere"], "nothing to resume in nowhere"),
        (["run", "lif", "--quick", "--out", "/dev/null/x"], "/dev/null/x.*(Not a directory|exist)"),
        (["data", "fetch", "mnits"], "did you mean 'mnist'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistakes_get_one_clear_sentence(tmp_path, monkeypatch, capsys, as_user, arguments, message):
    # Within this process: a hundred starts of the program would take minutes, and `main` is all that it runs.
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    err = " ".join(capsys.readouterr().err.split())
    assert "Traceback" not in err
    assert re.search(message, err), err
    assert not list(tmp_path.iterdir())  # nothing is left behind


def test_a_mistake_ends_the_real_program_with_exit_code_2(neuraxis):
    refused(neuraxis("run", "lyf"), "unknown experiment 'lyf'; did you mean 'lif'")


@pytest.mark.slow
def test_a_learning_rate_that_is_too_large_says_so(neuraxis):
    done = neuraxis("run", "mlp", *TINY, "--hidden-sizes", *"8888", "--learning-rate", "1e12", "--out", "here")
    refused(done, r"stopped being finite at step \d+ .*a smaller learning rate may help")


@pytest.mark.slow
def test_damaged_data_are_refused(neuraxis, tmp_path):
    (tmp_path / "data" / "mnist").mkdir(parents=True)
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        (tmp_path / "data" / "mnist" / f"{name}-ubyte").write_bytes(b"\0\0\x08\x01\0\0\0\x05abc")
    done = neuraxis("run", "mlp", env={"NEURAXIS_DATA": "data"})
    refused(done, "ubyte is damaged or altered: its SHA256 is")


@pytest.mark.slow
def test_a_full_disk_is_reported_and_leaves_nothing_half_written(tmp_path):
    program = Path(sys.executable).with_name("neuraxis")
    command = f"ulimit -f 5; {program} run activations --quick --out here"  # no file above 5 KiB
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "JAX_ENABLE_COMPILATION_CACHE": "false"},
    )
    refused(done, "no space left on the device")
    assert not (tmp_path / "here").exists()


class Running:
    """A long run of the program that can be interrupted."""

    def __init__(self, tmp_path: Path, *arguments: str):
        command = [str(Path(sys.executable).with_name("neuraxis")), "run", "mlp", "--out", "long", *arguments]
        self.process = subprocess.Popen(
            command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def interrupt(self) -> tuple[int, str]:
        self.process.send_signal(signal.SIGINT)
        _, err = self.process.communicate(timeout=60)
        return self.process.returncode, err


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.05)


@pytest.mark.slow
def test_an_interrupted_run_says_how_to_go_on_and_does(neuraxis, tmp_path):
    folder, path = tmp_path / "long", tmp_path / "long" / "checkpoint.safetensors"
    running = Running(tmp_path, "--data", "digits", "--hidden-sizes", "8", "--steps", "100000000")
    wait_for(path.exists)
    code, err = running.interrupt()
    assert code == 130, err
    assert "interrupted; neuraxis run mlp --out long --resume resumes it" in " ".join(err.split())
    assert {p.name for p in folder.iterdir()} == {"settings.json", "checkpoint.safetensors"}
    epochs = len(checkpoint.about(path)["history"]["loss"])

    refused(
        neuraxis("run", "mlp", "--out", "long"), "long is not empty; choose another folder, or continue with --resume"
    )
    refused(neuraxis("run", "mlp", "--out", "long", "--resume", "--seed", "3"), "omit the other settings")

    written = path.stat().st_mtime
    running = Running(tmp_path, "--resume")
    wait_for(lambda: path.stat().st_mtime > written)
    code, err = running.interrupt()
    assert code == 130, err
    assert len(checkpoint.about(path)["history"]["loss"]) > epochs

    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    refused(neuraxis("run", "mlp", "--out", "long", "--resume"), "checkpoint.safetensors is damaged")


def test_a_closed_pipe_is_no_error(tmp_path):
    program = Path(sys.executable).with_name("neuraxis")
    done = subprocess.run(f"{program} list | true", shell=True, capture_output=True, text=True, cwd=tmp_path)
    assert done.stderr == ""


@pytest.mark.slow
def test_completion_knows_the_experiments_and_their_settings(neuraxis):
    script = neuraxis("completion", "bash").stdout
    assert "hodgkin-huxley" in script
    assert "--hidden-sizes" in script


def test_data_list_says_what_is_at_hand(neuraxis):
    lines = neuraxis("data", "list", env={"NEURAXIS_DATA": ""}).stdout.splitlines()
    digits = next(line for line in lines if line.startswith("digits"))
    assert "available" in digits
    assert any(line.startswith("cifar10") for line in lines)


@pytest.mark.slow
def test_the_model_of_a_run_can_be_loaded(neuraxis, tmp_path):
    import jax

    from neuraxis.feedforward import MLP

    assert neuraxis("run", "mlp", *TINY, "--out", "here").returncode == 0
    model = checkpoint.load(tmp_path / "here" / "model.safetensors", MLP((64, 8, 10), key=jax.random.key(5)))
    assert np.isfinite(model(np.ones(64, np.float32))).all()


def ends(capsys, *arguments):
    """Run the program within this process, and give its exit code and what it wrote."""
    with pytest.raises(SystemExit) as end:
        main(arguments)
    written = capsys.readouterr()
    return end.value.code, written.out, " ".join(written.err.split())


@pytest.fixture
def ready(monkeypatch, tmp_path):
    """Let every run be done at once, in an empty folder, with a claim of two sides and a number that is undefined."""
    module = experiments.load("lif")
    claims = (Claim("rate", ">=", 1.0), Claim("rate", "<=", 2.0))
    monkeypatch.setattr(module, "run", lambda settings: Result({"rate": 1.5, "cv": float("nan")}, claims))
    monkeypatch.setattr(module, "plot", lambda result: {})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(output, "lost", None)
    # It is ignored where a script runs the tests in the background.
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield module
    signal.signal(signal.SIGINT, usual)


def test_both_bounds_are_shown_and_what_is_undefined_is_said(ready, capsys):
    code, out, _ = ends(capsys, "run", "lif", "--out", "here")
    assert code == 0
    assert re.search(r"Rate\s+1.5\s+>= 1 ✓  <= 2 ✓", out)
    assert re.search(r"CV\s+undefined", out)
    assert json.loads(Path("here/metrics.json").read_text())["metrics"] == {"rate": 1.5, "cv": None}


@pytest.mark.parametrize("error", [MemoryError("Unable to allocate 9 TiB"), RuntimeError("RESOURCE_EXHAUSTED: 9 TiB")])
def test_running_out_of_memory_is_said(ready, capsys, monkeypatch, error):
    def run(settings):
        raise error

    monkeypatch.setattr(ready, "run", run)
    code, _, err = ends(capsys, "run", "lif")
    assert (code, err) == (2, f"neuraxis: there is not enough memory for these settings: {error}")
    assert not Path("runs").exists()


def test_a_mistake_of_ours_does_not_look_like_a_missed_claim(ready, capsys, monkeypatch):
    monkeypatch.setattr(ready, "run", lambda settings: 1 / 0)
    code, _, err = ends(capsys, "run", "lif")
    assert code == 3
    assert "ZeroDivisionError" in err
    assert "this is a bug in neuraxis, not in what you typed" in err


@pytest.mark.parametrize("command", [("run", "lif"), ("tour",), ("completion", "bash")])
def test_a_missing_extra_is_named(capsys, monkeypatch, command):
    def load(name):
        raise ModuleNotFoundError("No module named 'matplotlib.pyplot'", name="matplotlib.pyplot")

    monkeypatch.setattr(experiments, "load", load)
    monkeypatch.setattr(commands, "_at_once", lambda: 1)  # the experiments of a tour are loaded by this process then
    code, _, err = ends(capsys, *command)
    assert code == 2
    assert f"neuraxis {' '.join(command)} needs matplotlib, which is not installed: pip install" in err
    assert '"neuraxis[experiments]"' in err


@pytest.mark.parametrize("extra", EXTRAS)
def test_all_packages_of_an_extra_are_known(extra):
    asked = {r for r in importlib.metadata.requires("neuraxis") or () if re.search(rf"extra == .{extra}.$", r)}
    needed = {re.match(r"[\w-]+", requirement)[0].lower() for requirement in asked}
    imported = importlib.metadata.packages_distributions()
    known = {name: {imported[module][0].lower() for module in modules} for name, modules in EXTRAS.items()}
    others = set().union(*(packages for name, packages in known.items() if name != extra))
    assert known[extra] <= needed <= known[extra] | others | {"neuraxis"}, "see neuraxis.app.cli.EXTRAS"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_any_encoding_can_be_written_to(ready, monkeypatch, tmp_path, encoding):
    monkeypatch.setattr(ready, "__doc__", "Rates → 1/τ.")
    with open(tmp_path / "out", "w", encoding=encoding) as stream, pytest.raises(SystemExit) as end:
        monkeypatch.setattr(sys, "stdout", stream)
        main(["run", "lif", "--out", "ü→"])
    assert end.value.code == 0
    assert re.search(r"Rate\s+1.5\s+>= 1 holds  <= 2 holds", (tmp_path / "out").read_text(encoding))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="has no such device")
def test_results_are_there_where_they_cannot_be_printed(ready, monkeypatch, capsys):
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(SystemExit) as end:
            main(["run", "lif", "--out", "here"])
    assert end.value.code == 2
    message = "neuraxis: the run is complete, but standard output could not be written: No space left on device"
    assert " ".join(capsys.readouterr().err.split()) == message
    assert Path("here/metrics.json").exists()


def test_a_reader_that_has_gone_is_no_failure(ready, monkeypatch):
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w") as pipe:
        monkeypatch.setattr(sys, "stdout", pipe)
        with pytest.raises(SystemExit) as end:
            main(["run", "lif", "--out", "here"])
    assert end.value.code == 0
    assert Path("here/metrics.json").exists()


def test_closed_streams_are_no_failure(ready, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", None)
        patch.setattr(sys, "stderr", None)
        with pytest.raises(SystemExit) as end:
            main(["run", "lif", "--out", "here"])
        sys.stdout.close()
        sys.stderr.close()
    assert end.value.code == 0


def test_help_fits_into_a_narrow_terminal(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "3")
    code, out, _ = ends(capsys, "run", "lif", "--help")
    assert code == 0
    assert "--tau-m" in out


def test_an_interrupt_in_a_finalizer_is_not_lost(ready, capsys, monkeypatch):
    class Finalized:
        def __del__(self):
            raise KeyboardInterrupt

    def run(settings):
        Finalized()
        for _ in range(500):
            time.sleep(0.01)

    monkeypatch.setattr(ready, "run", run)
    assert ends(capsys, "run", "lif") == (130, "", "neuraxis: interrupted")


def test_a_run_goes_on_as_it_was_compiled(tmp_path, monkeypatch):
    short = f"--xla_a=1 {process.NOT_UNROLLED}"
    Begun("mlp", {}, xla_flags=short).write(tmp_path / "runs" / "mlp-1")
    Begun("mlp", {}).write(tmp_path / "long")
    monkeypatch.chdir(tmp_path)
    assert is_short(["run", "mlp", "--resume"])
    assert not is_short(["run", "mlp", "--quick", "--resume", "--out", "long"])
    assert is_short(["run", "mlp", "--quick"])
    assert is_short(["run", "lif", "--quick", "--resume"])  # what is wrong with it is said later
