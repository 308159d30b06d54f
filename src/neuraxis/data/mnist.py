"""MNIST: 60 000 + 10 000 handwritten digits of 28×28 pixels (LeCun, Bottou, Bengio and Haffner, 1998)."""

from neuraxis.data import idx
from neuraxis.data.dataset import Dataset
from neuraxis.data.published import Published

_MIRRORS = ("https://storage.googleapis.com/cvdf-datasets/mnist/", "https://ossci-datasets.s3.amazonaws.com/mnist/")


def _file(name: str, size: int, sha256: str) -> Published:
    urls = tuple(f"{mirror}{name}.gz" for mirror in _MIRRORS)
    return Published(f"mnist/{name}.gz", {name: f"sha256:{sha256}"}, urls, size=size)


# Sizes and digests of the uncompressed files.
FILES = (
    _file("train-images-idx3-ubyte", 47_040_016, "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
    _file("train-labels-idx1-ubyte", 60_008, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
    _file("t10k-images-idx3-ubyte", 7_840_016, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
    _file("t10k-labels-idx1-ubyte", 10_008, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
)


def load(files: tuple[Published, ...] = FILES) -> Dataset:
    """Load MNIST.

    Raises:
        DataError: if a file is missing, damaged or altered.
    """
    return idx.load("mnist", "MNIST", files, tuple("0123456789"))
