"""What every attack shares: what it is called with, what it looks at, and how the best of what it finds is kept."""

from abc import abstractmethod
from typing import Any, NamedTuple, Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, ArrayLike, Bool, Float, Int, PRNGKeyArray, PyTree

from neuraxis import check
from neuraxis.engine.called import call
from neuraxis.errors import InputError
from neuraxis.functions.ranges import only_between
from neuraxis.robust.losses import AttackLoss, loss_of
from neuraxis.robust.threat_models import ThreatModel
from neuraxis.values import compiled

_LOOKED_AT = 8  # examples with which a model is tried out


@runtime_checkable
class Attack(Protocol):
    """Looks for inputs close to x that the model classifies wrongly, or as the targets.

    A model is any map from inputs (N, …) to logits (N, classes), differentiable unless the attack uses no gradient;
    scaling and normalisation are part of it. An attack sees it in inference mode.
    """

    @property
    def threat(self) -> ThreatModel:
        """What it may do: norm, ε and range."""
        ...

    @property
    def uses_gradient(self) -> bool:
        """Whether it needs the gradient of the model."""
        ...

    def __call__(
        self,
        model: PyTree,
        x: ArrayLike,
        labels: ArrayLike,
        *,
        targets: ArrayLike | None = None,
        key: PRNGKeyArray | None = None,
    ) -> Float[Array, "N ..."]:
        """Return an input for each of x."""
        ...


class Problem(NamedTuple):
    """What an attack works on."""

    model: PyTree
    x: Float[Array, "N ..."]
    labels: Int[Array, " N"]
    targets: Int[Array, " N"] | None


class Best(NamedTuple):
    """The best that was found so far."""

    x: Float[Array, "N ..."]
    rank: Int[Array, " N"]  # 0: classified as labelled; 1: not; 2: as the target
    loss: Float[Array, " N"]
    finite: Bool[Array, " N"]  # whether the gradients on the way were

    @staticmethod
    def none(problem: Problem) -> "Best":
        """Begin with nothing found: the inputs themselves, which all else is better than."""
        count, dtype = len(problem.x), problem.x.dtype
        return Best(problem.x, jnp.full(count, -1), jnp.full(count, -jnp.inf, dtype), jnp.ones(count, bool))

    def or_else(self, problem: Problem, x: Array, logits: Array, loss: Array) -> "Best":
        """Take x where it has the higher rank, or the same and the larger loss."""
        rank = rank_of(logits, problem)
        better = (rank > self.rank) | ((rank == self.rank) & (loss > self.loss))
        return Best(
            jnp.where(along(better, x), x, self.x),
            jnp.where(better, rank, self.rank),
            jnp.where(better, loss, self.loss),
            self.finite,
        )


def along(per_example: Array | np.ndarray, x: Array | np.ndarray) -> Any:
    """Let one value per example broadcast with x."""
    return per_example.reshape(per_example.shape + (1,) * (x.ndim - 1))


def rank_of(logits: Float[Array, "N classes"], problem: Problem) -> Int[Array, " N"]:
    """Say how far an attack has come: 0 for the label, 1 for another class, 2 for the target; NaN is no success."""
    predicted = jnp.argmax(logits, axis=-1)
    rank = (predicted != problem.labels).astype(jnp.int32)
    if problem.targets is not None:
        rank += predicted == problem.targets
    return jnp.where(jnp.any(jnp.isnan(logits), axis=-1), 0, rank)


def succeeds(rank: Int[Array, " N"], problem: Problem) -> Bool[Array, " N"]:
    """Say where an attack has reached its goal."""
    return rank >= (1 if problem.targets is None else 2)


def logits_of(model: PyTree, x: Array) -> Float[Array, "N classes"]:
    """Return the logits of the model."""
    logits = call("model", model, x)
    if not isinstance(logits, jax.Array | np.ndarray) or jnp.ndim(logits) != 2 or len(logits) != len(x):
        shape = getattr(logits, "shape", None)
        found = f"a {type(logits).__name__}" if shape is None else f"shape {shape}"
        raise InputError(
            f"the model must return logits of shape (N, classes) for inputs of shape {x.shape}, but returned {found}"
        )
    return jnp.asarray(logits)


def slope_of(
    loss: AttackLoss, problem: Problem, x: Float[Array, "N ..."]
) -> tuple[Float[Array, "N ..."], Float[Array, "N classes"], Float[Array, " N"]]:
    """Return the gradient of the loss by x, the logits and the loss of each example.

    Examples do not interact in inference, so it is the gradient of the sum.
    """

    def total(x):
        logits = logits_of(problem.model, x)
        values = loss_of(loss, logits, problem.labels, problem.targets)
        return jnp.sum(values), (logits, values)

    slope, (logits, values) = jax.grad(total, has_aux=True)(x)
    return slope, logits, values


def is_finite(slope: Float[Array, "N ..."]) -> Bool[Array, " N"]:
    """Say for which examples all of the gradient is finite."""
    return jnp.all(jnp.isfinite(slope.reshape(len(slope), -1)), axis=-1)


