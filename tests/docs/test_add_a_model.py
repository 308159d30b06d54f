"""The guide to adding a model, followed to the letter in a copy of the repository."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "guide" / "add-a-model.md"
BLOCK = re.compile(r'^```python title="([^"]+)"\n(.*?)^```$', re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("repository")
    for part in ("src", "tests"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    for part in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / part, folder)
    for name, content in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        with (folder / name).open("a", encoding="utf-8") as file:
            file.write(content)
    return folder


def run(folder, *command):
    environment = os.environ | {"PYTHONPATH": str(folder / "src")}
    done = subprocess.run([sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_its_experiment_runs(copy):
    assert "fitzhugh-nagumo" in run(copy, "-m", "neuraxis", "list")
    out = run(copy, "-m", "neuraxis", "run", "fitzhugh-nagumo", "--quick", "--out", "done")
    assert re.search(r"Amplitude\s+[\d.]+\s+>= 3 ✓", out)
    assert (copy / "done" / "potential.png").exists()


@pytest.mark.slow
def test_its_tests_pass(copy):
    tests = ("tests/neurons/test_fitzhugh_nagumo.py", "tests/contract", "tests/test_experiments.py")
    out = run(copy, "-m", "pytest", "-m", "", "-k", "fitzhugh or FitzHugh", *tests)
    assert int(re.search(r"(\d+) passed", out)[1]) > 10
