"""The same weights in PyTorch: outputs and gradients agree, and weights go both ways unchanged."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from neuraxis.engine import Chain, unroll
from neuraxis.functions.activations import relu, tanh
from neuraxis.recurrent import RNN, ResetAfterGRU

random = np.random.default_rng(0)
x = random.normal(size=(6, 20, 5)).astype(np.float32)
h0 = random.normal(size=(6, 8)).astype(np.float32)


def total(model, x):
    y, last = unroll(model, x, h0)
    return jnp.sum(y**2) + jnp.sum(last), y


def torch_run(net):
    inputs = torch.tensor(x, requires_grad=True)
    y, last = net(inputs, torch.tensor(h0)[None])
    (torch.sum(y**2) + torch.sum(last)).backward()
    return y.detach(), inputs.grad


def run(model):
    (_, y), (by_model, by_x) = eqx.filter_value_and_grad(lambda both: total(*both), has_aux=True)((model, x))
    return y, by_model, by_x


def test_gru():
    net = torch.nn.GRU(5, 8, batch_first=True)
    model = ResetAfterGRU.from_torch(net.state_dict())
    theirs, by_inputs = torch_run(net)
    ours, by_model, by_x = run(model)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(by_x, by_inputs, rtol=1e-4, atol=1e-5)
    by_name, parameters = by_model.to_torch(), dict(net.named_parameters())
    for name, array in model.to_torch().items():
        np.testing.assert_array_equal(array, parameters[name].detach())
        np.testing.assert_allclose(by_name[name], parameters[name].grad, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("bias", [True, False])
def test_layers_of_gru(bias):
    net = torch.nn.GRU(5, 8, num_layers=2, batch_first=True, bias=bias)
    model = Chain(*(ResetAfterGRU.from_torch(net.state_dict(), layer) for layer in range(2)))
    np.testing.assert_allclose(unroll(model, x)[0], net(torch.tensor(x))[0].detach(), rtol=1e-5, atol=1e-5)


def test_gru_of_our_making_in_pytorch():
    model = ResetAfterGRU(5, 8, key=jax.random.key(0))
    net = torch.nn.GRU(5, 8, batch_first=True)
    net.load_state_dict({name: torch.tensor(array) for name, array in model.to_torch().items()})
    np.testing.assert_allclose(model(x), net(torch.tensor(x))[0].detach(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("activation", "name"), [(tanh, "tanh"), (relu, "relu")])
def test_rnn(activation, name):
    model = RNN(5, 8, key=jax.random.key(0), activation=activation)
    net = torch.nn.RNN(5, 8, batch_first=True, nonlinearity=name)
    with torch.no_grad():
        net.weight_ih_l0.copy_(torch.tensor(np.array(model.input.weight).T))
        net.weight_hh_l0.copy_(torch.tensor(np.array(model.recurrent.weight).T))
        net.bias_ih_l0.zero_()
        net.bias_hh_l0.zero_()
    theirs, by_inputs = torch_run(net)
    ours, by_model, by_x = run(model)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(by_x, by_inputs, rtol=1e-4, atol=1e-5)
    for mine, parameter in (
        (by_model.input.weight.T, net.weight_ih_l0),
        (by_model.recurrent.weight.T, net.weight_hh_l0),
        (by_model.input.bias, net.bias_ih_l0),
    ):
        np.testing.assert_allclose(mine, parameter.grad, rtol=1e-4, atol=1e-3)
