"""Published data files: where one is looked for, how it is unpacked, and how it is known to be the right one."""

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
    """A file as its authors publish it, and the contents it unpacks to.

    Digests are written "algorithm:hexadecimal", such as "sha256:ba89…"; an empty one is not known.

    A packed file is checked by the digest of its own bytes where that is known, and otherwise by the digests of its
    contents, so that it may have been packed anew. Contents that lie there unpacked need digests of their own. Of what
    is larger than the original no more is read.

    Raises:
        InputError: where neither the packed file nor all of its contents have a digest.
    """

    path: str  # below a data folder, such as "mnist/train-images-idx3-ubyte.gz"; its first part names the data set
    contents: Mapping[str, str]  # names that unpacking gives, each with the digest of the unpacked bytes
    urls: tuple[str, ...] = ()  # where it is downloaded from, tried in this order; none: not to be downloaded
    packed: str = ""  # digest of the file as published
    size: int = dataclasses.field(kw_only=True)  # bytes of each of the contents

    def __post_init__(self) -> None:
        if not (self.packed or all(self.contents.values())):
            raise InputError(f"{self.path} must have a digest, of its own or of each of its contents")


def cache() -> Path | None:
    """Return the folder that downloads are kept in; None where pooch, which downloads, or a home folder is missing."""
    try:
        import pooch

        folder = Path(pooch.os_cache("neuraxis"))
    except (ImportError, RuntimeError):  # there is no home folder
        return None
    return folder if folder.is_absolute() else None


def folders() -> list[Path]:
    """List the folders that data are looked for in: that of `$NEURAXIS_DATA`, then the cache.

    Raises:
        DataError: if `NEURAXIS_DATA` is set, but names no folder.
    """
    own = os.environ.get("NEURAXIS_DATA")
    if own and not os.path.isdir(own):  # which is false, too, of what cannot be looked at
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
    """Make the error that says that a file is in no data folder, and how to get it."""
    looked = " and ".join(str(folder) for folder in folders()) or "no folder"
    remedy = f"{_fetch_command(file)}, or " if file.urls else ""
    near = next((path for folder in folders() for path in _of_another_name(folder, file)), None)
    return DataError(
        f"{file.path} is not available (looked in {looked}); {remedy}put it below the folder that NEURAXIS_DATA names"
        + (f": {near} may be it under another name" if near else "")
    )


def _of_another_name(folder: Path, file: Published) -> Iterator[Path]:
    """Find files of that name as other programs write it: in the folder itself, or in one named like the data set."""
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
    """Return the contents of a file one by one, as name and bytes, each checked.

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
    """Return the contents of the packed file at `path`, checked to be what `file` says.

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
    """Read what is no larger than the original: a small file can unpack to more than there is memory."""
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
