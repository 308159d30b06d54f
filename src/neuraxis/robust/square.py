"""The Square attack: a random search that needs only logits and no gradient."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Int, PRNGKeyArray

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.robust.attack import Best, Problem, Search, along, logits_of, succeeds
from neuraxis.robust.losses import AttackLoss, loss_of, margin
from neuraxis.robust.square_patterns import bumps, tiles, window
from neuraxis.robust.threat_models import L2, LInf, ThreatModel

_HALVED_AT = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)  # queries, out of 10 000, after which p is halved


class Square(Search):
    """Repeatedly change a square at a random position by a random amount, and keep the change if the loss increases.

    For ℓ∞ it begins with vertical stripes of ±ε, and a square of side √(p h w) is set to ±ε in each channel of an image
    of h × w pixels. For ℓ2 it begins with a grid of bumps; a square receives a new bump and the norm that another
    square loses. The fraction p of the image that a square covers is halved several times during the search. An example
    is not changed further once the attack has succeeded.

    Args:
        threat: `LInf` or `L2`.
        queries: number of queries of the model for each example.
        share: initial fraction p of the image that a square covers.
        loss: loss to increase, such as `margin`; its gradient is not needed.

    Raises:
        InputError: for another norm, fewer than one query, or a share outside (0, 1); when called, for inputs that are
            not images, (N, height, width, channel). For a model of vectors, put `neuraxis.layers.Flatten` before it.

    Source: Andriushchenko, Croce, Flammarion & Hein, European Conference on Computer Vision (2020).
    """

    threat: ThreatModel
    queries: int = 5000
    share: float = 0.8
    loss: AttackLoss = margin

    def __check_init__(self):
        if not isinstance(self.threat, LInf | L2):
            raise InputError(f"threat must be LInf(…) or L2(…), but is {check.received(self.threat)}")
        check.whole(queries=self.queries)
        check.one_number(share=self.share)
        check.positive(share=self.share)
        check.fraction(share=self.share)
        check.functions(loss=self.loss)

    @property
    def uses_gradient(self) -> bool:
        """Whether it needs the gradient of the model: it does not."""
        return False

    @property
    def draws(self) -> bool:
        """Whether a key is needed: for every change."""
        return True

    def search(self, problem: Problem, key: PRNGKeyArray | None) -> Best:
        """Search until the queries are used up, or the attack has succeeded for all examples."""
        x = problem.x
        if x.ndim != 4:
            raise InputError(
                f"Square needs images, (N, height, width, channel), but x has shape {x.shape}; for a model of "
                "vectors, put neuraxis.layers.Flatten(axes=3) before it"
            )
        assert key is not None
        change = _change_linf if isinstance(self.threat, LInf) else _change_l2
        begin = _begin_linf if isinstance(self.threat, LInf) else _begin_l2
        sides = self._sides(x.shape[1:3])

        def ask(best: Best, x: Array) -> Best:
            logits = logits_of(problem.model, x)
            return best.or_else(problem, x, logits, loss_of(self.loss, logits, problem.labels, problem.targets))

        def query(carry: tuple[Int[Array, ""], Best]):
            number, best = carry
            own = jax.random.fold_in(key, number)
            changed = change(self.threat, problem.x, best.x, sides[number], own)
            fallen = along(succeeds(best.rank, problem), changed)
            return number + 1, ask(best, jnp.where(fallen, best.x, changed))

        def goes_on(carry: tuple[Int[Array, ""], Best]):
            number, best = carry
            return (number < self.queries) & ~jnp.all(succeeds(best.rank, problem))

        first = ask(Best.none(problem), begin(self.threat, x, jax.random.fold_in(key, self.queries)))
        return lax.while_loop(goes_on, query, (jnp.zeros((), jnp.int32), first))[1]

    def _sides(self, image: tuple[int, ...]) -> Int[Array, " queries"]:
        """Return the side of the square in each query [pixel]."""
        of_10_000 = np.arange(self.queries) / self.queries * 10_000
        halvings = np.searchsorted(_HALVED_AT, of_10_000, side="left")
        least = 1 if isinstance(self.threat, LInf) else 3
        sides = jnp.round(jnp.sqrt(self.share * 0.5**halvings * np.prod(image)))
        return jnp.clip(sides, min(least, *image), min(image)).astype(jnp.int32)


def _begin_linf(threat: ThreatModel, x: Array, key: PRNGKeyArray) -> Array:
    """Return x with vertical stripes of ±ε."""
    count, _, width, channels = x.shape
    signs = jax.random.rademacher(key, (count, 1, width, channels), x.dtype)
    return threat.clip(x + _epsilon(threat, x) * signs)


def _change_linf(threat: ThreatModel, x: Array, best: Array, side: Array, key: PRNGKeyArray) -> Array:
    """Set a square of each image to ±ε."""
    place, sign = jax.random.split(key)
    inside = window(x.shape, side, place).inside
    signs = jax.random.rademacher(sign, (len(x), 1, 1, x.shape[-1]), x.dtype)
    return jnp.where(inside, threat.clip(x + _epsilon(threat, x) * signs), best)


def _begin_l2(threat: ThreatModel, x: Array, key: PRNGKeyArray) -> Array:
    """Return x with a grid of bumps of norm ε."""
    return _of_length_epsilon(threat, x, tiles(x.shape, key).astype(x.dtype))


def _change_l2(threat: ThreatModel, x: Array, best: Array, side: Array, key: PRNGKeyArray) -> Array:
    """Add a new bump to a square of each image, with the norm that another square loses."""
    key_to, key_from, key_turn, key_sign = jax.random.split(key, 4)
    side = jnp.minimum(side + 1 - side % 2, min(x.shape[1:3]))  # odd, so that the bump has a centre
    delta = best - x
    to, away = window(x.shape, side, key_to), window(x.shape, side, key_from)
    of = lambda part: jnp.sqrt(jnp.sum(jnp.where(part, delta, 0) ** 2, axis=(1, 2), keepdims=True))  # of each channel
    signs = jax.random.rademacher(key_sign, (len(x), 1, 1, x.shape[-1]), x.dtype)
    old = jnp.where(to.inside, delta, 0) / (of(to.inside) + 1e-12)
    new = jnp.where(to.inside, bumps(to, side, key_turn).astype(x.dtype) * signs + old, 0)
    new /= jnp.sqrt(jnp.sum(new**2, axis=(1, 2), keepdims=True)) + 1e-12
    unused = jnp.maximum(jnp.asarray(threat.epsilon, x.dtype) ** 2 - threat.norm(delta) ** 2, 0) / x.shape[-1]
    length = jnp.sqrt(along(unused, x) + of(to.inside | away.inside) ** 2)
    delta = jnp.where(to.inside, length * new, jnp.where(away.inside, 0, delta))
    return _of_length_epsilon(threat, x, delta)


def _of_length_epsilon(threat: ThreatModel, x: Array, delta: Array) -> Array:
    return threat.clip(x + _epsilon(threat, x) * threat.steepest(delta))


def _epsilon(threat: ThreatModel, x: Array) -> Array:
    """Return ε in a shape that broadcasts with x."""
    return threat.along(threat.epsilon, x)
