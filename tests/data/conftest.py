import hashlib

import pytest

from neuraxis.data import published


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache of this test alone; `NEURAXIS_DATA` is not set."""
    folder = tmp_path / "cache"
    monkeypatch.setattr(published, "cache", lambda: folder)
    monkeypatch.delenv("NEURAXIS_DATA", raising=False)
    return folder


@pytest.fixture
def own(cache, tmp_path, monkeypatch):
    """An empty folder that `NEURAXIS_DATA` names, beside an empty cache."""
    folder = tmp_path / "own"
    folder.mkdir()
    monkeypatch.setenv("NEURAXIS_DATA", str(folder))
    return folder


@pytest.fixture(scope="session")
def sha256():
    return lambda content: f"sha256:{hashlib.sha256(content).hexdigest()}"
