"""Growth and decay of activations and gradients from layer to layer, in any model and for any loss."""

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.tree_util import KeyPath, keystr, tree_flatten_with_path, tree_leaves_with_path, tree_map_with_path
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from neuraxis import check
from neuraxis.engine.called import call_loss
from neuraxis.engine.examples import arrays_of, check_finite, count
from neuraxis.engine.losses import per_example
from neuraxis.engine.modes import for_training
from neuraxis.engine.parameters import split_parameters
from neuraxis.values import compiled

Number = Float[Array, ""]

# The squares of vanishing and exploding gradients exceed the range of float32: they are summed separately for small,
# medium and large numbers, each divided by its scale.
_SCALES = (1e-24, 1.0, 1e24)
_LOWEST = (0.0, 1e-12, 1e12)
_HIGHEST = (1e-12, 1e12, jnp.nan)  # NaN: no number reaches it, not even infinity


class LayerFlow(NamedTuple):
    """Norms of one layer, with output y and mean loss E over the batch."""

    activation: Number  # ‖y‖, over batch and features
    activation_rms: Number  # root mean square of y
    gradient: Number  # ‖∂E/∂y‖
    parameter_gradient: Number  # ‖∂E/∂θ‖ of all parameters in the layer


def gradient_flow(
    model: PyTree,
    loss: Callable[..., Any],
    data: Sequence[Any],
    *,
    key: PRNGKeyArray | None = None,
) -> dict[str, LayerFlow]:
    """Measure ‖y‖, ‖∂E/∂y‖ and ‖∂E/∂θ‖ of every layer, of output y and parameters θ, with E the mean loss over a batch.

    The layers are the parts of the model that the loss calls: modules, and functions that are leaves of the model (such
    as the activations of a `Sequential`), at any depth, named by their paths in the model (`"layers[0]"`,
    `"layers[3].inner.layers[1]"`) and in the order in which they first return. A module that contains others is a layer
    too; the model itself is one, named "model", only if none of its parts is called. A parameter that is in no layer
    comes last, by itself, with NaN in place of the norms of an output, so that any pytree of parameters is accepted.

    The norms of a layer that is called several times, in a loop, a `scan` or under `vmap`, are over all its calls, so
    that ‖∂E/∂y‖² is the sum over the calls. If no gradient can reach a layer, because its output is not used or is cut
    off by `stop_gradient`, its gradient is 0 and its activation is NaN. The model need not be modified: the
    measurements are returned as the gradient with respect to a dummy input of each layer, which has no effect.

    Args:
        model: any pytree, measured in training mode, as in `fit`.
        loss: as for `fit`: `loss(model, *batch, key=key)` returns one value per example (or these and a model).
        data: arrays of the batch, such as `(x, labels)`.
        key: random key for a stochastic model.

    Raises:
        InputError: for data that are empty, do not agree in length or are not finite, and a loss that does not return
            one number per example.

    Source: Hochreiter, Diploma thesis, TU München (1991); Glorot and Bengio, AISTATS (2010).
    """
    check.no_class(model=model)
    check.functions(loss=loss)
    if key is not None:
        check.key(key)
    data = arrays_of("data", data)
    count("data", data)
    check_finite("data", data)
    model = for_training(model)
    parameters, rest = split_parameters(model)  # here, before numbers become arrays
    names, flows = _measure(parameters, rest, loss, tuple(map(jnp.asarray, data)), key)
    return dict(zip(names, flows, strict=True))


@compiled
def _measure(parameters, rest, loss, batch, key) -> tuple[list[str], list[LayerFlow]]:
    called: list[KeyPath] = []

    def mean_loss(parameters, probes):
        taps = {path: _Tap(path, probe, called) for path, probe in probes}
        values = call_loss("loss", loss, _tapped(eqx.combine(parameters, rest), taps), batch, key)
        return jnp.mean(per_example(values[0] if isinstance(values, tuple) else values, len(batch[0]), "loss"))

    probes = [(path, _Probe.zero()) for path in _callable_parts(eqx.combine(parameters, rest))]
    places = [path for path, _ in probes]
    gradient, measured = jax.grad(
        lambda parameters, probes: mean_loss(parameters, zip(places, probes, strict=True)), argnums=(0, 1)
    )(parameters, [probe for _, probe in probes])
    measured = dict(zip(places, measured, strict=True))
    leaves = [(place, _squares([g])) for place, g in tree_leaves_with_path(gradient)]

    layers = [path for path in dict.fromkeys(called) if path] or called[:1]
    flows = [measured[path].flow([squares for place, squares in leaves if _within(place, path)]) for path in layers]
    alone = [(place, squares) for place, squares in leaves if not any(_within(place, path) for path in layers)]
    nan = jnp.full((), jnp.nan)
    flows += [LayerFlow(nan, nan, nan, _norm(squares)) for _, squares in alone]
    return [_name(path) for path in (*layers, *(place for place, _ in alone))], flows


def _within(place: KeyPath, path: KeyPath) -> bool:
    return place[: len(path)] == path