class Search(eqx.Module):
    """An attack that is one compiled program: it works under `jit` too, in training for instance."""

    threat: eqx.AbstractVar[ThreatModel]

    @property
    def uses_gradient(self) -> bool:
        """Whether it needs the gradient of the model."""
        return True

    @property
    def needs_bound(self) -> bool:
        """Whether its steps are measured in units of ε, which must be finite then."""
        return True

    @property
    def draws(self) -> bool:
        """Whether something is drawn at random, so that a key is needed."""
        return False

    @abstractmethod
    def search(self, problem: Problem, key: PRNGKeyArray | None) -> Best:
        """Return the best input that it finds for each example."""

    def __call__(
        self,
        model: PyTree,
        x: ArrayLike,
        labels: ArrayLike,
        *,
        targets: ArrayLike | None = None,
        key: PRNGKeyArray | None = None,
    ) -> Float[Array, "N ..."]:
        """Return an input for each of x that lies in the range and, if ε is a bound, in the ball around it.

        While JAX is tracing, nothing can be refused, and what had no finite gradient becomes NaN.

        Args:
            model: any map to logits, (N, classes); it is seen in inference mode.
            x: inputs, (N, …).
            labels: true classes, (N,).
            targets: classes that are to be predicted, (N,); without them, any but the label.
            key: for what is drawn at random.

        Raises:
            InputError: for a model that is none or answers differently each time, inputs outside of the range, labels
                or targets that are not one class for each, an infinite ε or no key where one is needed, and a model
                whose gradients are not finite.
        """
        if self.needs_bound:
            self.threat.check_bounded()
        if self.draws or key is not None:
            check.key(key)
        best = _search(self, checked(self.threat, model, x, labels, targets), key)
        if isinstance(best.finite, Tracer):
            return jnp.where(along(best.finite, best.x), best.x, jnp.nan)
        finite = np.asarray(best.finite)
        if not finite.all():
            raise InputError(
                f"the gradients of the model must be finite, but those of {np.sum(~finite)} of {finite.size} examples "
                f"are not, the first of them example {np.argmin(finite)}; Square uses no gradient"
            )
        return best.x


@compiled
def _search(attack, problem, key):
    return attack.search(problem, key)


def checked(threat: ThreatModel, model: PyTree, x: Any, labels: Any, targets: Any) -> Problem:
    """Return what an attack works on, with the model in inference mode.

    Raises:
        InputError: for a model that is none, or answers differently each time; for inputs that do not lie in the range,
            labels and targets that are not one class for each, a target that is the label, and for an ε for each of
            another number of examples.
    """
    check.no_class(model=model)
    check.functions(model=model)
    x = inputs(threat, x)
    model = eqx.nn.inference_mode(model)
    classes = _classes(model, x)
    labels = _one_each("labels", labels, x, classes)
    targets = None if targets is None else _one_each("targets", targets, x, classes)
    if targets is not None and not isinstance(targets, Tracer) and not isinstance(labels, Tracer):
        same = np.asarray(targets == labels)
        if same.any():
            raise InputError(
                f"targets must be other classes than the labels, but example {np.argmax(same)} has both "
                f"{int(labels[np.argmax(same)])}"
            )
    return Problem(model, x, labels, targets)


def inputs(threat: ThreatModel, x: Any) -> Float[Array, "N ..."]:
    """Return the inputs that may be moved.

    Raises:
        InputError: for no examples, inputs outside the range, and for an ε for each of another number of examples.
    """
    x = check.floats("x", x)
    if x.ndim < 2 or not len(x):
        raise InputError(f"x must contain one or more examples along its first axis, (N, …), but has shape {x.shape}")
    x = only_between(threat.low, threat.high, "x", x)
    if np.ndim(threat.epsilon) and np.shape(threat.epsilon) != (len(x),):
        raise InputError(
            f"epsilon must be one number or one for each of {len(x)} examples, but has shape {np.shape(threat.epsilon)}"
        )
    return x


def _classes(model: PyTree, x: Array) -> int:
    """Return the number of classes, and see that the model always gives the same."""
    if any(isinstance(leaf, Tracer) for leaf in (x, *jax.tree.leaves(model))):
        return jax.eval_shape(lambda x: logits_of(model, x), x).shape[-1]
    first, second = map(np.asarray, _twice(model, x[:_LOOKED_AT]))
    if not np.allclose(first, second, rtol=1e-3, atol=1e-5, equal_nan=True):
        raise InputError(
            "the model must return the same logits each time, but those of the same inputs differ by up to "
            f"{np.nanmax(np.abs(first - second)):.3g}; leave dropout and other noise out, as "
            "equinox.nn.inference_mode(model) does"
        )
    return first.shape[-1]


@compiled
def _twice(model, x):
    return logits_of(model, x), logits_of(model, x)


def _one_each(name: str, classes_of: Any, x: Array, classes: int) -> Int[Array, " N"]:
    known = check.array(name, classes_of)
    if known.shape != (len(x),):
        raise InputError(
            f"{name} must be one class for each of {len(x)} examples, shape ({len(x)},), but have shape {known.shape}"
        )
    if known.dtype.kind not in "iub":
        raise InputError(f"{name} must be integers, but have dtype {known.dtype}")
    numbers = np.empty(0, int) if isinstance(known, Tracer) else np.asarray(known)
    if not np.all((numbers >= 0) & (numbers < classes)):
        raise InputError(
            f"{name} must be between 0 and {classes - 1}, the classes of the model, but range from {numbers.min()} to "
            f"{numbers.max()}"
        )
    return jnp.asarray(known, jnp.int32)
