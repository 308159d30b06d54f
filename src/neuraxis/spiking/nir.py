"""Exchange of spiking classifiers with other programs as graphs of NIR, the neuromorphic intermediate representation.

NIR describes neurons in continuous time (in seconds),

    τ dv/dt = v_leak − v + R I,   a spike where v > v_threshold, then v = v_reset,

and leaves the choice of step to the program that reads it. Training libraries take forward Euler steps,
v ← (1 − Δ/τ) v + (R Δ/τ) I, so a network in discrete time with decay β is preserved if τ = Δ/(1 − β) and R = τ/Δ, where
Δ is the step of the reader. `to_nir` writes these values, and `from_nir` reads them back.

The package `nir` writes and reads files of graphs: `nir.write("net.nir", graph)`, `nir.read("net.nir")`.

Source: Pedersen et al., Nature Communications 15:8122 (2024).
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.functions.surrogates import Arctan
from neuraxis.layers import Linear
from neuraxis.neurons.discrete_lif import DiscreteLIF, LeakyIntegrator, reset_to_zero
from neuraxis.spiking.readout import Readout, mean_potential, spike_count
from neuraxis.spiking.spiking_classifier import SpikingClassifier

if TYPE_CHECKING:
    import nir

_MS = 1e-3  # a millisecond in seconds, the unit of NIR


def to_nir(model: SpikingClassifier, dt: float | int | None = None) -> "nir.NIRGraph":
    """Convert a classifier to a chain of NIR nodes: `Affine`, `LIF`, …, `Affine`, and `LIF` or `LI`.

    NIR cannot represent coding and readout: the graph takes a current or spikes in every step, and returns the spikes
    or potentials of the output neurons.

    Args:
        model: the classifier.
        dt: length of the Euler steps of the reader [ms]; by default that of the model. snnTorch uses 0.1.

    Raises:
        InputError: for a dt that is not positive, or neurons that are not reset to 0, which NIR cannot express.
        ImportError: where the package `nir` is not installed.
    """
    nir = _package()
    check.instance(SpikingClassifier, model=model)
    dt = model.dt if dt is None else dt
    check.one_number(dt=dt)
    check.positive(dt=dt)
    nodes = []
    for layer, neurons in zip(model.layers, (*model.neurons, model.readout.neurons), strict=True):
        weight = np.array(layer.weight.T)
        nodes.append(nir.Linear(weight) if layer.bias is None else nir.Affine(weight, np.array(layer.bias)))
        nodes.append(_neurons(nir, neurons, len(weight), model.dt, float(dt)))
    return nir.NIRGraph.from_list(*nodes)


def from_nir(
    graph: "nir.NIRGraph",
    *,
    dt: float | int = 1.0,
    surrogate: Callable = Arctan(),  # noqa: B008  (frozen)
    readout: Callable[[DiscreteLIF], Readout] | None = None,
    coding: Callable | None = None,
    steps: int = 25,
) -> SpikingClassifier:
    """Build a classifier from a NIR graph that is a chain of linear maps, each followed by neurons.

    Time constants, thresholds and weights become arrays, and are thus trained. A resistance other than τ/Δ is absorbed
    into the weights before the neurons. `Flatten` nodes are skipped: the classifier takes flattened inputs (…, in).

    Args:
        graph: alternating nodes `Affine` or `Linear`, and `LIF`; the last neurons may be `LI`.
        dt: length Δ of the Euler steps for which the graph was written [ms], and dt of the classifier.
        surrogate: as for `DiscreteLIF`.
        readout: as for `SpikingClassifier`; by default `spike_count` of `LIF` and `mean_potential` of `LI`.
        coding: as for `SpikingClassifier`.
        steps: number of time steps.

    Raises:
        InputError: for a graph with other nodes or edges, values that are not finite or whose shapes do not fit each
            other, a leak or reset potential that is not 0, a dt that is not shorter than every τ, or a readout that
            does not suit the last neurons.
        ImportError: where the package `nir` is not installed.
    """
    nir = _package()
    check.one_number(dt=dt)
    check.positive(dt=dt)
    if not isinstance(graph, nir.NIRGraph):
        raise InputError(f"graph must be a nir.NIRGraph, as nir.read(path) gives it, but is {check.received(graph)}")
    nodes = _chain(nir, graph)
    layers, neurons = [], []
    for (linear_name, linear), (name, node) in zip(nodes[::2], nodes[1::2], strict=True):
        weight, bias = _affine(nir, linear_name, linear, layers[-1].bias.shape[0] if layers else None)
        fields, scale = _fields(nir, name, node, len(bias), float(dt))
        layers.append(_linear(weight * scale, bias * scale))
        neurons.append(DiscreteLIF(**fields, surrogate=surrogate))
    integrates = isinstance(nodes[-1][1], nir.LI)
    make = (mean_potential if integrates else spike_count) if readout is None else readout
    check.functions(readout=make)
    read = make(neurons[-1])
    check.instance(Readout, **{"the output of readout": read})
    if isinstance(read.neurons, LeakyIntegrator) != integrates:
        kinds = f"{type(nodes[-1][1]).__name__}, but the readout reads {type(read.neurons).__name__}"
        raise InputError(f"the readout must suit the last neurons of the graph, which are {kinds}")
    sizes = [layers[0].weight.shape[0], *(layer.weight.shape[1] for layer in layers)]
    blank = SpikingClassifier(sizes, key=jax.random.key(0), coding=coding, steps=steps, dt=dt)
    parts = tuple(layers), tuple(neurons[:-1]), read
    return eqx.tree_at(lambda m: (m.layers, m.neurons, m.readout), blank, parts)


def _package() -> Any:
    try:
        import nir
    except ImportError as error:
        raise ImportError("exchange of NIR graphs needs the package nir: pip install 'neuraxis[nir]'") from error
    return nir


def _neurons(nir, neurons: DiscreteLIF | LeakyIntegrator, size: int, dt: float, reader_dt: float):
    """Return the node of `size` neurons for a reader that takes steps of `reader_dt` [ms]."""

    def spread(value):
        return np.broadcast_to(np.asarray(value, np.float64), (size,)).copy()

    resistance = -1 / np.expm1(-dt / spread(neurons.tau_m))  # 1/(1 − β), without cancellation
    common = {"tau": reader_dt * _MS * resistance, "r": resistance, "v_leak": np.zeros(size)}
    if isinstance(neurons, LeakyIntegrator):
        return nir.LI(**common)
    if neurons.reset is not reset_to_zero:
        name = getattr(neurons.reset, "__name__", neurons.reset)
        raise InputError(f"NIR resets neurons to a potential: the reset must be reset_to_zero, but is {name}")
    return nir.LIF(**common, v_threshold=spread(neurons.v_threshold), v_reset=np.zeros(size))


def _fields(nir, name: str, node, size: int, dt: float) -> tuple[dict[str, Any], np.ndarray]:
    """Return the fields of `DiscreteLIF` for a node and a dt [ms], and the factor R Δ/τ on its input current."""
    fields = ["tau", "r", "v_leak"] + ([] if isinstance(node, nir.LI) else ["v_threshold", "v_reset"])
    values = {}
    for field in fields:
        array = _numbers(f"{field} of {name}", getattr(node, field, None))
        if array.size != 1 and array.shape != (size,):
            raise InputError(f"{field} of {name} must contain one number for each of {size} neurons, not {array.shape}")
        values[field] = np.broadcast_to(array.ravel(), (size,))
    for zero in {"v_leak", "v_reset"} & set(values):
        if np.any(values[zero] != 0):
            raise InputError(f"{zero} of every neuron in the graph must be 0, but is {check.received(values[zero])}")
    tau = values["tau"] / _MS
    if np.any(tau <= dt):
        raise InputError(f"dt must be shorter than every tau of the graph, {tau.min():g} ms, but is {dt:g} ms")
    # The Euler step's factor 1 − Δ/τ is e^(−Δ/τ_m).
    found: dict[str, Any] = {"tau_m": jnp.asarray(-dt / np.log1p(-dt / tau))}
    if "v_threshold" in values:
        found["v_threshold"] = jnp.asarray(values["v_threshold"])
    return found, values["r"] * dt / tau


def _affine(nir, name: str, node, in_size: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Check the shapes of a node, and return its weights (in, out) and biases."""
    weight = _numbers(f"weight of {name}", getattr(node, "weight", None))
    if weight.ndim != 2 or 0 in weight.shape or weight.shape[1] != (in_size or weight.shape[1]):
        wanted = "(out, in)" if in_size is None else f"(out, {in_size})"
        raise InputError(f"weight of {name} must have shape {wanted}, but has shape {weight.shape}")
    if isinstance(node, nir.Linear):
        return weight.T, np.zeros(len(weight))
    bias = _numbers(f"bias of {name}", getattr(node, "bias", None))
    if bias.shape not in ((), (1,), (len(weight),)):
        raise InputError(f"bias of {name} must have shape ({len(weight)},), but has shape {bias.shape}")
    return weight.T, np.broadcast_to(bias, (len(weight),))