def _name(path: KeyPath) -> str:
    return keystr(path).removeprefix(".") or "model"


# --- norms ---


def _squares(arrays: Iterable[Array]) -> Float[Array, "3"]:
    """Return the sums of the squares of all numbers, one for each of the three scales."""
    scales, lowest, highest = (jnp.asarray(row, jnp.result_type(float)) for row in (_SCALES, _LOWEST, _HIGHEST))
    total = jnp.zeros_like(scales)
    for x in arrays:
        x = jnp.reshape(x, (-1, 1))
        elsewhere = (jnp.abs(x) < lowest) | (jnp.abs(x) >= highest)
        total += jnp.sum(jnp.where(elsewhere, 0, jnp.square(x / scales)), axis=0)
    return total


def _norm(squares: Float[Array, "3"]) -> Number:
    parts = jnp.sqrt(squares) * jnp.asarray(_SCALES, squares.dtype)
    largest = jnp.max(parts)
    return jnp.where(largest > 0, largest * jnp.linalg.norm(parts / largest), 0)


class _Probe(NamedTuple):
    """Dummy input of a layer. Its "gradient" is what was measured at the layer, summed over all calls."""

    activation: Float[Array, "3"]  # squares of y
    gradient: Float[Array, "3"]  # squares of ∂E/∂y
    size: Number  # number of entries of y

    @staticmethod
    def zero() -> "_Probe":
        return _Probe(jnp.zeros(3), jnp.zeros(3), jnp.zeros(()))

    def flow(self, parameters: list[Float[Array, "3"]]) -> LayerFlow:
        """Return the norms of a layer, given the squares of the gradient with respect to each of its parameters."""
        activation = jnp.where(self.size > 0, _norm(self.activation), jnp.nan)
        return LayerFlow(
            activation, activation / jnp.sqrt(self.size), _norm(self.gradient), _norm(sum(parameters, jnp.zeros(3)))
        )


@jax.custom_vjp
def _pass(y: list[Array], probe: _Probe) -> list[Array]:
    """Return y unchanged."""
    return y


def _pass_forward(y, probe):
    squares = _squares(y)
    # One for each call under `vmap`: the gradient of the probe is summed over the examples only if, as far as JAX can
    # see, it depends on them.
    one = jnp.where(squares[0] >= 0, 1.0, 1.0)
    return y, (squares, one)


def _pass_backward(kept, gradient):
    squares, one = kept
    size = sum(g.size for g in gradient)
    return gradient, _Probe(squares, one * _squares(gradient), one * size)


_pass.defvjp(_pass_forward, _pass_backward)


# --- taps: a model whose parts are measured at their outputs ---


class _Tap:
    """Measurement of the output of one part of the model. Compared by identity, so that it can be a static field."""

    def __init__(self, path: KeyPath, probe: _Probe, called: list[KeyPath]):
        self.path, self.probe, self.called = path, probe, called

    def __call__(self, y: PyTree) -> PyTree:
        self.called.append(self.path)
        numbers, rest = eqx.partition(y, eqx.is_inexact_array)
        leaves, structure = jax.tree.flatten(numbers)
        return eqx.combine(jax.tree.unflatten(structure, _pass(leaves, self.probe)), rest)


def _callable_parts(part: Any, path: KeyPath = ()) -> Iterator[KeyPath]:
    """Yield the paths of all callable parts, including nested ones."""
    if callable(part):
        yield path
    for below, child in tree_flatten_with_path(part, is_leaf=lambda node: node is not part and callable(node))[0]:
        if below and callable(child):
            yield from _callable_parts(child, path + below)


def _tapped(part: Any, taps: dict[KeyPath, _Tap], path: KeyPath = ()) -> Any:
    """Apply the taps to the outputs of all callable parts."""

    def inside(below, child):
        return _tapped(child, taps, path + below) if below and callable(child) else child

    whole = tree_map_with_path(inside, part, is_leaf=lambda node: node is not part and callable(node))
    if path not in taps:
        return whole
    if isinstance(whole, eqx.Module):
        return _as_tapped_module(whole, taps[path])
    return lambda *args, **kwargs: taps[path](whole(*args, **kwargs))


def _as_tapped_module(module: eqx.Module, tap: _Tap) -> eqx.Module:
    """Convert the module to a subclass, so that it keeps its fields, its methods and its type."""
    kind = _tapped_class(type(module))
    tapped = object.__new__(kind)
    for name, value in {**vars(module), "_tap": tap}.items():
        object.__setattr__(tapped, name, value)
    return tapped


@functools.cache
def _tapped_class(kind: type) -> type:
    def call(self, *args, **kwargs):
        return self._tap(kind.__call__(self, *args, **kwargs))

    def measure(self, *args, **kwargs):
        y, model = kind.measure(self, *args, **kwargs)
        return self._tap(y), model

    members = {"__call__": call, "__annotations__": {"_tap": Any}, "_tap": eqx.field(static=True, default=None)}
    if hasattr(kind, "measure"):
        members["measure"] = measure
    return type(kind)(kind.__name__, (kind,), {**members, "__module__": __name__})
