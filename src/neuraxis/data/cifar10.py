"""CIFAR-10: 50 000 + 10 000 colour photographs of 32×32 pixels (Krizhevsky, 2009), in the binary version."""

import numpy as np
from jaxtyping import UInt8

from neuraxis import check
from neuraxis.data import published
from neuraxis.data.dataset import Dataset
from neuraxis.data.published import Published
from neuraxis.errors import DataError

_FOLDER = "cifar-10-batches-bin"
_SIZE, _CHANNELS = 32, 3

# The archive is verified by SHA-256. For its members only MD5 sums are known, which detect damage but not forgery.
FILES = (
    Published(
        "cifar10/cifar-10-binary.tar.gz",
        {
            f"{_FOLDER}/data_batch_1.bin": "md5:5dd7e06a14cb22eb9f671a540d1b7c25",
            f"{_FOLDER}/data_batch_2.bin": "md5:5ea93a67294ea407fff1d09f752e9692",
            f"{_FOLDER}/data_batch_3.bin": "md5:942cd6a4bcdd0dd3c604fbe906cb4421",
            f"{_FOLDER}/data_batch_4.bin": "md5:ae636b3ba5c66a11e91e8cb52e771fcb",
            f"{_FOLDER}/data_batch_5.bin": "md5:53f37980c15c3d472c316c40844f3f0d",
            f"{_FOLDER}/test_batch.bin": "md5:803d5f7f4d78ea53de84dbe85f74fb6d",
        },
        ("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",),
        packed="sha256:c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        size=10_000 * (1 + _CHANNELS * _SIZE * _SIZE),
    ),
)

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def parse(content: bytes, source: str) -> tuple[UInt8[np.ndarray, "count 32 32 3"], UInt8[np.ndarray, " count"]]:
    """Parse a batch: records of one label byte and 3072 pixel bytes, first red, then green, then blue, row by row.

    Args:
        content: content of the file.
        source: name of the file in error messages.

    Returns:
        Images as a view of `content` with the channel last, and their labels.

    Raises:
        DataError: if it is not bytes, does not consist of whole records, or contains a label above 9.
    """
    if not isinstance(content, bytes | bytearray):
        raise DataError(f"{source} must be bytes, but is {check.received(content)}")
    record = 1 + _CHANNELS * _SIZE * _SIZE
    if not content or len(content) % record:
        raise DataError(f"{source} must contain records of {record} bytes, but contains {len(content)} bytes")
    records = np.frombuffer(content, np.uint8).reshape(-1, record)
    labels = records[:, 0]
    if labels.max() >= len(CLASSES):
        raise DataError(f"{source} must contain labels from 0 to {len(CLASSES) - 1}, but contains {labels.max()}")
    return records[:, 1:].reshape(-1, _CHANNELS, _SIZE, _SIZE).transpose(0, 2, 3, 1), labels


def load(files: tuple[Published, ...] = FILES) -> Dataset:
    """Load CIFAR-10 from its archive, or from the extracted folder.

    Raises:
        DataError: if the archive is missing, damaged or altered.
    """
    batches = {name: parse(content, name) for file in files for name, content in published.read(file)}
    test_images, test_labels = batches.pop(f"{_FOLDER}/test_batch.bin")
    images, labels = zip(*(batches[name] for name in sorted(batches)), strict=True)
    # `out` makes the channels last in memory, too: `concatenate` alone would keep the layout of the views.
    train_x = np.empty((sum(map(len, images)), _SIZE, _SIZE, _CHANNELS), np.uint8)
    np.concatenate(images, out=train_x)
    train_y = np.concatenate(labels)
    return Dataset("cifar10", train_x, train_y, np.ascontiguousarray(test_images), test_labels, CLASSES, "CIFAR-10")
