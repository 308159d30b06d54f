"""The gradient written by hand against the one of JAX, on random networks and sequences."""

from collections.abc import Sequence
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from neuraxis import plots
from neuraxis.engine import Chain, unroll
from neuraxis.functions.losses import squared_error
from neuraxis.layers import Linear
from neuraxis.recurrent import BPTT, RNN, LossOverTime

_LOWEST = 1e-8  # of the drawing
_BATCH, _IN, _HIDDEN, _OUT = 4, 3, 20, 2


def measure(lengths: Sequence[int], networks: int, window: int, seed: int) -> dict[str, dict[int, np.ndarray]]:
    """Return the deviations ‖by hand − JAX‖/‖JAX‖, the largest over the weights, by length of the sequences.

    Args:
        lengths: numbers of steps.
        networks: random networks for each.
        window: steps in a window of the truncated form.
        seed: of weights, inputs, targets and weights in time.
    """
    found = {"whole": {}, "truncated": {}}
    for length in lengths:
        for name, width in (("whole", None), ("truncated", window)):
            keys = jax.random.split(jax.random.fold_in(jax.random.key(seed), length), networks)
            compare = jax.jit(jax.vmap(partial(_deviation, length=length, window=width)))
            with jax.default_matmul_precision("float32"):  # GPUs round products to three digits unless told not to
                found[name][length] = np.asarray(compare(keys))
    return found


def _deviation(key: Array, *, length: int, window: int | None) -> Float[Array, ""]:
    keys = jax.random.split(key, 5)
    model = Chain(RNN(_IN, _HIDDEN, key=keys[0]), Linear(_HIDDEN, _OUT, key=keys[1]))
    x = jax.random.normal(keys[2], (_BATCH, length, _IN))
    t = jax.random.normal(keys[3], (_BATCH, length, _OUT))
    loss = LossOverTime(squared_error, jax.random.uniform(keys[4], (length,)))
    _, by_hand = BPTT(loss, lambda z, t: z - t, window)(model, x, t)
    by_jax = eqx.filter_grad(lambda model: jnp.mean(loss.total(_outputs(model, x, window or length), t)))(model)
    norm = jnp.linalg.norm
    pairs = zip(*(jax.tree.leaves(eqx.filter(tree, eqx.is_array)) for tree in (by_hand, by_jax)), strict=True)
    return jnp.max(jnp.stack([norm(a - b) / norm(b) for a, b in pairs]))


def _outputs(model: Chain, x: Array, window: int) -> Array:
    """Return the outputs, with the state cut off from its gradient where a window begins."""
    state, found = None, []
    for first in range(0, x.shape[1], window):
        y, state = unroll(model, x[:, first : first + window], jax.lax.stop_gradient(state))
        found.append(y)
    return jnp.concatenate(found, axis=1)


def plot(deviations: dict[str, dict[int, np.ndarray]]) -> plots.Figure:
    """Draw the deviations against the length of the sequences."""
    fig, axes = plots.figure(
        caption="Deviation of the hand-written gradient from that of JAX, relative to its size: one mark for each "
        "random network, the largest deviation over its weights. Both sides compute in float32, whose rounding error "
        "is 6·10⁻⁸.",
        height=3.2,
    )
    for place, (name, lengths) in enumerate(deviations.items()):
        for i, (length, found) in enumerate(lengths.items()):
            across = length * np.exp(0.12 * (place - 0.5) + np.linspace(-0.04, 0.04, len(found)))
            color, label = list(plots.COLORS.values())[place], name if i == 0 else None
            axes.plot(across, np.maximum(found, _LOWEST), "o", ms=3, color=color, alpha=0.7, label=label)
    axes.axhline(1e-5, color=plots.COLORS["grey"], ls="--", label="bound")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(list(deviations["whole"]), list(map(str, deviations["whole"])))
    axes.minorticks_off()
    axes.set(xlabel="sequence length [steps]", ylabel="relative deviation", ylim=(_LOWEST / 2, 1e-4))
    plots.legend(axes, loc="upper left", ncols=3)
    return fig
