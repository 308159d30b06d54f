import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import __main__ as program
from benchmarks.__main__ import Options, main
from neuraxis.errors import InputError

FOLDER = Path(program.__file__).parent


def test_the_failure_of_one_benchmark_does_not_lose_the_others(monkeypatch, capsys, tmp_path):
    def run(command, **_):
        failed = "cnn" in command
        return subprocess.CompletedProcess(command, int(failed), "" if failed else f"table of {command[3]}\n")

    monkeypatch.setattr(program.subprocess, "run", run)
    out = tmp_path / "tables.md"
    assert main(Options(("lif", "cnn", "mlp"), out=out)) == 1
    shown = capsys.readouterr()
    assert "table of lif" in shown.out
    assert "table of mlp" in shown.out
    assert "cnn" in shown.err
    assert out.read_text() == "table of lif\n\ntable of mlp\n"
    assert main(Options(("lif", "mlp"))) == 0


def test_the_record_is_handed_on(monkeypatch, tmp_path):
    commands = []

    def run(command, **_):
        commands.append(command)
        return subprocess.CompletedProcess(command, 0, "")

    monkeypatch.setattr(program.subprocess, "run", run)
    main(Options(("lif", "mlp"), record=tmp_path / "record.json"))
    assert all(command[-2:] == ["--record", str(tmp_path / "record.json")] for command in commands)


def test_quick_times_are_not_kept(tmp_path):
    with pytest.raises(InputError, match="--quick"):
        main(Options(("lif",), quick=True, record=tmp_path / "record.json"))


def test_the_process_can_still_be_tuned():
    program = "import sys, benchmarks.__main__; sys.exit('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=FOLDER.parent).returncode == 0
