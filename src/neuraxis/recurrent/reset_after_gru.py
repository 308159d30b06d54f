"""The gated recurrent unit in PyTorch's form, with conversion of weights from and to PyTorch."""

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Num, PRNGKeyArray

from neuraxis import check
from neuraxis.engine import unroll
from neuraxis.errors import InputError
from neuraxis.functions.activations import logistic
from neuraxis.functions.initializers import scaled_normal
from neuraxis.layers import Linear
from neuraxis.recurrent.state import as_state, zero_state


class ResetAfterGRU(eqx.Module):
    """A gated recurrent unit whose reset gate is applied after the product with W, as in PyTorch and cuDNN.

        g = σ(x U_g + b_g + h W_g + d_g)     r = σ(x U_r + b_r + h W_r + d_r)     h̃ = tanh(x U + b + r ⊙ (h W + d))
        h ← g ⊙ h̃ + (1 − g) ⊙ h

    It differs from `GRU` only in h̃, which is tanh(x U + b + (h ⊙ r) W) there. Since r ⊙ (h W) is not equal to
    (h ⊙ r) W' for any W', weights cannot be transferred between the two forms. `torch.nn.GRU` has this form, with the
    gate z = 1 − g.

    A dynamics in discrete time, and a map over sequences, like `GRU`.

    Args:
        in_size: number of features of x.
        hidden_size: number of features of h.
        key: random key for the initial weights.

    Raises:
        InputError: for sizes that are not positive, or an x or state of another size.

    Source: K. Cho et al., arXiv:1406.1078, first version (2014); the third one has the form of `GRU`.
    """

    input: Linear
    """Concatenated input weights U_g, U_r and U (in, 3 hidden), and biases b (3 hidden)."""
    recurrent: Linear
    """Concatenated recurrent weights W_g, W_r and W (hidden, 3 hidden), and biases d (3 hidden)."""

    def __init__(self, in_size: int, hidden_size: int, *, key: PRNGKeyArray):
        check.whole(in_size=in_size, hidden_size=hidden_size)
        check.key(key)
        keys, draw = jax.random.split(key), scaled_normal(1.0)
        self.input = Linear(in_size, 3 * hidden_size, key=keys[0], initializer=draw)
        self.recurrent = Linear(hidden_size, 3 * hidden_size, key=keys[1], initializer=draw)

    @staticmethod
    def from_torch(weights: Mapping[str, Any], layer: int = 0) -> "ResetAfterGRU":
        """Create a GRU with the weights of a `torch.nn.GRU`: `ResetAfterGRU.from_torch(gru.state_dict())`.

        Args:
            weights: arrays or tensors by PyTorch's names, `weight_ih_l0`, `weight_hh_l0`, `bias_ih_l0` and
                `bias_hh_l0`; missing biases are 0.
            layer: index of the layer.

        Raises:
            InputError: for weights that are missing or have incompatible shapes.
        """
        check.whole(0, layer=layer)
        check.instance(Mapping, weights=weights)
        U, W = (_of_torch(weights, f"weight_{name}_l{layer}") for name in ("ih", "hh"))
        if U.ndim != 2 or W.ndim != 2 or W.shape != (len(U), len(U) // 3) or len(U) % 3 or not U.size:
            raise InputError(
                f"weights of layer {layer} must have shapes (3 hidden, in) and (3 hidden, hidden), but have {U.shape} "
                f"and {W.shape}"
            )
        b, d = (_of_torch(weights, f"bias_{name}_l{layer}", np.zeros_like(U[:, 0])) for name in ("ih", "hh"))
        if b.shape != (len(U),) or d.shape != (len(U),):
            raise InputError(f"biases of layer {layer} must have shape ({len(U)},), but have {b.shape} and {d.shape}")
        blank = ResetAfterGRU(U.shape[1], W.shape[1], key=jax.random.key(0))
        own = [jnp.asarray(_as_ours(array).T) for array in (U, b, W, d)]
        return eqx.tree_at(lambda m: (m.input.weight, m.input.bias, m.recurrent.weight, m.recurrent.bias), blank, own)

    def to_torch(self, layer: int = 0) -> dict[str, np.ndarray]:
        """Return the weights as arrays by PyTorch's names; as tensors, they suit `gru.load_state_dict`."""
        check.whole(0, layer=layer)
        parts = {"ih": self.input, "hh": self.recurrent}
        weights = {f"weight_{name}_l{layer}": part.weight for name, part in parts.items()}
        biases = {f"bias_{name}_l{layer}": part.bias for name, part in parts.items()}
        return {name: _as_torch(np.asarray(array).T) for name, array in {**weights, **biases}.items()}

    @property
    def hidden_size(self) -> int:
        """Number of features of h."""
        return len(self.recurrent.weight)

    def __call__(
        self, x: Num[ArrayLike, "... time in"], state: ArrayLike | None = None, *, key: PRNGKeyArray | None = None
    ) -> Float[Array, "... time hidden"]:
        """Map sequences of x to sequences of h, starting from h_0 = `state`, or 0."""
        return unroll(self, x, state)[0]

    def init_state(self, input_shape: tuple[int, ...]) -> Float[Array, "... hidden"]:
        """Return h = 0."""
        return zero_state(self.input, self.hidden_size, input_shape)

    def project(self, x: Num[ArrayLike, "... in"]) -> Float[Array, "... three_hidden"]:
        """Return x U + b for g, r and h̃, which `simulate` computes for all steps at once."""
        return self.input(x)

    def step(
        self, state: Float[ArrayLike, "... hidden"], projected: Float[Array, "... three_hidden"], dt: ArrayLike = 1.0
    ) -> tuple[Array, Array]:
        """Take a step, where `projected` is x U + b; state and output are h."""
        h, size = as_state(state, (*projected.shape[:-1], self.hidden_size)), self.hidden_size
        fed_back = self.recurrent(h)
        g_and_r = logistic(projected[..., : 2 * size] + fed_back[..., : 2 * size])
        g, r = g_and_r[..., :size], g_and_r[..., size:]
        proposed = jnp.tanh(projected[..., 2 * size :] + r * fed_back[..., 2 * size :])
        h = h + g * (proposed - h)
        return h, h


def _as_ours(array: np.ndarray) -> np.ndarray:
    """Reorder rows from PyTorch's r, z, n to g, r, h̃, where g = 1 − σ(z) = σ(−z)."""
    r, z, n = np.split(array, 3)
    return np.concatenate([-z, r, n])


def _as_torch(array: np.ndarray) -> np.ndarray:
    g, r, proposed = np.split(array, 3)
    return np.concatenate([r, -g, proposed])


def _of_torch(weights: Mapping[str, Any], name: str, default: np.ndarray | None = None) -> np.ndarray:
    if name not in weights and default is None:
        raise InputError(f"weights must contain {name}, but contain {', '.join(map(str, weights)) or 'nothing'}")
    return np.asarray(check.floats(name, weights.get(name, default)))
