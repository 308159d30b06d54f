"""Convolutions, pooling and the convolutional network against PyTorch, in values and gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from torch.nn import functional

from neuraxis.feedforward import CNN
from neuraxis.functions.convolution import cross_correlate, transposed_convolve
from neuraxis.functions.pooling import max_pool, mean_pool

random = np.random.default_rng(0)


def draw(*shape):
    return random.normal(size=shape).astype(np.float32)


def channels_first(x):
    return torch.from_numpy(np.moveaxis(x, -1, 1).copy()).requires_grad_()


def channels_last(x):
    return np.moveaxis(x.detach().numpy(), 1, -1)


def compare(ours, theirs, x, *weights):
    """Compare y and the gradients of Σ y ⊙ dy by x and by kernels (*space, in, out)."""
    y, pull = jax.vjp(ours, x, *weights)
    their_x = channels_first(x)
    their_weights = [torch.from_numpy(np.moveaxis(w, (-1, -2), (0, 1)).copy()).requires_grad_() for w in weights]
    expected = theirs(their_x, *their_weights)
    np.testing.assert_allclose(y, channels_last(expected), atol=1e-4, rtol=1e-4)
    dy = draw(*y.shape)
    expected.backward(torch.from_numpy(np.moveaxis(dy, -1, 1).copy()))
    dx, *dws = pull(jnp.asarray(dy))
    np.testing.assert_allclose(dx, channels_last(their_x.grad), atol=1e-3, rtol=1e-3)
    for dw, their_w in zip(dws, their_weights, strict=True):
        back = np.moveaxis(their_w.grad.numpy(), (0, 1), (-1, -2))
        np.testing.assert_allclose(dw, back, atol=2e-3, rtol=1e-3)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize("dilation", [1, 2])
def test_convolution_of_images(stride, padding, dilation):
    how = {"stride": stride, "padding": padding, "dilation": dilation}
    compare(
        lambda x, w: cross_correlate(x, w, **how),
        lambda x, w: functional.conv2d(x, w, **how),
        draw(2, 11, 12, 3),
        draw(3, 4, 3, 5),
    )


def test_convolution_of_signals():
    compare(
        lambda x, w: cross_correlate(x, w, stride=3, padding=2),
        lambda x, w: functional.conv1d(x, w, stride=3, padding=2),
        draw(2, 20, 3),
        draw(5, 3, 4),
    )


@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (2, 1), (3, 0)])
def test_transposed_convolution(stride, padding):
    """PyTorch's kernel is (in, out, *space)."""
    compare(
        lambda x, w: transposed_convolve(x, w, stride=stride, padding=padding),
        lambda x, w: functional.conv_transpose2d(x, w.swapaxes(0, 1), stride=stride, padding=padding),
        draw(2, 5, 6, 3),
        draw(4, 4, 3, 2),
    )


@pytest.mark.parametrize(("size", "stride"), [(2, 2), (3, 2), (3, 3)])
def test_pooling(size, stride):
    x = np.round(draw(2, 9, 10, 3))  # with many ties
    compare(lambda x: max_pool(x, size, stride), lambda x: functional.max_pool2d(x, size, stride), x)
    compare(lambda x: mean_pool(x, size, stride), lambda x: functional.avg_pool2d(x, size, stride), x)


def test_network():
    """The logits are PyTorch's; only the vector between has its pixels and channels in another order."""
    model = CNN((12, 12, 1), (4, 6), (16,), 10, key=jax.random.key(0))
    x = draw(3, 12, 12, 1)
    h = channels_first(x)
    for layer in model.convolutions:
        kernel = torch.from_numpy(np.moveaxis(np.asarray(layer.kernel), (-1, -2), (0, 1)).copy())
        h = functional.max_pool2d(functional.relu(functional.conv2d(h, kernel, padding=1)), 2)
    flat = torch.from_numpy(channels_last(h).reshape(3, -1))
    for i, layer in enumerate(model.head.layers):
        flat = flat @ torch.from_numpy(np.asarray(layer.weight).copy()) + torch.from_numpy(
            np.asarray(layer.bias).copy()
        )
        flat = functional.relu(flat) if i == 0 else flat
    logits = model(x)
    np.testing.assert_allclose(logits, flat.numpy(), atol=1e-4)
