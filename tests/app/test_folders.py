import os
import subprocess
import sys
from pathlib import Path

import pytest

from neuraxis.app import folders
from neuraxis.errors import InputError


def test_runs_that_begin_in_the_same_second_have_folders_of_their_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with folders.hold(None, "lif") as first, folders.hold(None, "lif") as second:
        assert first != second
        assert first.parent == second.parent == folders.PARENT
        (first / "metrics.json").touch()
    assert [path.name for path in (tmp_path / "runs").iterdir()] == [first.name]  # the empty one is gone


def test_what_was_there_stays(tmp_path):
    with folders.hold(tmp_path, "lif"):
        assert folders.content(tmp_path) == set()
    with folders.hold(tmp_path / "a" / "b", "lif"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_held_by_one_run(tmp_path):
    with (
        folders.hold(tmp_path, "lif"),
        pytest.raises(InputError, match=rf"in use by another run that is still active \(process {os.getpid()} on"),
        folders.hold(tmp_path, "lif"),
    ):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="has no such locks")
def test_a_killed_run_holds_nothing(tmp_path):
    code = f"""
import os
from pathlib import Path
from neuraxis.app import folders
with folders.hold(Path({str(tmp_path)!r}), "lif"):
    os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", code])
    assert (tmp_path / ".lock").exists()
    with folders.hold(tmp_path, "lif"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_folder_removed_in_the_middle_is_no_error(tmp_path):
    with folders.hold(tmp_path / "run", "lif") as folder:
        (folder / ".lock").unlink()
        folder.rmdir()
        with folders.hold(tmp_path / "run", "lif"):  # another's
            pass


@pytest.mark.parametrize("folder", ["file/inner", "x" * 300, "a/" * 2100, "nul\0"])
def test_a_folder_that_cannot_be_made_is_said(tmp_path, monkeypatch, folder):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    message = r"cannot be created \(.*\); choose another with --out"
    with pytest.raises(InputError, match=message), folders.hold(Path(folder), "lif"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
