"""Texts for language models: one that is part of neuraxis, and larger ones that are fetched."""

import importlib.resources
import os
from dataclasses import dataclass

from neuraxis import check
from neuraxis.data import published
from neuraxis.data.published import Published
from neuraxis.errors import DataError, InputError


@dataclass(frozen=True, repr=False)
class Text:
    """A text with its name and title.

    Raises:
        InputError: if a field is not a string.
    """

    name: str
    title: str
    content: str

    def __post_init__(self) -> None:
        for field, value in vars(self).items():
            if not isinstance(value, str):
                raise InputError(f"{field} must be text, but is {check.received(value)}")

    @staticmethod
    def read(path: os.PathLike | str, encoding: str = "utf-8") -> "Text":
        """Read a file; the text is named after it.

        Raises:
            DataError: if it cannot be read, or has another encoding.
        """
        path = check.path("path", path)
        try:
            return Text(path.stem, path.name, _decoded(path.read_bytes(), str(path), encoding))
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror or error}") from error

    @property
    def description(self) -> str:
        """Description of the text, such as "tiny Shakespeare, 1 115 394 characters"."""
        return f"{self.title}, {f'{len(self.content):,}'.replace(',', ' ')} characters"

    def __repr__(self) -> str:
        return f"<Text: {self.description}>"


@dataclass(frozen=True)
class Source:
    """Where a text comes from: a published file, or the package itself."""

    title: str
    file: Published | None = None


SOURCES = {
    # Public domain; stored in texts/, and used if no other text has been fetched.
    "sonnets": Source("Shakespeare's sonnets"),
    # 40 000 lines of the plays, compiled by Andrej Karpathy for char-rnn. Digest of the file itself.
    "tiny-shakespeare": Source(
        "tiny Shakespeare",
        Published(
            "tiny-shakespeare/input.txt",
            {"input.txt": "sha256:86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"},
            ("https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",),
            size=1_115_394,
        ),
    ),
    # All plays and poems in modern spelling, to be provided by the user; no download. Digest of the unpacked text.
    "shakespeare": Source(
        "Shakespeare's plays and poems",
        Published(
            "shakespeare/shakespeare.txt.gz",
            {"shakespeare.txt": "sha256:2cee7a41e6a2c401fa7fffe13166c1692ecafacefa9152e99c000ce7decbaf7f"},
            size=5_052_273,
        ),
    ),
    # The first 10⁸ bytes of the English Wikipedia of March 2006, letters and spaces only (Mahoney, 2011).
    # Digests of the archive and of its content.
    "text8": Source(
        "text8",
        Published(
            "text8/text8.zip",
            {"text8": "sha256:6e890197040d37d85beb962ae1f041ff1d9a9ca8d20c7d99c85027eebf51dca7"},
            ("https://mattmahoney.net/dc/text8.zip", "http://mattmahoney.net/dc/text8.zip"),
            packed="sha256:a6640522afe85d1963ad56c05b0ede0a0c000dddc9671758a6cc09b7a38e5232",
            size=100_000_000,
        ),
    ),
}


def load(name: str, source: Source) -> Text:
    """Read a text.

    Raises:
        DataError: if its file is missing, damaged, altered or not UTF-8.
    """
    if source.file is None:
        content = (importlib.resources.files("neuraxis.data") / "texts" / f"{name}.txt").read_bytes()
    else:
        [(_, content)] = published.read(source.file)
    return Text(name, source.title, _decoded(content, name))


def _decoded(content: bytes, source: str, encoding: str = "utf-8") -> str:
    try:
        return content.decode(encoding).removeprefix("\ufeff")  # the byte-order mark of some editors
    except UnicodeDecodeError as error:
        where = f"byte {error.start} is {content[error.start]:02x}"
        remedy = "specify its encoding, or save it as UTF-8"
        raise DataError(f"{source} is not {encoding.upper()} ({where}); {remedy}") from error
    except (LookupError, TypeError, ValueError) as error:
        expected = "one such as 'utf-8' or 'latin-1'"
        raise InputError(f"encoding must be {expected}, but is {check.received(encoding)}") from error
