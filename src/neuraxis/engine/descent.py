"""The standard learning rule: gradient descent on a loss."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, PRNGKeyArray, PyTree

from neuraxis import check
from neuraxis.engine.called import call_loss
from neuraxis.engine.losses import per_example
from neuraxis.engine.modes import measuring_parts
from neuraxis.engine.parameters import learnable, picked
from neuraxis.errors import InputError
from neuraxis.kinds import Statistics


def descent(
    loss: Callable[..., Any],
    optimizer: optax.GradientTransformation,
    *,
    train: Callable[[Any], Any] | None = None,
    gradient: Callable[..., Any] | None = None,
) -> "Descent":
    """Minimise the mean of a loss over the examples of each batch: the rule θ ← θ + update(∇_θ mean loss).

    Args:
        loss: `loss(model, *batch, key=key)` returns one value per example; for a model that measures statistics
            (`kinds.MeasuringMap`, such as one with batch normalisation), it returns `(values, model)`.
        optimizer: an optax transformation, such as `optax.adam(1e-3)` or `gradient_descent(0.1)`.
        train: selects what is trained, as in `lambda model: model.head`; the rest is unchanged, and in inference mode.
            By default all floating-point arrays are trained, except those in `kinds.Statistics`.
        gradient: `gradient(model, *batch, key=key)` returns the losses and the gradient of their mean, a tree like the
            model, for gradients derived by hand or by another program; by default JAX differentiates the loss.

    Raises:
        InputError: for a loss, `train` or gradient that is not a function, or an optimiser that is not of optax.
    """
    optional = {"train": train, "gradient": gradient}
    check.functions(loss=loss, **{name: function for name, function in optional.items() if function is not None})
    if not isinstance(optimizer, optax.GradientTransformation):
        raise InputError(f"optimizer must be an optax transformation, such as optax.adam(1e-3), but is {optimizer!r}")
    return Descent(loss, optimizer, train, gradient)


class Descent(eqx.Module):
    """The rule that `descent` returns."""

    loss: Callable[..., Any]
    optimizer: optax.GradientTransformation
    train: Callable[[Any], Any] | None
    gradient: Callable[..., Any] | None

    def init(self, model: PyTree) -> PyTree:
        """Return the state of the optimiser.

        Raises:
            InputError: if there is nothing to train, or if it has complex numbers.
        """
        parameters, _ = self._split(model)
        if not jax.tree.leaves(parameters):
            raise InputError(_nothing_to_train(model, self.train))
        for path, x in jax.tree.leaves_with_path(parameters):
            if jnp.iscomplexobj(x):
                name = jax.tree_util.keystr(path).lstrip(".") or "the model"
                raise InputError(f"what is trained must be real numbers, but {name} has dtype {x.dtype}")
        return self.optimizer.init(parameters)

    def step(
        self, model: PyTree, state: PyTree, batch: tuple[Any, ...], *, key: PRNGKeyArray
    ) -> tuple[PyTree, PyTree, Array]:
        """Take one step of the optimiser."""
        parameters, rest = self._split(model)

        def mean_loss(parameters: PyTree) -> tuple[Array, tuple[Array, PyTree]]:
            losses, measured = self._losses(eqx.combine(parameters, rest), batch, key)
            return jnp.mean(losses), (losses, rest if measured is None else _with_statistics(rest, measured))

        if self.gradient is None:
            (value, (losses, rest)), gradient = jax.value_and_grad(mean_loss, has_aux=True)(parameters)
        else:
            losses, gradient = self._by_hand(model, parameters, batch, key)
            value = jnp.mean(losses)
        # Some optimisers use the loss, or evaluate it along their search direction.
        updates, state = optax.with_extra_args_support(self.optimizer).update(
            gradient, state, parameters, value=value, grad=gradient, value_fn=lambda p: mean_loss(p)[0]
        )
        moved = eqx.combine(optax.apply_updates(parameters, updates), rest)
        # Other leaves are returned unchanged, including the mode of parts that are not trained.
        return jax.tree.map(lambda new, old: new if eqx.is_array(new) else old, moved, model), state, losses

    def _split(self, model: PyTree) -> tuple[PyTree, PyTree]:
        """Split a model into what is trained and the rest."""
        trained = learnable(model)
        if self.train is not None:
            chosen = picked(model, self.train, "train")
            trained = jax.tree.map(lambda a, b: a and b, trained, chosen)
            model = jax.tree.map(
                lambda keep, leaf, still: leaf if keep else still, chosen, model, eqx.nn.inference_mode(model)
            )
        return eqx.partition(model, trained)

    def _by_hand(
        self, model: PyTree, parameters: PyTree, batch: tuple[Any, ...], key: PRNGKeyArray
    ) -> tuple[Array, PyTree]:
        """Return the losses and the user's gradient with respect to what is trained."""
        assert self.gradient is not None
        if measuring_parts(model):
            raise InputError("gradient= cannot update the statistics that the model measures of its data")
        found = call_loss("gradient", self.gradient, model, batch, key)
        if not isinstance(found, tuple) or len(found) != 2:
            raise InputError(
                f"gradient= must return the pair (losses, gradient), but returned a {type(found).__name__}"
            )
        losses, gradient = found
        (leaves, structure), places = jax.tree.flatten(parameters), jax.tree.structure(model)
        try:
            pairs = zip(places.flatten_up_to(parameters), places.flatten_up_to(gradient), strict=True)
            found = [slope for parameter, slope in pairs if parameter is not None]
            fits = [getattr(slope, "shape", None) for slope in found] == [leaf.shape for leaf in leaves]
        except (ValueError, TypeError):
            found, fits = [], False
        if not fits:
            raise InputError("the gradient must be a tree like the model, with a derivative for every trained array")
        return per_example(losses, len(batch[0]), "gradient"), jax.tree.unflatten(structure, found)

    def _losses(self, model: PyTree, batch: tuple[Any, ...], key: PRNGKeyArray) -> tuple[Array, PyTree | None]:
        """Return the losses, and the model with updated statistics if the loss returns one."""
        losses, measured = call_loss("loss", self.loss, model, batch, key), None
        if isinstance(losses, tuple):
            if len(losses) != 2:
                raise InputError(f"a loss must return values, or (values, model), but returned {len(losses)} items")
            losses, measured = losses
            _check_measured(model, measured)
        elif measuring_parts(model):
            raise InputError(
                "the model measures statistics of its data, so its loss must return them too, as (values, model) with "
                "the model that model.measure(x) returns; neuraxis.feedforward.classification.measuring_loss is such a "
                "loss"
            )
        return per_example(losses, len(batch[0]), "loss"), measured


