"""Fashion-MNIST: 60 000 + 10 000 pieces of clothing of 28×28 pixels (Xiao, Rasul and Vollgraf, 2017)."""

from neuraxis.data import idx
from neuraxis.data.dataset import Dataset
from neuraxis.data.published import Published

_MIRRORS = (
    "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
)


def _file(name: str, size: int, sha256: str) -> Published:
    urls = tuple(f"{mirror}{name}.gz" for mirror in _MIRRORS)
    return Published(f"fashion-mnist/{name}.gz", {name: ""}, urls, packed=f"sha256:{sha256}", size=size)


# Digests of the compressed files as published; none is known for the uncompressed ones, which are therefore not read.
FILES = (
    _file("train-images-idx3-ubyte", 47_040_016, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
    _file("train-labels-idx1-ubyte", 60_008, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
    _file("t10k-images-idx3-ubyte", 7_840_016, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
    _file("t10k-labels-idx1-ubyte", 10_008, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
)

CLASSES = (
    "T-shirt or top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)


def load(files: tuple[Published, ...] = FILES) -> Dataset:
    """Load Fashion-MNIST.

    Raises:
        DataError: if a file is missing, damaged or altered.
    """
    return idx.load("fashion-mnist", "Fashion-MNIST", files, CLASSES)
