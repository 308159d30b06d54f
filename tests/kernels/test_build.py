import os
import stat
import subprocess
from pathlib import Path

import pytest

from neuraxis.kernels import build, compiled

NAME = ("events", "neuraxis_propagate_float32")
HAS_COMPILER = compiled(*NAME)
needs_compiler = pytest.mark.skipif(not HAS_COMPILER, reason="no C++ compiler")


def forget():
    build._compiled.cache_clear()
    build._library.cache_clear()


@pytest.fixture
def fresh(tmp_path, monkeypatch):
    """Forget what was compiled before, and use an empty folder."""
    forget()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(build.jax.ffi, "register_ffi_target", lambda *args, **how: None)  # XLA takes a name once
    yield tmp_path / "neuraxis" / "kernels"
    forget()


@pytest.fixture
def compilations(monkeypatch):
    """List what is compiled; the library, once made, is copied."""
    made, real = [], build._compile

    def compile(source, place, flags):
        made.append(flags)
        if not KEPT:
            KEPT.append(real(source, place, flags).read_bytes())
        (place / "kernel.so").write_bytes(KEPT[0])
        return place / "kernel.so"

    monkeypatch.setattr(build, "_compile", compile)
    return made


KEPT: list[bytes] = []


def again():
    forget()
    return compiled(*NAME)


@needs_compiler
def test_a_kernel_is_compiled_once_into_the_cache(fresh):
    assert compiled(*NAME)
    (library,) = fresh.iterdir()  # nothing else is left there
    assert stat.S_IMODE(library.stat().st_mode) == stat.S_IMODE(fresh.stat().st_mode) == 0o700
    before = library.stat().st_mtime_ns
    assert again()
    assert [(x, x.stat().st_mtime_ns) for x in fresh.iterdir()] == [(library, before)]


@needs_compiler
@pytest.mark.parametrize("left", [0, 1000])
def test_a_library_that_was_cut_short_is_compiled_anew(fresh, compilations, left):
    assert compiled(*NAME)
    (library,) = fresh.iterdir()
    content = library.read_bytes()
    library.unlink()  # what is loaded must not change under the process
    library.write_bytes(content[:left])
    assert again()
    assert len(compilations) == 2
    assert [x.read_bytes() for x in fresh.iterdir()] == [content]


@needs_compiler
def test_whatever_the_umask_only_the_user_can_write(fresh, compilations):
    before = os.umask(0)
    try:
        assert compiled(*NAME)
    finally:
        os.umask(before)
    for path in (fresh.parent, fresh, *fresh.iterdir()):
        assert not path.stat().st_mode & 0o022


@needs_compiler
@pytest.mark.parametrize("where", ["folder", "parent", "above", "link", "relative"])
def test_nothing_is_loaded_from_where_others_can_write(fresh, compilations, where, monkeypatch, tmp_path):
    assert compiled(*NAME)
    (library,) = fresh.iterdir()
    library.unlink()
    # A planted library with the right name for its content, which must not be loaded.
    stem = library.name.rsplit("-", 1)[0]
    content = b"planted"
    (fresh / f"{stem}-{build._digest(content)}.so").write_bytes(content)
    if where == "link":
        fresh.rename(tmp_path / "elsewhere")
        fresh.symlink_to(tmp_path / "elsewhere")
    elif where == "relative":
        monkeypatch.setenv("XDG_CACHE_HOME", tmp_path.name)
        monkeypatch.chdir(tmp_path.parent)
    else:
        {"folder": fresh, "parent": fresh.parent, "above": tmp_path}[where].chmod(0o777)
    loaded = []
    real = build.ctypes.CDLL
    monkeypatch.setattr(build.ctypes, "CDLL", lambda path: loaded.append(Path(path)) or real(path))
    assert again()  # from a temporary folder
    assert len(loaded) == 1
    assert tmp_path not in loaded[0].parents
    assert not loaded[0].exists()


def test_a_folder_of_another_user_is_not_safe(tmp_path, monkeypatch):
    assert build._is_safe(tmp_path)
    monkeypatch.setattr(build.os, "getuid", lambda: tmp_path.stat().st_uid + 1)
    assert not build._is_safe(tmp_path)


def test_a_machine_without_a_compiler_has_no_kernel(fresh, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    assert not compiled(*NAME)


def test_a_compiler_that_fails_leaves_nothing_behind(fresh, monkeypatch):
    monkeypatch.setenv("CXX", "false")
    assert not compiled(*NAME)
    assert list(fresh.iterdir()) == []


@needs_compiler
@pytest.mark.parametrize("folder", [os.devnull, "/proc/nowhere"])
def test_a_cache_that_cannot_be_written_is_done_without(fresh, compilations, monkeypatch, folder):
    monkeypatch.setenv("XDG_CACHE_HOME", folder)
    assert compiled(*NAME)


@needs_compiler
def test_a_user_without_a_home_does_without_a_cache(fresh, compilations, monkeypatch):
    monkeypatch.delenv("XDG_CACHE_HOME")

    def no_home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(build.Path, "home", no_home)
    assert compiled(*NAME)


@needs_compiler
def test_a_kernel_that_lacks_a_function_is_refused():
    assert not compiled("events", "neuraxis_no_such_function")


@needs_compiler
def test_a_library_is_for_processors_of_one_kind(fresh, compilations, monkeypatch):
    """A home may be shared by machines; what one can run may end the process on another."""
    for kind in ("model: 1", "model: 2"):
        monkeypatch.setattr(build, "_processor", lambda kind=kind: kind)
        assert again()
    assert len(compilations) == len(list(fresh.iterdir())) == 2
    assert again()
    assert len(compilations) == 2


@needs_compiler
@pytest.mark.parametrize("known", [False, True])
def test_a_compiler_that_does_not_know_the_processor_makes_a_library_for_all(fresh, compilations, monkeypatch, known):
    knowing = build._compile

    def compile(source, place, flags):
        if build._NATIVE in flags:
            raise subprocess.CalledProcessError(1, "c++")
        return knowing(source, place, flags)

    monkeypatch.setattr(build, "_compile", compile)
    monkeypatch.setattr(build, "_processor", lambda: "model: 1" if known else "")
    assert again()
    assert compilations == [build._FLAGS]


def test_a_changed_header_is_a_change_of_the_kernel(tmp_path):
    source, header = tmp_path / "a.cc", tmp_path / "b.h"
    source.write_text("source")
    header.write_text("header")
    before = build._text(source)
    header.write_text("changed")
    assert build._text(source) != before
