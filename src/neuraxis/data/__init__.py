"""Data sets and texts as NumPy arrays and strings, verified when loaded, and downloaded only when `fetch` is called.

Files are looked for in the folder given by the environment variable `NEURAXIS_DATA`, then in the cache that `fetch`
fills. The digits and the sonnets need no download, so that some data are always available.
"""

from collections.abc import Iterable, Sequence

from neuraxis import check
from neuraxis.data import cifar10, corpus, digits, download, fashion_mnist, mnist, published
from neuraxis.data.adding_problem import adding_problem as adding_problem
from neuraxis.data.corpus import Text as Text
from neuraxis.data.dataset import Dataset as Dataset
from neuraxis.data.delayed_recall import delayed_recall as delayed_recall
from neuraxis.data.download import Progress as Progress
from neuraxis.data.gaussians import Gaussians as Gaussians
from neuraxis.data.gaussians import grid_of_gaussians as grid_of_gaussians
from neuraxis.data.gaussians import ring_of_gaussians as ring_of_gaussians
from neuraxis.data.pixel_sequences import pixel_sequences as pixel_sequences
from neuraxis.data.planar import swiss_roll as swiss_roll
from neuraxis.data.planar import two_moons as two_moons
from neuraxis.data.published import Published
from neuraxis.data.selective_copying import SelectiveCopying as SelectiveCopying
from neuraxis.data.selective_copying import selective_copying as selective_copying
from neuraxis.data.splits import hold_out as hold_out
from neuraxis.data.splits import split as split
from neuraxis.data.tokenizers import BytePairs as BytePairs
from neuraxis.data.tokenizers import Characters as Characters
from neuraxis.data.tokenizers import Tokenizer as Tokenizer
from neuraxis.data.windows import Windows as Windows
from neuraxis.errors import InputError
from neuraxis.names import check_name

_SETS = {"digits": digits, "mnist": mnist, "fashion-mnist": fashion_mnist, "cifar10": cifar10}


def names() -> list[str]:
    """Return the names of the data sets of labelled images."""
    return list(_SETS)


def text_names() -> list[str]:
    """Return the names of the texts."""
    return list(corpus.SOURCES)


def load(name: str) -> Dataset:
    """Load a data set of labelled images.

    Raises:
        InputError: for an unknown name; the message suggests the closest known one.
        DataError: if its files are missing (the message gives the command that fetches them), damaged or altered.
    """
    check_name("data set", name, _SETS)
    return _SETS[name].load()


def find(names: Sequence[str]) -> Dataset:
    """Load the first of the named data sets whose files are all available; `"digits"` always is.

    Raises:
        InputError: for an unknown name; the message suggests the closest known one.
        DataError: if none is available, or the first that is available is damaged or altered.
    """
    return load(_first_at_hand("data set", names, _SETS))


def text(name: str) -> Text:
    """Load a text.

    Raises:
        InputError: for an unknown name; the message suggests the closest known one.
        DataError: if its file is missing (the message gives the command that fetches it), damaged or altered.
    """
    check_name("text", name, corpus.SOURCES)
    return corpus.load(name, corpus.SOURCES[name])


def find_text(names: Sequence[str]) -> Text:
    """Load the first of the named texts whose file is available; `"sonnets"` always is.

    Raises:
        InputError: for an unknown name; the message suggests the closest known one.
        DataError: if none is available, or the first that is available is damaged or altered.
    """
    return text(_first_at_hand("text", names, corpus.SOURCES))


def is_at_hand(name: str) -> bool:
    """Return whether all files of a data set or text exist (not whether they are intact).

    Raises:
        InputError: for an unknown name; the message suggests the closest known one.
    """
    check_name("data set or text", name, [*_SETS, *corpus.SOURCES])
    return all(map(published.locate, _files(name)))


def fetch(name: str, progress: Progress | None = None) -> None:
    """Download the files of a data set or text into the cache, unless they are available and intact.

    Args:
        name: one of `names()` or `text_names()`.
        progress: called during a download with the path, the bytes received and the total bytes (0 if unknown).

    Raises:
        InputError: for an unknown name; the message suggests the closest known one.
        DataError: if a file cannot be downloaded, or is not the published one.
    """
    check_name("data set or text", name, [*_SETS, *corpus.SOURCES])
    if progress is not None and not callable(progress):
        raise InputError(f"progress must be a function, but is {check.received(progress)}")
    for file in _files(name):
        download.fetch(file, progress)


def _files(name: str) -> tuple[Published, ...]:
    if name in _SETS:
        return _SETS[name].FILES
    file = corpus.SOURCES[name].file
    return () if file is None else (file,)


def _first_at_hand(kind: str, names: Sequence[str], known: Iterable[str]) -> str:
    """Return the first name whose files are available; if none is, the last one, whose loading reports the error."""
    if isinstance(names, str) or not isinstance(names, Sequence):
        raise InputError(f"names must be a list of names, as in ['mnist', 'digits'], but is {check.received(names)}")
    for name in names:
        check_name(kind, name, known)
    if not names:
        raise InputError(f"a {kind} must be named, but the list of names is empty")
    return next(filter(is_at_hand, names), names[-1])
