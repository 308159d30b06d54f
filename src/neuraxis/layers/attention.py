"""Multi-head attention."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, Num, PRNGKeyArray

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.functions.attention import attention, attention_weights
from neuraxis.functions.initializers import Initializer, scaled_normal
from neuraxis.layers.linear import Linear
from neuraxis.layers.positional import RotaryPositions, places_of

_KEEPS_THE_SIZE: Initializer = scaled_normal(1.0)

Queries = Float[Array, "... head n d"]
Keys = Float[Array, "*context head m d"]  # and values


class MultiHeadAttention(eqx.Module):
    """y = [H₁ … H_h] W_o + b_o, H_i = softmax(Q_i K_iᵀ/√d) V_i; [Q K V] = x W + b, split into h heads of d features.

    Without a context, queries, keys and values are all computed from x, by one product (self-attention); with one, keys
    and values are computed from the context (cross-attention).

    Args:
        size: number of features of x, of the context and of y.
        heads: number of heads h, which divides the size.
        key: random key for the initial weights; the biases are initialised to zero.
        rotary: rotation of queries and keys by their positions; without it, attention does not depend on positions.
        query_norm: map applied to the features of every query before the rotation, such as `RMSNorm(size // heads)`.
        key_norm: map applied to the features of every key before the rotation.
        initializer: initializer of the weights; by default normal with variance 1/size.
        bias: whether to add b and b_o.

    Raises:
        InputError: for sizes that are not positive, or heads that do not divide the size.

    Source: Vaswani et al., Advances in Neural Information Processing Systems (2017), section 3.2.
    """

    query_key_value: Linear
    out: Linear
    rotary: RotaryPositions | None
    query_norm: Callable | None
    key_norm: Callable | None
    heads: int = eqx.field(static=True)

    def __init__(
        self,
        size: int,
        heads: int,
        *,
        key: PRNGKeyArray,
        rotary: RotaryPositions | None = None,
        query_norm: Callable | None = None,
        key_norm: Callable | None = None,
        initializer: Initializer = _KEEPS_THE_SIZE,
        bias: bool = True,
    ):
        check.whole(size=size, heads=heads)
        check.key(key)
        if size % heads:
            raise InputError(f"heads must divide the size {size}, but is {heads}")
        if rotary is not None:
            check.instance(RotaryPositions, rotary=rotary)
            if size // heads % 2:
                raise InputError(f"rotary needs heads with an even number of features, but each has {size // heads}")
        norms = {"query_norm": query_norm, "key_norm": key_norm}
        check.functions(**{name: norm for name, norm in norms.items() if norm is not None})
        first, second = jax.random.split(key)
        self.query_key_value = Linear(size, 3 * size, key=first, initializer=initializer, bias=bias)
        self.out = Linear(size, size, key=second, initializer=initializer, bias=bias)
        self.rotary, self.query_norm, self.key_norm = rotary, query_norm, key_norm
        self.heads = int(heads)

    def __call__(
        self,
        x: Num[ArrayLike, "..."],
        *,
        context: Num[ArrayLike, "..."] | None = None,
        mask: Bool[ArrayLike, "..."] | None = None,
        positions: ArrayLike | None = None,
        key: PRNGKeyArray | None = None,
    ) -> Float[Array, "... n size"]:
        """Map (…, n, size) to (…, n, size).

        Args:
            x: sequence that the queries are computed from, (…, n, size).
            context: sequence that keys and values are computed from, (…, m, size); x by default.
            mask: True where a position of x may attend to a position of the context, broadcastable to (…, n, m), the
                same for all heads. The heads' output is 0 at a position that may attend to nothing.
            positions: positions of x for `rotary`; 0, 1, 2 … by default. Those of a context are 0, 1, 2 …
            key: not used.

        Raises:
            InputError: for shapes that do not fit, or a mask that is not boolean.
        """
        q, k, v = self.project(x, context, positions)
        return self.merge(attention(q, k, v, for_heads(mask)))

    def weights(
        self,
        x: Num[ArrayLike, "..."],
        *,
        context: Num[ArrayLike, "..."] | None = None,
        mask: Bool[ArrayLike, "..."] | None = None,
        positions: ArrayLike | None = None,
    ) -> Float[Array, "... head n m"]:
        """Return the attention weights of every head, from each position of x to each position of the context.

        The arguments are those of a call.
        """
        q, k, _ = self.project(x, context, positions)
        return attention_weights(q, k, for_heads(mask))

    def project(
        self, x: Num[ArrayLike, "..."], context: Num[ArrayLike, "..."] | None = None, positions: ArrayLike | None = None
    ) -> tuple[Queries, Keys, Keys]:
        """Return queries, keys and values, each (…, head, time, d)."""
        if context is not None:
            return self.queries(x, positions), *self.keys_and_values(context)
        x = self._sequence("x", x)
        q, k, v = self._split(self.query_key_value(x), 3)
        return self._turned(q, self.query_norm, positions), self._turned(k, self.key_norm, positions), v

    def queries(self, x: Num[ArrayLike, "..."], positions: ArrayLike | None = None) -> Queries:
        """Return the queries of x, (…, head, time, d)."""
        [q] = self._split(self._part(0, 1)(self._sequence("x", x)), 1)
        return self._turned(q, self.query_norm, positions)

    def keys_and_values(self, context: Num[ArrayLike, "..."], positions: ArrayLike | None = None) -> tuple[Keys, Keys]:
        """Return the keys and values of a context, each (…, head, time, d), as a cache stores them."""
        k, v = self._split(self._part(1, 3)(self._sequence("context", context)), 2)
        return self._turned(k, self.key_norm, positions), v

    def merge(self, h: Queries) -> Float[Array, "... n size"]:
        """Return the output y, given the outputs of the heads."""
        h = jnp.swapaxes(h, -2, -3)
        return self.out(h.reshape(*h.shape[:-2], self.out.weight.shape[0]))

    def _part(self, first: int, last: int) -> Linear:
        """Return the linear layer for queries only (0 to 1), or for keys and values only (1 to 3)."""
        whole, size = self.query_key_value, self.out.weight.shape[0]
        part = slice(first * size, last * size)
        weight, bias = whole.weight[:, part], None if whole.bias is None else whole.bias[part]
        return eqx.tree_at(lambda linear: (linear.weight, linear.bias), whole, (weight, bias), is_leaf=_is_none)

    def _sequence(self, name: str, x: ArrayLike) -> Array:
        numbers = check.floats(name, x)
        size = self.out.weight.shape[0]
        if numbers.ndim < 2 or numbers.shape[-1] != size:
            raise InputError(f"{name} must have shape (…, time, {size}), but has shape {numbers.shape}")
        return numbers

    def _split(self, x: Array, parts: int) -> list[Array]:
        """Split (…, time, parts · size) into parts of (…, head, time, d)."""
        x = x.reshape(*x.shape[:-1], parts, self.heads, x.shape[-1] // (parts * self.heads))
        return [jnp.swapaxes(x[..., i, :, :], -2, -3) for i in range(parts)]

    def _turned(self, x: Array, norm: Callable | None, positions: ArrayLike | None) -> Array:
        """Normalise queries or keys, if there is a norm, and rotate them by their positions, if there is `rotary`."""
        if norm is not None:
            x = norm(x)
        if self.rotary is None:
            return x
        # The same positions for all heads.
        places = places_of("x", x[..., 0, :, :], positions)
        return self.rotary(x, positions=jnp.expand_dims(places, -2) if places.ndim > 1 else places)


def for_heads(mask: Bool[ArrayLike, "..."] | None) -> Bool[ArrayLike, "..."] | None:
    """Return a mask (…, n, m) with an axis for the heads, for all of which it is the same."""
    return mask if mask is None or np.ndim(mask) < 3 else jnp.expand_dims(jnp.asarray(mask), -3)


def _is_none(node: object) -> bool:
    return node is None
