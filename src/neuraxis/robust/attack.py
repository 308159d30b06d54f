"""The common parts of all attacks: their interface, the checks of their arguments, and the best inputs found so far."""

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

_LOOKED_AT = 8  # examples on which a model is tested for determinism


@runtime_checkable
class Attack(Protocol):
    """A search for inputs close to x that the model misclassifies, or classifies as the targets.

    A model is any map from inputs (N, …) to logits (N, classes), differentiable unless the attack uses no gradient. It
    includes the scaling and normalisation of its inputs. Attacks use it in inference mode.
    """

    @property
    def threat(self) -> ThreatModel:
        """The allowed perturbations: norm, ε and range."""
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
        """Return an adversarial input for each example of x."""
        ...


class Problem(NamedTuple):
    """The checked arguments of an attack."""

    model: PyTree
    x: Float[Array, "N ..."]
    labels: Int[Array, " N"]
    targets: Int[Array, " N"] | None


class Best(NamedTuple):
    """The best inputs found so far."""

    x: Float[Array, "N ..."]
    rank: Int[Array, " N"]  # 0: classified as the label; 1: as another class; 2: as the target
    loss: Float[Array, " N"]
    finite: Bool[Array, " N"]  # whether all gradients so far were finite

    @staticmethod
    def none(problem: Problem) -> "Best":
        """Return the initial state: the inputs themselves, with a rank below that of any other input."""
        count, dtype = len(problem.x), problem.x.dtype
        return Best(problem.x, jnp.full(count, -1), jnp.full(count, -jnp.inf, dtype), jnp.ones(count, bool))

    def or_else(self, problem: Problem, x: Array, logits: Array, loss: Array) -> "Best":
        """Take x where it has a higher rank, or the same rank and a larger loss."""
        rank = rank_of(logits, problem)
        better = (rank > self.rank) | ((rank == self.rank) & (loss > self.loss))
        return Best(
            jnp.where(along(better, x), x, self.x),
            jnp.where(better, rank, self.rank),
            jnp.where(better, loss, self.loss),
            self.finite,
        )


def along(per_example: Array | np.ndarray, x: Array | np.ndarray) -> Any:
    """Reshape one value per example to broadcast with x."""
    return per_example.reshape(per_example.shape + (1,) * (x.ndim - 1))


def rank_of(logits: Float[Array, "N classes"], problem: Problem) -> Int[Array, " N"]:
    """Return the success of an attack: 0 for the label, 1 for another class, 2 for the target; NaN counts as 0."""
    predicted = jnp.argmax(logits, axis=-1)
    rank = (predicted != problem.labels).astype(jnp.int32)
    if problem.targets is not None:
        rank += predicted == problem.targets
    return jnp.where(jnp.any(jnp.isnan(logits), axis=-1), 0, rank)


def succeeds(rank: Int[Array, " N"], problem: Problem) -> Bool[Array, " N"]:
    """Return where an attack has reached its goal."""
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
    """Return the gradient of the loss with respect to x, the logits, and the loss, for each example.

    Examples do not interact in inference mode, so it is computed as the gradient of the sum.
    """

    def total(x):
        logits = logits_of(problem.model, x)
        values = loss_of(loss, logits, problem.labels, problem.targets)
        return jnp.sum(values), (logits, values)

    slope, (logits, values) = jax.grad(total, has_aux=True)(x)
    return slope, logits, values


def is_finite(slope: Float[Array, "N ..."]) -> Bool[Array, " N"]:
    """Return for which examples the whole gradient is finite."""
    return jnp.all(jnp.isfinite(slope.reshape(len(slope), -1)), axis=-1)


class Search(eqx.Module):
    """An attack that is one compiled program, and works under `jit` too, for instance in training."""

    threat: eqx.AbstractVar[ThreatModel]

    @property
    def uses_gradient(self) -> bool:
        """Whether it needs the gradient of the model."""
        return True

    @property
    def needs_bound(self) -> bool:
        """Whether steps are measured in units of ε, which must then be finite."""
        return True

    @property
    def draws(self) -> bool:
        """Whether the attack is random, so that a key is needed."""
        return False

    @abstractmethod
    def search(self, problem: Problem, key: PRNGKeyArray | None) -> Best:
        """Return the best input found for each example."""

    def __call__(
        self,
        model: PyTree,
        x: ArrayLike,
        labels: ArrayLike,
        *,
        targets: ArrayLike | None = None,
        key: PRNGKeyArray | None = None,
    ) -> Float[Array, "N ..."]:
        """Return an adversarial input for each example of x, in the range and, if ε is a bound, in the ball around it.

        While JAX is tracing, nothing can be rejected, and examples with a gradient that is not finite become NaN.

        Args:
            model: any map to logits, (N, classes), used in inference mode.
            x: inputs, (N, …).
            labels: true classes, (N,).
            targets: classes to be predicted, (N,); by default, any class other than the label.
            key: random key, for attacks that need one.

        Raises:
            InputError: for a model that is not a function or not deterministic, inputs outside the range, labels or
                targets that are not one class for each example, an infinite ε, a missing key where one is needed, or
                gradients that are not finite.
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
    """Check the arguments of an attack, and return them with the model in inference mode.

    Raises:
        InputError: for a model that is not a function or not deterministic, inputs outside the range, labels or targets
            that are not one class for each example, a target that is the label, or a different number of ε than of
            examples.
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
                f"targets must differ from the labels, but both are {int(labels[np.argmax(same)])} for example "
                f"{np.argmax(same)}"
            )
    return Problem(model, x, labels, targets)


def inputs(threat: ThreatModel, x: Any) -> Float[Array, "N ..."]:
    """Check the inputs of an attack, and return them as floats.

    Raises:
        InputError: for no examples, inputs outside the range, or a different number of ε than of examples.
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
    """Return the number of classes, and check that the model is deterministic."""
    if any(isinstance(leaf, Tracer) for leaf in (x, *jax.tree.leaves(model))):
        return jax.eval_shape(lambda x: logits_of(model, x), x).shape[-1]
    first, second = map(np.asarray, _twice(model, x[:_LOOKED_AT]))
    if not np.allclose(first, second, rtol=1e-3, atol=1e-5, equal_nan=True):
        raise InputError(
            "the model must return the same logits each time, but those of the same inputs differ by up to "
            f"{np.nanmax(np.abs(first - second)):.3g}; disable dropout and other noise, as "
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
