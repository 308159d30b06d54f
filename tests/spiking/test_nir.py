import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.functions.surrogates import FastSigmoid
from neuraxis.neurons import DiscreteLIF, reset_by_subtraction
from neuraxis.spiking import SpikingClassifier, from_nir, max_potential, mean_potential, spike_count, to_nir

nir = pytest.importorskip("nir")

KEY = jax.random.key(0)
x = jnp.asarray(np.random.default_rng(0).random((6, 12)), jnp.float32)


def euler(graph, step, steps):
    """Output spikes or potentials of a chain in NIR's own equations [s], by forward Euler in NumPy."""
    nodes = [node for node in graph.nodes.values() if not isinstance(node, nir.Input | nir.Output)]
    v, outputs = [0.0] * len(nodes), []
    for _ in range(steps):
        s = np.asarray(x, np.float64)
        for i, node in enumerate(nodes):
            if isinstance(node, nir.Affine | nir.Linear):
                s = s @ node.weight.T + getattr(node, "bias", 0.0)
                continue
            v[i] = v[i] + step / node.tau * (node.v_leak - v[i] + node.r * s)
            s = v[i]
            if isinstance(node, nir.LIF):
                s = (v[i] > node.v_threshold).astype(float)
                v[i] = np.where(s > 0, node.v_reset, v[i])
        outputs.append(s)
    return np.array(outputs)


@pytest.mark.parametrize("dt", [None, 0.1, 3.0])
def test_a_graph_keeps_the_meaning_for_a_reader_by_euler_steps(dt):
    model = SpikingClassifier((12, 30, 5), key=KEY, dt=2.0, neurons=DiscreteLIF(tau_m=15.0, v_threshold=0.9))
    graph = to_nir(model, dt)
    spikes = euler(graph, (dt or 2.0) * 1e-3, model.steps)
    assert spikes.sum() > 0
    np.testing.assert_array_equal(spikes.sum(0), model(x))


def test_potentials_too():
    model = SpikingClassifier((12, 30, 5), key=KEY, readout=mean_potential)
    np.testing.assert_allclose(euler(to_nir(model), 1e-3, model.steps).mean(0), model(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("readout", [spike_count, mean_potential])
def test_comes_back_through_a_file(readout, tmp_path):
    tau_m = jnp.asarray(12.0)
    model = SpikingClassifier((12, 30, 20, 5), key=KEY, neurons=DiscreteLIF(tau_m, 0.8), readout=readout, steps=17)
    nir.write(tmp_path / "net.nir", to_nir(model))
    read = from_nir(nir.read(tmp_path / "net.nir"), steps=17, surrogate=FastSigmoid(9))
    np.testing.assert_allclose(read.neurons[0].tau_m, np.full(30, 12.0), rtol=1e-5)
    for ours, theirs in zip(model.layers, read.layers, strict=True):
        np.testing.assert_allclose(ours.weight, theirs.weight, rtol=1e-6)
        np.testing.assert_allclose(ours.bias, theirs.bias, rtol=1e-6)
    np.testing.assert_allclose(read(x), model(x), rtol=1e-5, atol=1e-5)
    assert read.neurons[1].surrogate == FastSigmoid(9)
    assert isinstance(read, SpikingClassifier)


def chain(**changed):
    random = np.random.default_rng(1)
    fields = {"tau": np.full(5, 0.02), "r": np.linspace(0.5, 3, 5), "v_leak": np.zeros(5), "v_threshold": np.ones(5)}
    return nir.NIRGraph.from_list(
        nir.Linear(weight=random.normal(0, 3.0, (5, 12))), nir.LIF(**{**fields, "v_reset": np.zeros(5), **changed})
    )


def test_a_resistance_of_any_size_is_read():
    graph = chain()
    spikes = euler(graph, 1e-3, 25)
    assert spikes.sum() > 0
    np.testing.assert_array_equal(from_nir(graph)(x), spikes.sum(0))


def test_another_readout_can_be_chosen():
    model = SpikingClassifier((12, 30, 5), key=KEY, readout=max_potential)
    np.testing.assert_allclose(from_nir(to_nir(model), readout=max_potential)(x), model(x), rtol=1e-5)


@pytest.mark.usefixtures("as_user")
def test_what_cannot_be_expressed_is_refused():
    model = SpikingClassifier((12, 5), key=KEY, neurons=DiscreteLIF(reset=reset_by_subtraction))
    with pytest.raises(InputError, match="the reset must be reset_to_zero, but is reset_by_subtraction"):
        to_nir(model)
    for dt in (0.0, -1.0):
        with pytest.raises(InputError, match="dt must be positive"):
            to_nir(SpikingClassifier((12, 5), key=KEY), dt)
        with pytest.raises(InputError, match="dt must be positive"):
            from_nir(chain(), dt=dt)


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"v_leak": np.full(5, 0.1)}, "v_leak of every neuron in the graph must be 0"),
        ({"v_reset": np.full(5, 0.1)}, "v_reset of every neuron in the graph must be 0"),
        ({"tau": np.full(5, 0.001)}, "dt must be shorter than every tau of the graph, 1 ms, but is 1 ms"),
        ({"tau": np.full(5, -0.02)}, "dt must be shorter than every tau of the graph"),
        ({"r": np.array([1, 1, np.nan, 1, 1])}, r"r of lif must be finite, but contains nan at index \(2,\)"),
        ({"v_threshold": np.array([1, 1, 0.0, 1, 1])}, "v_threshold must be positive"),
    ],
)
def test_neurons_that_cannot_be_read_are_refused(changed, message):
    with pytest.raises(InputError, match=message):
        from_nir(chain(**changed))


