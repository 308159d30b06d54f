"""Published data files: where one is looked for, how it is unpacked, and how it is known to be the right one."""

import contextlib
import gzip
import hashlib
import os
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from neuraxis.errors import DataError


@dataclass(frozen=True)
class Published:
    """A file as its authors publish it, and the contents it unpacks to.

    Digests are written "algorithm:hexadecimal", such as "sha256:ba89…"; an empty one is not known.

    A packed file is checked by the digest of its own bytes where that is known, and otherwise by the digests of its
    contents, so that it may have been packed anew. Contents that lie there unpacked need digests of their own.
    """

    path: str  # below a data folder, such as "mnist/train-images-idx3-ubyte.gz"; its first part names the data set
    contents: Mapping[str, str]  # names that unpacking gives, each with the digest of the unpacked bytes
    urls: tuple[str, ...] = ()  # where it is downloaded from, tried in this order; none: not to be downloaded
    packed: str = ""  # digest of the file as published


def cache() -> Path | None:
    """Give the folder that downloads are kept in; None where pooch, which downloads, is not installed."""
    try:
        import pooch
    except ImportError:
        return None
    return Path(pooch.os_cache("neuraxis"))


def folders() -> list[Path]:
    """List the folders that data are looked for in: that of `$NEURAXIS_DATA`, then the cache.

    Raises:
        DataError: if `NEURAXIS_DATA` is set, but names no folder.
    """
    own = os.environ.get("NEURAXIS_DATA")
    if own and not Path(own).is_dir():
        raise DataError(f"NEURAXIS_DATA must name a folder that exists, but is {own!r}")
    return [folder for folder in (Path(own) if own else None, cache()) if folder]


def locate(file: Published) -> Path | None:
    """Give the first data folder that holds the file, packed or unpacked; None if there is none."""
    for folder in folders():
        packed = folder / file.path
        loose = all(digest and (packed.parent / name).is_file() for name, digest in file.contents.items())
        if packed.is_file() or loose:
            return folder
    return None


def missing(file: Published) -> DataError:
    """Make the error that says that a file is in no data folder, and how to get it."""
    looked = " and ".join(str(folder) for folder in folders()) or "no folder"
    remedy = f"{_fetch_command(file)}, or " if file.urls else ""
    return DataError(
        f"{file.path} is not at hand (looked in {looked}); {remedy}put it below the folder that NEURAXIS_DATA names"
    )


def read(file: Published) -> Iterator[tuple[str, bytes]]:
    """Give the contents of a file one by one, as name and bytes, each checked.

    Raises:
        DataError: if the file is in no data folder, or is damaged or altered.
    """
    folder = locate(file)
    if folder is None:
        raise missing(file)
    packed = folder / file.path
    if packed.is_file():
        yield from unpack(packed, file)
    else:
        for name, digest in file.contents.items():
            with _readable(packed.parent / name, file):
                content = (packed.parent / name).read_bytes()
            _compare(packed.parent / name, file, digest, content)
            yield name, content


def unpack(path: Path, file: Published) -> Iterator[tuple[str, bytes]]:
    """Give the contents of the packed file at `path`, checked to be what `file` says.

    Raises:
        DataError: if it is damaged or altered.
    """
    if file.packed:
        with _readable(path, file), path.open("rb") as stream:
            _compare(path, file, file.packed, stream)
    with _readable(path, file):
        for name, content in _members(path):
            if name in file.contents:
                if not file.packed:
                    _compare(path, file, file.contents[name], content)
                yield name, content


def _members(path: Path) -> Iterator[tuple[str, bytes]]:
    if path.name.endswith(".tar.gz"):
        with tarfile.open(path, "r:gz") as archive:
            for member in archive:
                if content := archive.extractfile(member):
                    yield member.name, content.read()
    elif path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                yield name, archive.read(name)
    elif path.suffix == ".gz":
        with gzip.open(path) as content:
            yield path.stem, content.read()
    else:
        yield path.name, path.read_bytes()


@contextlib.contextmanager
def _readable(path: Path, file: Published) -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError, zlib.error, tarfile.TarError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} is damaged or cannot be read ({error}); {_remedy(file)}") from error


def _compare(path: Path, file: Published, digest: str, content: bytes | BufferedReader) -> None:
    """Compare bytes, or a file without reading it whole, with their known digest."""
    algorithm, _, expected = digest.partition(":")
    hashed = hashlib.new(algorithm, content) if isinstance(content, bytes) else hashlib.file_digest(content, algorithm)
    if hashed.hexdigest() != expected:
        digests = f"its {algorithm.upper()} is {hashed.hexdigest()} instead of {expected}"
        raise DataError(f"{path} is damaged or altered: {digests}; {_remedy(file)}")


def _fetch_command(file: Published) -> str:
    return f"run `neuraxis data fetch {file.path.partition('/')[0]}`"


def _remedy(file: Published) -> str:
    return f"delete it and {_fetch_command(file)}" if file.urls else "put the original file in its place"