def _with_statistics(rest: PyTree, measured: PyTree) -> PyTree:
    """Replace the statistics by the measured ones."""
    return jax.tree.map(
        lambda old, new: new if isinstance(old, Statistics) else old,
        rest,
        measured,
        is_leaf=lambda node: node is None or isinstance(node, Statistics),
    )


def _check_measured(model: PyTree, measured: PyTree) -> None:
    """Check that the model returned by a loss has updated statistics."""
    if jax.tree.structure(measured) != jax.tree.structure(model):
        raise InputError(
            "in addition to its values, a loss must return the model that it received, with its statistics updated, "
            f"but returned {check.received(measured)}"
        )
    for (place, before), (_, after) in zip(measuring_parts(model), measuring_parts(measured), strict=True):
        # Updated statistics are different array objects, even while their values are unknown.
        kept = map(lambda old, new: old is new, *(jax.tree.leaves(_statistics(part)) for part in (before, after)))
        if all(kept):
            raise InputError(
                f"the loss returns a model whose {place or type(before).__name__} has not measured its data: every "
                "part that contains it needs a method measure(x, *, key=None), which returns y and the updated part, "
                "as neuraxis.layers.Sequential has; or inference=True keeps it fixed"
            )


def _statistics(part: PyTree) -> list[Any]:
    leaves = jax.tree.leaves(part, is_leaf=lambda node: isinstance(node, Statistics))
    return [leaf for leaf in leaves if isinstance(leaf, Statistics)]


def _nothing_to_train(model: PyTree, train: Callable[[Any], Any] | None) -> str:
    subject = f"{type(model).__name__} has nothing to train" if train is None else "train picks nothing to train"
    leaves = [(jax.tree_util.keystr(path).lstrip("."), leaf) for path, leaf in jax.tree.leaves_with_path(model)]
    numbers = {name: leaf for name, leaf in leaves if isinstance(leaf, float)}
    if not numbers:
        return f"{subject}: it holds no array of floating-point numbers"
    name, value = next(iter(numbers.items()))
    return (
        f"{subject}: only arrays are trained, but {', '.join(numbers)} are Python numbers; "
        f"an array makes a field learnable, as in {name}=jnp.asarray({value})"
    )