@pytest.mark.usefixtures("as_user")
def test_other_graphs_are_refused():
    ones = np.ones(5)
    integrator = nir.LI(tau=ones, r=ones, v_leak=0 * ones)
    weight = nir.Linear(weight=np.ones((5, 5)))
    neurons = chain().nodes["lif"]
    recurrent = nir.NIRGraph(
        {"input": nir.Input(np.array([5])), "w": weight, "n": neurons, "output": nir.Output(np.array([5]))},
        [("input", "w"), ("w", "n"), ("n", "output"), ("n", "w")],
    )
    for graph in (
        nir.NIRGraph.from_list(weight),
        nir.NIRGraph.from_list(neurons),
        nir.NIRGraph.from_list(weight, weight, neurons),
        nir.NIRGraph.from_list(weight, integrator, weight, neurons),
        nir.NIRGraph.from_list(weight, nir.IF(r=ones, v_threshold=ones)),
        recurrent,
    ):
        with pytest.raises(InputError, match="the graph must be a chain of alternating Affine or Linear and LIF nodes"):
            from_nir(graph)


def test_a_graph_may_begin_with_flatten():
    nodes = [node for node in chain().nodes.values() if not isinstance(node, nir.Input | nir.Output)]
    flat = nir.Flatten(input_type={"input": np.array([3, 2, 2])}, start_dim=0, end_dim=-1)
    graph = nir.NIRGraph.from_list(flat, *nodes)
    np.testing.assert_array_equal(from_nir(graph)(x), from_nir(chain())(x))


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("node", "field", "value", "message"),
    [
        ("affine", "weight", "text", "weight of affine must be an array of numbers, but is 'text'"),
        ("affine", "weight", np.ones(5), r"weight of affine must have shape \(out, in\), but has shape \(5,\)"),
        ("affine", "weight", np.full((5, 12), 1j), "weight of affine must contain real numbers"),
        ("affine", "bias", None, "bias of affine must be an array of numbers, but is None"),
        ("affine", "bias", np.ones(4), r"bias of affine must have shape \(5,\), but has shape \(4,\)"),
        ("lif", "tau", np.ones(3), r"tau of lif must contain one number for each of 5 neurons, not \(3,\)"),
        ("lif", "r", {}, "r of lif must be an array of numbers"),
    ],
)
def test_damaged_values_are_named(node, field, value, message):
    graph = to_nir(SpikingClassifier((12, 5), key=KEY))
    setattr(graph.nodes[node], field, value)
    with pytest.raises(InputError, match=message):
        from_nir(graph)


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize("edges", [None, [None], [("input",)], [("input", "affine")], [("input", "affine")] * 3])
def test_damaged_edges_are_refused(edges):
    graph = to_nir(SpikingClassifier((12, 5), key=KEY))
    graph.edges = edges
    with pytest.raises(InputError, match="graph must"):
        from_nir(graph)


@pytest.mark.usefixtures("as_user")
def test_a_readout_that_does_not_fit_is_refused():
    with pytest.raises(InputError, match="which are LIF, but the readout reads LeakyIntegrator"):
        from_nir(chain(), readout=mean_potential)


def test_without_the_package_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "nir", None)
    with pytest.raises(ImportError, match=r"needs the package nir: pip install 'neuraxis\[nir\]'"):
        to_nir(SpikingClassifier((12, 5), key=KEY))
