import gzip
import os
from pathlib import Path

import numpy as np
import pytest

from neuraxis.data import fashion_mnist, load, mnist
from neuraxis.errors import DataError

FOLDER = os.environ.get("NEURAXIS_DATA", "")
needs_files = pytest.mark.skipif(
    not (Path(FOLDER) / "mnist").is_dir(), reason="NEURAXIS_DATA names no folder that holds MNIST"
)


@needs_files
def test_the_real_files():
    data = load("mnist")
    assert data.description == "MNIST, 60 000 + 10 000 images of 28×28"
    assert data.train_x.dtype == data.test_x.dtype == np.uint8
    # The class counts and the mean and deviation of the training pixels are known from the literature.
    assert np.bincount(data.train_y).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(data.test_y).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    pixels = np.bincount(data.train_x.ravel(), minlength=256) / data.train_x.size
    mean = pixels @ np.arange(256) / 255
    assert mean == pytest.approx(0.1307, abs=5e-5)
    assert np.sqrt(pixels @ (np.arange(256) / 255 - mean) ** 2) == pytest.approx(0.3081, abs=5e-5)
    assert data.train_y[:5].tolist() == [5, 0, 4, 1, 9]


@needs_files
def test_one_changed_pixel_of_the_real_files_is_found(own):
    (own / "mnist").mkdir()
    for file in mnist.FILES:
        (own / file.path).symlink_to(Path(FOLDER).resolve() / file.path)
    target = own / mnist.FILES[3].path
    content = bytearray(gzip.decompress(target.read_bytes()))
    content[5000] ^= 1
    target.unlink()
    target.write_bytes(gzip.compress(content))
    with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte\.gz is damaged or altered"):
        mnist.load()


@pytest.mark.parametrize("module", [mnist, fashion_mnist])
def test_missing_files_name_the_command(cache, module):
    name = module.__name__.rpartition(".")[2].replace("_", "-")
    with pytest.raises(DataError, match=f"train-images-idx3-ubyte.gz is not available .* `neuraxis data fetch {name}`"):
        module.load()


@pytest.mark.parametrize("module", [mnist, fashion_mnist])
def test_files_stand_in_the_order_that_the_loader_reads(module):
    stems = [Path(file.path).stem for file in module.FILES]
    assert stems == [f"{part}-{kind}-ubyte" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")]
    for file, stem in zip(module.FILES, stems, strict=True):
        assert list(file.contents) == [stem]
        assert all(url.endswith(f"/{stem}.gz") for url in file.urls)