def _linear(weight: np.ndarray, bias: np.ndarray) -> Linear:
    blank = Linear(*weight.shape, key=jax.random.key(0))
    return eqx.tree_at(lambda linear: (linear.weight, linear.bias), blank, (jnp.asarray(weight), jnp.asarray(bias)))


def _numbers(name: str, value: Any) -> np.ndarray:
    array = np.asarray(check.array(name, value), np.float64)
    check.finite(**{name: array})
    return array


def _chain(nir, graph) -> list[tuple[str, Any]]:
    """Return the names and nodes between input and output, in order and without `Flatten`."""
    nodes, edges = graph.nodes, graph.edges
    if not isinstance(nodes, dict) or not isinstance(edges, list | tuple):
        found = f"{type(nodes).__name__} and {type(edges).__name__}"
        raise InputError(f"the graph must have a dict of nodes and a list of edges, but has {found}")
    if wrong := [edge for edge in edges if not (isinstance(edge, list | tuple) and [*map(type, edge)] == [str, str])]:
        raise InputError(f"edges of the graph must be pairs of node names, but one is {check.received(wrong[0])}")
    following = dict(edges)
    names = [name for name, node in nodes.items() if isinstance(node, nir.Input)]
    while names and names[-1] in following:
        names.append(following.pop(names[-1]))
    whole = set(names) == set(nodes) and len(nodes) == len(names) == len(edges) + 1
    between = names[1:-1] if whole else []
    inner = [(name, nodes[name]) for name in between if not isinstance(nodes[name], nir.Flatten)]
    wanted = [(nir.Affine, nir.Linear), nir.LIF] * (len(inner) // 2 - 1) + [(nir.Affine, nir.Linear), (nir.LIF, nir.LI)]
    suited = len(inner) == len(wanted) and all(isinstance(n, k) for (_, n), k in zip(inner, wanted, strict=True))
    if not (suited and isinstance(nodes[names[-1]], nir.Output)):
        found = ", ".join(f"{name} ({type(node).__name__})" for name, node in nodes.items())
        raise InputError(
            "the graph must be a chain of alternating Affine or Linear and LIF nodes, the last of which may be LI, "
            f"but its nodes are {found} and its edges {edges}"
        )
    return inner
