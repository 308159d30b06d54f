"""Convolution in two dimensions and pooling, for images (…, height, width, channel).

An image is unfolded into patches of the size of the kernel W, and the convolution is one matrix product with them:
y[…, i, j, :] = Σ_{a, b, c} x[…, i·stride + a, j·stride + b, c] W[a, b, c, :]. It is the cross-correlation that
convolutional networks compute: the kernel is not flipped (Goodfellow, Bengio & Courville, Deep Learning, 2016,
equation 9.6).
"""

from typing import Any

import numpy as np

from neuraxis import check
from neuraxis.autodiff import ops
from neuraxis.autodiff.ops import matmul, reshape, scatter
from neuraxis.autodiff.var import define, with_axes
from neuraxis.errors import InputError


def _windows(shape: tuple[int, ...], size: tuple[int, int], stride: int) -> tuple[int, int, list[tuple]]:
    """Return the rows and columns of the result, and for each kernel entry the pixels that it multiplies."""
    rows, columns = ((n - k) // stride + 1 for n, k in zip(shape[-3:-1], size, strict=True))
    keys = [
        (..., slice(i, i + stride * rows, stride), slice(j, j + stride * columns, stride), slice(None))
        for i in range(size[0])
        for j in range(size[1])
    ]
    return rows, columns, keys


def _unfold(xp: Any, x: Any, *, size: tuple[int, int], stride: int, shape: tuple[int, ...]) -> Any:
    _, _, keys = _windows(shape, size, stride)
    return xp.stack([x[key] for key in keys], axis=-2)


def _fold(xp: Any, patches: Any, *, size: tuple[int, int], stride: int, shape: tuple[int, ...]) -> Any:
    x = xp.zeros(shape, patches.dtype)
    for place, key in enumerate(_windows(shape, size, stride)[2]):
        if isinstance(x, np.ndarray):
            x[key] += patches[..., place, :]
        else:
            x = x.at[key].add(patches[..., place, :])
    return x


unfold = define("unfold", _unfold, (lambda g, y, x, **settings: fold(g, **settings),))
"""Patches of x, (…, rows, columns, kernel height · kernel width, channel)."""

fold = define("fold", _fold, (lambda g, y, patches, **settings: unfold(g, **settings),))
"""The image in which overlapping patches are summed: the transpose of `unfold`."""


def pad(x: Any, padding: int) -> Any:
    """Zero-pad images by that many pixels on each side."""
    *lead, height, width, channel = x.shape
    inside = (..., slice(padding, padding + height), slice(padding, padding + width), slice(None))
    return scatter(x, key=inside, shape=(*lead, height + 2 * padding, width + 2 * padding, channel))


def convolution(x: Any, kernel: Any, *, stride: int = 1, padding: int = 0) -> Any:
    """Cross-correlate images with kernels.

    Args:
        x: images, (…, height, width, in).
        kernel: kernels, (height, width, in, out).
        stride: distance between neighbouring positions of the kernel [pixel].
        padding: number of zeros on each side of the image.

    Returns:
        Feature maps, (…, rows, columns, out), with rows = ⌊(height + 2 padding − kernel height) / stride⌋ + 1.

    Raises:
        InputError: for a stride below 1, negative padding, shapes that do not fit, or a kernel larger than the padded
            image.
    """
    check.whole(stride=stride)
    check.whole(0, padding=padding)
    x, kernel = with_axes("x", x), with_axes("kernel", kernel)
    if x.ndim < 3 or kernel.ndim != 4 or x.shape[-1] != kernel.shape[2]:
        raise InputError(
            "convolution takes x (…, height, width, in) and a kernel (height, width, in, out), "
            f"but their shapes are {x.shape} and {kernel.shape}"
        )
    size = kernel.shape[:2]
    padded = pad(x, padding) if padding else x
    if 0 in kernel.shape:
        raise InputError(f"kernel must not be empty, but has shape {kernel.shape}")
    if any(n < k for n, k in zip(padded.shape[-3:-1], size, strict=True)):
        raise InputError(f"the kernel {size} is larger than the padded image {padded.shape[-3:-1]}")
    patches = unfold(padded, size=size, stride=stride, shape=padded.shape)
    *places, area, channel = patches.shape
    return matmul(reshape(patches, (*places, area * channel)), reshape(kernel, (area * channel, kernel.shape[3])))


def max_pool(x: Any, size: int) -> Any:
    """Return the maximum of each square of size × size pixels, for each channel.

    Raises:
        InputError: for a size below 1, or an image that cannot be divided into such squares.
    """
    check.whole(size=size)
    x = with_axes("x", x)
    if x.ndim < 3:
        raise InputError(f"x must have shape (…, height, width, channel), but has shape {x.shape}")
    *lead, height, width, channel = x.shape
    if height % size or width % size:
        raise InputError(f"an image of {height}×{width} pixels cannot be divided into squares of {size}×{size}")
    squares = reshape(x, (*lead, height // size, size, width // size, size, channel))
    return ops.max(squares, axis=(-4, -2))
