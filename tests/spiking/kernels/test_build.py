import os
import pwd
import stat

import pytest

from neuraxis.spiking.kernels import build, compiled

NAME = ("propagate", "neuraxis_propagate_float32")
SOURCE = build.Path(build.__file__).with_name("propagate.cc")


@pytest.fixture
def fresh(tmp_path, monkeypatch):
    """Forget what was compiled before, and use an empty folder."""
    build.compiled.cache_clear()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    yield tmp_path
    build.compiled.cache_clear()


@pytest.mark.skipif(not compiled(*NAME), reason="no C++ compiler")
def test_a_kernel_is_compiled_once_into_the_cache(fresh, monkeypatch):
    library = build._library(SOURCE)
    assert list((fresh / "neuraxis" / "kernels").iterdir()) == [library]  # nothing else is left there
    assert library.stat().st_mode & stat.S_IRUSR
    monkeypatch.setattr(build.subprocess, "run", lambda *args, **how: pytest.fail("compiled again"))
    assert build._library(SOURCE) == library


def test_a_machine_without_a_compiler_has_no_kernel(fresh, monkeypatch):
    monkeypatch.setenv("PATH", str(fresh))
    monkeypatch.delenv("CXX", raising=False)
    assert not compiled(*NAME)


def test_a_compiler_that_fails_leaves_nothing_behind(fresh, monkeypatch):
    monkeypatch.setenv("CXX", "false")
    assert not compiled(*NAME)
    assert list((fresh / "neuraxis" / "kernels").iterdir()) == []


def test_a_cache_that_cannot_be_written_does_no_harm(fresh, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", os.devnull)
    assert not compiled(*NAME)


def test_a_user_without_a_home_has_no_kernel(fresh, monkeypatch):
    def unknown(uid):
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    for variable in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    assert not compiled(*NAME)


@pytest.mark.skipif(not compiled(*NAME), reason="no C++ compiler")
def test_a_kernel_that_lacks_a_function_is_refused():
    assert not compiled("propagate", "neuraxis_no_such_function")
