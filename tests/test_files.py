import os
import stat
import subprocess
import sys

import pytest

from neuraxis.files import _host, check_writable, sweep, write_atomically, writing


def test_writes_text_and_bytes_and_makes_folders(tmp_path):
    write_atomically(tmp_path / "a" / "b.txt", "Grüße")
    write_atomically(tmp_path / "a" / "c.bin", b"\x00\x01")
    assert (tmp_path / "a" / "b.txt").read_text(encoding="utf-8") == "Grüße"
    assert (tmp_path / "a" / "c.bin").read_bytes() == b"\x00\x01"
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == ["b.txt", "c.bin"]


def test_gives_the_permissions_that_the_user_asked_for(tmp_path):
    old = os.umask(0o027)
    try:
        write_atomically(tmp_path / "a", "x")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


def test_an_existing_file_keeps_its_permissions(tmp_path):
    write_atomically(tmp_path / "private", "old")
    (tmp_path / "private").chmod(0o600)
    write_atomically(tmp_path / "private", "new")
    assert stat.S_IMODE((tmp_path / "private").stat().st_mode) == 0o600


def test_a_symbolic_link_leads_to_what_is_written(tmp_path):
    (tmp_path / "far").mkdir()
    link, file = tmp_path / "link", tmp_path / "far" / "file"
    link.symlink_to(file)
    for content in ("first", "second"):  # the file does not exist at first
        check_writable(link)
        write_atomically(link, content)
        assert link.is_symlink()
        assert file.read_text() == content
    (tmp_path / "far" / f".file.{_host()}.999999999.x").touch()  # of a writer that was killed
    sweep(link)
    assert [p.name for p in file.parent.iterdir()] == ["file"]


def test_an_interrupt_leaves_the_old_content_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "a"
    write_atomically(path, "old")
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_what_is_written_in_pieces_appears_whole(tmp_path):
    path = tmp_path / "a"
    write_atomically(path, "old")
    with writing(path) as file:
        file.write(b"ne")
        assert path.read_text() == "old"
        file.write(b"w")
    assert path.read_text() == "new"
    with pytest.raises(ZeroDivisionError), writing(path) as file:
        file.write(b"half")
        _ = 1 / 0
    assert path.read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_leftovers_of_killed_writers_are_swept_away(tmp_path):
    program = """
import os, signal, sys
from neuraxis import files
files.os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL) if sys.argv[1] == "killed" else input()
files.write_atomically("a[1]", "new")
"""
    write_atomically(tmp_path / "a[1]", "old")
    command = [sys.executable, "-c", program]
    subprocess.run([*command, "killed"], cwd=tmp_path, check=False)
    with subprocess.Popen([*command, "living"], cwd=tmp_path, stdin=subprocess.PIPE, text=True) as living:
        while len(list(tmp_path.iterdir())) < 3:
            assert living.poll() is None
        sweep(tmp_path / "a[1]")
        assert len(list(tmp_path.iterdir())) == 2
        assert (tmp_path / "a[1]").read_text() == "old"
        living.communicate("go on\n")
    assert [p.name for p in tmp_path.iterdir()] == ["a[1]"]
    assert (tmp_path / "a[1]").read_text() == "new"


def test_only_leftovers_of_that_file_are_swept_away(tmp_path):
    write_atomically(tmp_path / "a", "x")
    others = [".a.txt", ".a.another-host.1.abc", ".ab.host.1.abc"]
    for name in others:
        (tmp_path / name).touch()
    sweep(tmp_path / "a")
    sweep(tmp_path / "missing" / "a")
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([*others, "a"])
