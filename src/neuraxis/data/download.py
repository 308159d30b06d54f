"""Downloads of published data files into the cache, each verified before it is stored under its name."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from neuraxis.data import published
from neuraxis.data.published import Published
from neuraxis.errors import DataError

# Called during a download: path relative to the data folder, bytes received, total bytes (0 if unknown).
Progress = Callable[[str, int, int], None]


def fetch(file: Published, progress: Progress | None = None) -> Path:
    """Download a file into the cache, unless it is available and intact; return the data folder that holds it.

    The file gets its name in the cache only when it is complete and has the published digest, so that an interrupted
    download leaves nothing behind.

    Raises:
        DataError: if no address provides the published file, if the cache cannot be written, or if the folder
            `$NEURAXIS_DATA` contains a damaged file of that name, which would hide the downloaded one.
    """
    cache, folder = published.cache(), published.locate(file)
    if folder is not None and _sound(file, may_be_damaged=folder == cache):
        return folder
    if not file.urls:
        raise published.missing(file)
    if cache is None:
        needed = "the package pooch (install neuraxis[experiments]) and a home folder with a cache"
        raise DataError(f"downloading needs {needed}; or put {file.path} below a folder that NEURAXIS_DATA names")
    target = cache / file.path
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache, prefix=".fetch-") as temporary:
            part = Path(temporary) / target.name
            _download(file, part, progress)
            target.parent.mkdir(exist_ok=True)
            os.replace(part, target)
    except OSError as error:
        raise DataError(f"{target} cannot be written: {error.strerror or error}") from error
    return cache


def _sound(file: Published, may_be_damaged: bool) -> bool:
    try:
        for _ in published.read(file):
            pass
    except DataError:
        if may_be_damaged:
            return False
        raise
    return True


def _download(file: Published, part: Path, progress: Progress | None) -> None:
    """Write the file to `part`, from the first of its addresses that provides the published bytes."""
    import pooch
    import requests

    bar: Any = _Bar(file.path, progress) if progress else False
    # Without "identity" a server may compress the file once more, and requests would decompress it silently.
    download = pooch.HTTPDownloader(bar, chunk_size=1 << 16, headers={"Accept-Encoding": "identity"})
    failures = []
    for url in file.urls:
        try:
            download(url, str(part), None)
            for _ in published.unpack(part, file):
                pass
            return
        except requests.RequestException as error:
            failures.append(f"{urlsplit(url).netloc} {_reason(error)}")
        except DataError:
            failures.append(f"{urlsplit(url).netloc} sent a file with another digest than the published one")
    raise DataError(f"{file.path} could not be downloaded: {', '.join(failures)}")


def _reason(error: Exception) -> str:
    import requests

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"answered {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.Timeout):
        return "did not answer in time"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "broke off"
    return "cannot be reached"


class _Bar:
    """Progress bar for pooch that passes the number of bytes on to `progress`."""

    def __init__(self, path: str, progress: Progress):
        self._path, self._progress, self._done = path, progress, 0
        self.total = 0  # set by pooch

    def update(self, count: int) -> None:
        self._done += count
        if self.total:  # pooch counts the last chunk as a whole one
            self._done = min(self._done, self.total)
        self._progress(self._path, self._done, self.total)

    def reset(self) -> None:
        self._done = 0

    def close(self) -> None:
        """Do nothing: there is nothing to close."""
