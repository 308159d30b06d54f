"""TRADES: a loss that trades accuracy off against robustness."""

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

_NOISE = 0.001  # standard deviation of the start from x, where the gradient would be 0


class TradeOff(eqx.Module):
    """E(f(x), t) + β max_{x′∈B(x, ε)} D(f(x), f(x′)): the base class of both forms.

    The inner maximum is approximated by steps x′ ← Π(x′ + α ε d(∇_x′ D)) from x + 0.001·N(0, 1), with Π and d as in
    `PGD` and the model in inference mode. The gradient of the loss then treats x′ as constant, and f(x) and f(x′) as
    functions of the weights.
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
        """Return the difference D between the outputs at x and at x′."""

    def __call__(self, model: Map, x: ArrayLike, labels: Any, *, key: PRNGKeyArray | None = None) -> Float[Array, " N"]:
        """Return the loss of each example, for minimisation by `descent`, or as a measure.

        Args:
            model: map to outputs, (N, …).
            x: inputs in the range, (N, …).
            labels: one label for each example.
            key: random key for the start and the noise of the model.

        Raises:
            InputError: for inputs outside the range, labels that do not fit, or a missing key.
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
        """Ascend from `start` to an x′ in the ball around x whose outputs are far from those at x."""
        model = eqx.nn.inference_mode(model)
        outputs = model(x)

        def slope_at(moved, carry):
            return jax.grad(lambda moved: jnp.sum(self.between(outputs, model(moved))))(moved), carry

        return ascend(slope_at, self.threat, x, start, None, steps=self.steps, step_size=self.step_size)[0]


class TRADES(TradeOff):
    """−ln p_t(x) + β max_{x′∈B(x, ε)} KL(p(x) ‖ p(x′)) of p = softmax(model(x)), for each example.

    The first term favours accuracy; the second favours predictions that do not change within the ball, whether they are
    correct or not. A larger β gives more robustness at the cost of accuracy. Train with
    `descent(TRADES(threat, 6.0), optax.adam(1e-3))`; `ramped` lets ε grow during training.

    Args:
        threat: norm, ε and range.
        beta: weight β of the robustness term (1/λ in the paper, which uses 1 to 10).
        steps: number of steps of the inner maximisation.
        step_size: step size α, in units of ε.

    Raises:
        InputError: for a negative β, an infinite ε, or a number or size of steps that is not positive.

    Source: Zhang et al., International Conference on Machine Learning (2019), equation 5 and algorithm 1.
    """

    threat: ThreatModel
    beta: ArrayLike = 6.0
    steps: int = 10
    step_size: ArrayLike = 0.25
    """Step size α, as a fraction of ε."""

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

    The second term is small where f has the same sign, and a large magnitude, in the whole ball.

    Args:
        threat: norm, ε and range.
        beta: weight β of the robustness term.
        steps: number of steps of the inner maximisation.
        step_size: step size α, in units of ε.
        surrogate: surrogate loss g, a decreasing elementwise function in place of the step from 1 to 0.

    Raises:
        InputError: for a negative β, an infinite ε, a number or size of steps that is not positive, or a surrogate that
            is not a function; when called, for labels other than ±1, or a model with several outputs.

    Source: Zhang et al., International Conference on Machine Learning (2019), equation 3.
    """

    threat: ThreatModel
    beta: ArrayLike = 1.0
    steps: int = 10
    step_size: ArrayLike = 0.25
    """Step size α, as a fraction of ε."""
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
    """Kullback–Leibler divergence KL(p ‖ q) = Σ_k p_k ln(p_k/q_k) of p = softmax(logits) and q = softmax(others)."""
    log_p, log_q = (jax.nn.log_softmax(single(z), axis=-1) for z in map(jnp.asarray, (logits, others)))
    # For equal distributions it is exactly 0, and so is its gradient, which rounding would make only nearly 0.
    same = jnp.all(log_p == log_q, axis=-1)
    return jnp.where(same, 0, jnp.sum(jnp.exp(log_p) * (log_p - log_q), axis=-1))
