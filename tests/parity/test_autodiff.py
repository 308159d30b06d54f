"""The same calculations in PyTorch and in HIPS autograd: values, gradients and trained weights agree."""

import autograd
import autograd.numpy as anp
import jax
import numpy as np
import pytest
import torch

from neuraxis.autodiff import Network, Var, convolution, cross_entropy, gradient, max_pool, ops, value_and_grad

random = np.random.default_rng(0)
X = random.normal(size=(8, 6, 6, 3))


def torch_gradients(f, *arrays):
    tensors = [torch.tensor(a, requires_grad=True) for a in arrays]
    value = f(*tensors)
    value.backward()
    return value.item(), [t.grad.numpy() for t in tensors]


def tape_gradients(f, *arrays):
    variables = [Var(a) for a in arrays]
    value = f(*variables)
    value.backward()
    return value.val, [v.grad for v in variables]


def assert_equal(found, expected):
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-10)
    for a, b in zip(found[1], expected[1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (1, 1), (2, 1), (3, 2)])
def test_a_convolutional_layer_is_pytorchs(stride, padding):
    kernel, b = random.normal(size=(3, 3, 3, 4)), random.normal(size=4)

    def tape(x, kernel, b):
        h = ops.relu(convolution(x, kernel, stride=stride, padding=padding) + b)
        return ops.sum(ops.sin(h))

    def peer(x, kernel, b):
        x, kernel = x.permute(0, 3, 1, 2), kernel.permute(3, 2, 0, 1)
        return torch.relu(torch.nn.functional.conv2d(x, kernel, b, stride, padding)).sin().sum()

    assert_equal(tape_gradients(tape, X, kernel, b), torch_gradients(peer, X, kernel, b))


def test_pooling_is_pytorchs():
    def peer(x):
        return torch.nn.functional.max_pool2d(x.permute(0, 3, 1, 2), 2).sin().sum()

    assert_equal(tape_gradients(lambda x: ops.sum(ops.sin(max_pool(x, 2))), X), torch_gradients(peer, X))


def test_attention_is_pytorchs():
    q, k, v = (random.normal(size=(2, 5, 4)) for _ in range(3))

    def tape(q, k, v):
        return ops.sum(ops.sin(ops.softmax(q @ ops.transpose(k, (0, 2, 1)) / 2.0) @ v))

    def peer(q, k, v):
        return torch.nn.functional.scaled_dot_product_attention(q, k, v).sin().sum()

    assert_equal(tape_gradients(tape, q, k, v), torch_gradients(peer, q, k, v))


def test_a_hundred_steps_of_the_classic_loop_are_pytorchs():
    x = random.normal(size=(64, 12)).astype(np.float32)
    labels = random.integers(0, 5, 64)
    net = Network((12, 16, 5), key=jax.random.key(0))
    linears = [torch.nn.Linear(12, 16), torch.nn.Linear(16, 5)]
    for (W, b), linear in zip(net.layers, linears, strict=True):
        with torch.no_grad():
            linear.weight.copy_(torch.tensor(W.val.T))
            linear.bias.copy_(torch.tensor(b.val))
    peer = torch.nn.Sequential(linears[0], torch.nn.ReLU(), linears[1])
    optimizer = torch.optim.SGD(peer.parameters(), 0.1)
    for _ in range(100):
        loss = cross_entropy(net(x), np.eye(5, dtype=np.float32)[labels])
        net.zero_grad()
        loss.backward()
        for parameter in net.parameters:
            parameter.val = parameter.val - 0.1 * parameter.grad
        theirs = torch.nn.functional.cross_entropy(peer(torch.tensor(x)), torch.tensor(labels))
        optimizer.zero_grad()
        theirs.backward()
        optimizer.step()
    np.testing.assert_allclose(loss.val, theirs.item(), rtol=1e-4)
    np.testing.assert_allclose(net.layers[0][0].val.T, linears[0].weight.detach(), rtol=1e-3, atol=1e-4)


def test_functions_and_second_derivatives_are_those_of_hips_autograd():
    x, W = random.normal(size=(4, 3)), random.normal(size=(3, 2))

    def f(W, np):
        h = np.tanh(x @ W)
        return np.sum(np.exp(h) / (2.0 + np.sin(h)) + np.sqrt(1.0 + h * h) - h**3)

    value, grad = value_and_grad(f)(W, ops)
    np.testing.assert_allclose(value, f(W, anp))
    np.testing.assert_allclose(grad, autograd.grad(f)(W, anp), rtol=1e-12)
    v = Var(W)
    (first,) = gradient(f(v, ops), v)
    (second,) = gradient(ops.sum(first * first), v)
    expected = autograd.grad(lambda W: anp.sum(autograd.grad(f)(W, anp) ** 2))(W)
    np.testing.assert_allclose(second.val, expected, rtol=1e-10)
