"""Published data files: how they are located, extracted and verified."""

import contextlib
import dataclasses
import gzip
import hashlib
import os
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BufferedIOBase, BufferedReader
from pathlib import Path
from typing import cast

from neuraxis.errors import DataError, InputError


@dataclass(frozen=True)
class Published:
    """A file as its authors publish it, and the contents that it unpacks to.

    Digests are written "algorithm:hexadecimal", such as "sha256:ba89…"; an empty one is unknown.

    A packed file is verified by the digest of its own bytes if that is known, and otherwise by the digests of its
    contents, so that it may have been repacked. Unpacked contents need their own digests. No more bytes are read than
    the original has.

    Raises:
        InputError: if neither the packed file nor all of its contents have a digest.
    """

    path: str  # relative to a data folder, such as "mnist/train-images-idx3-ubyte.gz"; begins with the data set's name
    contents: Mapping[str, str]  # names of the unpacked contents, each with the digest of its bytes
    urls: tuple[str, ...] = ()  # download addresses, tried in this order; empty if it cannot be downloaded
    packed: str = ""  # digest of the file as published
    size: int = dataclasses.field(kw_only=True)  # bytes of each of the contents

    def __post_init__(self) -> None:
        if not (self.packed or all(self.contents.values())):
            raise InputError(f"{self.path} must have a digest, of its own or of each of its contents")


def cache() -> Path | None:
    """Return the folder for downloads; None if pooch, which performs them, or a home folder is missing."""
    try:
        import pooch

        folder = Path(pooch.os_cache("neuraxis"))
    except (ImportError, RuntimeError):  # there is no home folder
        return None
    return folder if folder.is_absolute() else None


def folders() -> list[Path]:
    """Return the folders searched for data: that of `$NEURAXIS_DATA`, then the cache.

    Raises:
        DataError: if `NEURAXIS_DATA` is set, but is not a folder.
    """
    own = os.environ.get("NEURAXIS_DATA")
    if own and not os.path.isdir(own):  # also false if it cannot be accessed
        raise DataError(f"NEURAXIS_DATA must name a folder that exists, but is {own!r}")
    return [folder for folder in (Path(own) if own else None, cache()) if folder]


def locate(file: Published) -> Path | None:
    """Return the first data folder that holds the file, packed or unpacked; None if there is none."""
    for folder in folders():
        packed = folder / file.path
        loose = all(digest and os.path.isfile(packed.parent / name) for name, digest in file.contents.items())
        if os.path.isfile(packed) or loose:
            return folder
    return None


def missing(file: Published) -> DataError:
    """Return the error for a file that is in no data folder, which says how to obtain it."""
    looked = " and ".join(str(folder) for folder in folders()) or "no folder"
    remedy = f"{_fetch_command(file)}, or " if file.urls else ""
    near = next((path for folder in folders() for path in _of_another_name(folder, file)), None)
    return DataError(
        f"{file.path} is not available (looked in {looked}); {remedy}put it below the folder that NEURAXIS_DATA names"
        + (f": {near} may be the same file under another name" if near else "")
    )


def _of_another_name(folder: Path, file: Published) -> Iterator[Path]:
    """Yield files whose names differ only in spelling, in the folder itself or in one named like the data set."""
    names, data_set = {_bare(name) for name in (file.path, *file.contents)}, _bare(file.path.partition("/")[0])
    for top in sorted(folder.glob("*")):
        inside = _bare(top.name).startswith(data_set)
        candidates = [top, *sorted(top.glob("*")), *sorted(top.glob("*/*"))] if inside else [top]
        yield from (path for path in candidates if _bare(path.name) in names and os.path.isfile(path))


def _bare(name: str) -> str:
    """Return the letters and digits of a file's name: train-images.idx3-ubyte is like train-images-idx3-ubyte.gz."""
    stem = name.rpartition("/")[2].lower().removesuffix(".gz")
    return "".join(filter(str.isalnum, stem))


def read(file: Published) -> Iterator[tuple[str, bytes]]:
    """Yield the verified contents of a file, as name and bytes.

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
            with _readable(packed.parent / name, file), (packed.parent / name).open("rb") as stream:
                content = _limited(stream, packed.parent / name, file)
            _compare(packed.parent / name, file, digest, content)
            yield name, content


def unpack(path: Path, file: Published) -> Iterator[tuple[str, bytes]]:
    """Yield the contents of the packed file at `path`, verified against `file`.

    Raises:
        DataError: if it is damaged or altered.
    """
    if file.packed:
        with _readable(path, file), path.open("rb") as stream:
            _compare(path, file, file.packed, stream)
    missing = set(file.contents)
    with _readable(path, file):
        for name, stream in _members(path):
            if name in missing:
                content = _limited(stream, path, file)
                if not file.packed:
                    _compare(path, file, file.contents[name], content)
                missing.remove(name)
                yield name, content
    if missing:
        raise DataError(f"{path} is damaged or altered: it lacks {min(missing)}; {_remedy(file)}")


def _members(path: Path) -> Iterator[tuple[str, BufferedIOBase]]:
    if path.name.endswith(".tar.gz"):
        with tarfile.open(path, "r:gz") as archive:
            for member in archive:
                if stream := archive.extractfile(member):
                    yield member.name, cast(BufferedIOBase, stream)
    elif path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                with archive.open(name) as stream:
                    yield name, cast(BufferedIOBase, stream)
    elif path.suffix == ".gz":
        with gzip.open(path) as stream:
            yield path.stem, stream
    else:
        with path.open("rb") as stream:
            yield path.name, stream


def _limited(stream: BufferedIOBase, path: Path, file: Published) -> bytes:
    """Read no more than the size of the original: a small file can unpack to more than fits into memory."""
    content = stream.read(file.size + 1)
    if len(content) > file.size:
        how = f"it holds more than the {file.size} bytes of the original"
        raise DataError(f"{path} is damaged or altered: {how}; {_remedy(file)}")
    return content


@contextlib.contextmanager
def _readable(path: Path, file: Published) -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError, zlib.error, tarfile.TarError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} is damaged or cannot be read ({error}); {_remedy(file)}") from error


def _compare(path: Path, file: Published, digest: str, content: bytes | BufferedReader) -> None:
    """Compare bytes, or a file without loading it whole, with the known digest."""
    algorithm, _, expected = digest.partition(":")
    hashed = hashlib.new(algorithm, content) if isinstance(content, bytes) else hashlib.file_digest(content, algorithm)
    if hashed.hexdigest() != expected:
        digests = f"its {algorithm.upper()} is {hashed.hexdigest()} instead of {expected}"
        raise DataError(f"{path} is damaged or altered: {digests}; {_remedy(file)}")


def _fetch_command(file: Published) -> str:
    return f"run `neuraxis data fetch {file.path.partition('/')[0]}`"


def _remedy(file: Published) -> str:
    return f"delete it and {_fetch_command(file)}" if file.urls else "put the original file in its place"
