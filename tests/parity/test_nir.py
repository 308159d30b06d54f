"""snnTorch reads our NIR graphs and computes the same, and we read its."""

import equinox as eqx
import jax
import numpy as np
import pytest
import torch

from neuraxis.neurons import DiscreteLIF
from neuraxis.spiking import SpikingClassifier, from_nir, to_nir

pytest.importorskip("nir")
snn = pytest.importorskip("snntorch")
import_from_nir = pytest.importorskip("snntorch.import_nir").import_from_nir
export_to_nir = pytest.importorskip("snntorch.export_nir").export_to_nir

SNNTORCH_STEP = 0.1  # it takes all graphs in steps of 0.1 ms
x = np.random.default_rng(0).random((8, 12)).astype(np.float32)


def spike_counts(net, steps):
    with torch.no_grad():
        return sum(net(torch.tensor(x))[0] for _ in range(steps)).numpy()


def test_snntorch_reads_ours():
    model = SpikingClassifier((12, 40, 5), key=jax.random.key(0), neurons=DiscreteLIF(tau_m=9.0), steps=20)
    model = eqx.tree_at(lambda m: m.layers[1].weight, model, replace_fn=lambda w: 2 * w + 0.05)  # so that they fire
    counts = spike_counts(import_from_nir(to_nir(model, SNNTORCH_STEP)), 20)
    assert counts.sum() > 0
    np.testing.assert_array_equal(model(x), counts)


@pytest.mark.filterwarnings("ignore:nirtorch.extract_nir_graph:DeprecationWarning")  # snnTorch's own affair
def test_we_read_snntorch():
    torch.manual_seed(0)
    # Given as vectors: from single numbers its export makes nodes whose shapes the package nir refuses.
    kind = {"reset_mechanism": "zero", "init_hidden": True, "reset_delay": False}
    neurons = [snn.Leaky(torch.full((n,), b), threshold=torch.ones(n), **kind) for n, b in ((40, 0.9), (5, 0.95))]
    neurons[-1].output = True
    net = torch.nn.Sequential(torch.nn.Linear(12, 40), neurons[0], torch.nn.Linear(40, 5), neurons[1])
    with torch.no_grad():
        net[2].weight.add_(0.1)
    model = from_nir(export_to_nir(net, torch.tensor(x[0])), dt=SNNTORCH_STEP, steps=20)
    for neuron in neurons:
        neuron.reset_mem()
    counts = spike_counts(net, 20)
    assert counts.sum() > 0
    np.testing.assert_array_equal(model(x), counts)
