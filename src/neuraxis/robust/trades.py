"""TRADES: a loss that weighs accuracy against robustness."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray

from neuraxis import check
from neuraxis.engine.called import call
from neuraxis.engine.losses import per_example
from neuraxis.errors import InputError
from neuraxis.functions.precision import single
from neuraxis.kinds import Map
from neuraxis.robust.attack import inputs
from neuraxis.robust.binary import logistic, one_output, signs_of
from neuraxis.robust.losses import cross_entropy
from neuraxis.robust.pgd import ascend
from neuraxis.robust.threat_models import ThreatModel

_NOISE = 0.001  # deviation of the start from x, at which the slope would be 0


class TradeOff(eqx.Module):
    """E(f(x), t) + β max_{x′∈B(x, ε)} D(f(x), f(x′)): what the two forms share.

    The inner maximum is looked for by steps x′ ← Π(x′ + α ε d(∇_x′ D)), from x + 0.001·N(0, 1), of the model in
    inference mode. The gradient of the loss then takes x′ as given, and f(x) and f(x′) as functions of the weights.
    """

    threat: eqx.AbstractVar[ThreatModel]
    beta: eqx.AbstractVar[ArrayLike]
    steps: eqx.AbstractVar[int]
    step_size: eqx.AbstractVar[ArrayLike]

    def __check_init__(self):
        check.instance(ThreatModel, threat=self.threat)
        self.threat.check_bounded()
        check.not_negative(beta=self.beta)
        check.positive(step_size=self.step_size)
        check.one_number(beta=self.beta, step_size=self.step_size)
        check.whole(steps=self.steps)

    @abstractmethod
    def natural(self, outputs: Array, labels: Any) -> Float[Array, " N"]:
        """Return the loss E at x."""

    @abstractmethod
    def between(self, outputs: Array, moved: Array) -> Float[Array, " N"]:
        """Say how far D the outputs at x′ are from those at x."""

    def __call__(self, model: Map, x: ArrayLike, labels: Any, *, key: PRNGKeyArray | None = None) -> Float[Array, " N"]:
        """Return the loss of each example: what `descent` minimises, and a measure.

        Args:
            model: map to outputs, (N, …).
            x: inputs, (N, …), in the range.
            labels: one for each.
            key: of the start, and the noise of the model.

        Raises:
            InputError: for inputs outside the range, labels that do not fit, and without a key.
        """
        check.functions(model=model)
        check.key(key)
        assert key is not None
        inside = inputs(self.threat, x)
        key_start, key_model = jax.random.split(key)
        start = inside + _NOISE * jax.random.normal(key_start, inside.shape, inside.dtype)
        moved = jax.lax.stop_gradient(self.worst(model, inside, start))
        outputs = model(inside, key=key_model)
        apart = per_example(self.between(outputs, model(moved, key=key_model)), len(inside), "the surrogate")
        return self.natural(outputs, labels) + self.beta * apart

    def worst(self, model: Map, x: Float[Array, "N ..."], start: Float[Array, "N ..."]) -> Float[Array, "N ..."]:
        """Climb from `start` to an x′ in the ball around x where the outputs are far from those at x."""
        model = eqx.nn.inference_mode(model)
        outputs = model(x)

        def slope_at(moved, carry):
            return jax.grad(lambda moved: jnp.sum(self.between(outputs, model(moved))))(moved), carry

        return ascend(slope_at, self.threat, x, start, None, steps=self.steps, step_size=self.step_size)[0]


class TRADES(TradeOff):
    """−ln p_t(x) + β max_{x′∈B(x, ε)} KL(p(x) ‖ p(x′)) of p = softmax(model(x)), for each example.

    The first term asks for accuracy; the second asks that the answer does not change within the ball, whether it is
    right or not. Larger β give more robustness for some accuracy. It is minimised by
    `descent(TRADES(threat, 6.0), optax.adam(1e-3))`, and an ε that grows comes of `ramped`.

    Args:
        threat: norm, ε and range.
        beta: β, weight of the robustness (1/λ of the paper, which takes 1 to 10).
        steps: of the inner maximisation.
        step_size: α, in units of ε.

    Raises:
        InputError: for a negative β, an infinite ε, and for numbers or sizes of steps that are not positive.

    Source: Zhang et al., International Conference on Machine Learning (2019), equation 5 and algorithm 1.
    """

    threat: ThreatModel
    beta: ArrayLike = 6.0
    steps: int = 10
    step_size: ArrayLike = 0.25
    """Step size α, as a share of ε."""

    def natural(self, outputs, labels):
        """Return the cross-entropy."""
        labels = check.array("labels", labels)
        if outputs.ndim != 2 or labels.shape != outputs.shape[:1]:
            raise InputError(
                "the model must return logits (N, classes), and labels must be one for each example, (N,), but they "
                f"have shapes {outputs.shape} and {labels.shape}"
            )
        return cross_entropy(outputs, jnp.asarray(labels))

    def between(self, outputs, moved):
        """Return KL(p(x) ‖ p(x′))."""
        return divergence(outputs, moved)


class BinaryTRADES(TradeOff):
    """g(f(x) t) + β max_{x′∈B(x, ε)} g(f(x) f(x′)) with labels t = ±1 and one output f(x), for each example.

    The second term is small where f has the same sign, and a large size, in all of the ball.

    Args:
        threat: norm, ε and range.
        beta: β, weight of the robustness.
        steps: of the inner maximisation.
        step_size: α, in units of ε.
        surrogate: g, a function that falls and takes the place of the step from 1 to 0, one value for each.

    Raises:
        InputError: for a negative β, an infinite ε, numbers or sizes of steps that are not positive, and a surrogate
            that is no function; called, for labels other than ±1 and a model with several outputs.

    Source: Zhang et al., International Conference on Machine Learning (2019), equation 3.
    """

    threat: ThreatModel
    beta: ArrayLike = 1.0
    steps: int = 10
    step_size: ArrayLike = 0.25
    """Step size α, as a share of ε."""
    surrogate: Callable[[Any], Any] = logistic

    def __check_init__(self):
        check.functions(surrogate=self.surrogate)

    def natural(self, outputs, labels):
        """Return g(f(x) t)."""
        f = one_output(outputs)
        return call("surrogate", self.surrogate, f * signs_of(labels, f))

    def between(self, outputs, moved):
        """Return g(f(x) f(x′))."""
        return call("surrogate", self.surrogate, one_output(outputs) * one_output(moved))


def divergence(logits: Float[ArrayLike, "N classes"], others: Float[ArrayLike, "N classes"]) -> Float[Array, " N"]:
    """Kullback-Leibler divergence KL(p ‖ q) = Σ_k p_k ln(p_k/q_k) of p = softmax(logits) and q = softmax(others)."""
    log_p, log_q = (jax.nn.log_softmax(single(z), axis=-1) for z in map(jnp.asarray, (logits, others)))
    # Where nothing was moved it is 0, and so is its slope, which rounding would make nearly 0.
    same = jnp.all(log_p == log_q, axis=-1)
    return jnp.where(same, 0, jnp.sum(jnp.exp(log_p) * (log_p - log_q), axis=-1))
