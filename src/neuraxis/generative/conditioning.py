"""Conditioning of diffusion networks on the time and, optionally, the class."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, ArrayLike, Float, Integer, PRNGKeyArray

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.functions.activations import silu
from neuraxis.functions.positions import sinusoidal_encoding
from neuraxis.layers import Linear
from neuraxis.layers.embedding import rows

_THOUSAND = 1000.0  # scales times in [0, 1], as the encoding resolves differences of about 1


class Conditioning(eqx.Module):
    """e = silu(PE(1000 t) W₁ + b₁) W₂ + b₂ + c_label, with sinusoidal encoding PE and a learnt row c for each class.

    The label −1, or None instead of labels, stands for an unknown class, with a separate row. Inside `jit`, labels out
    of range cannot be rejected and give NaN.

    Args:
        size: number of features of e.
        key: random key for the initial weights.
        classes: number of classes; 0 for a network without labels.

    Raises:
        InputError: for a size that is not positive, or times and labels of different shapes or out of range.

    Source: Ho, Jain and Abbeel (2020), appendix B.
    """

    first: Linear
    second: Linear
    rows: Float[Array, "row feature"] | None  # the last one is for an unknown class

    def __init__(self, size: int, *, key: PRNGKeyArray, classes: int = 0):
        check.whole(size=size)
        check.whole(0, classes=classes)
        check.key(key)
        keys = jax.random.split(key, 3)
        self.first, self.second = Linear(size, size, key=keys[0]), Linear(size, size, key=keys[1])
        self.rows = jax.random.normal(keys[2], (classes + 1, size)) if classes else None

    @property
    def classes(self) -> int:
        """Number of classes."""
        return 0 if self.rows is None else self.rows.shape[0] - 1

    def __call__(
        self, time: Float[ArrayLike, "..."], label: Integer[ArrayLike, "..."] | None = None
    ) -> Float[Array, "... feature"]:
        """Map times from 0 to 1 and labels, (…) each, to embeddings e, (…, feature)."""
        times = check.floats("time", time)
        encoded = sinusoidal_encoding(_THOUSAND * times, self.first.weight.shape[0])
        e = self.second(silu(self.first(encoded)))
        if self.rows is None:
            if label is not None:
                raise InputError("this network has no classes, but received labels; set their number by classes=")
            return e
        if label is None:
            return e + self.rows[-1]
        index = self._known(label)
        try:
            return e + rows(self.rows, index)
        except (ValueError, TypeError):
            raise InputError(
                f"there must be one label for each time, but their shapes are {index.shape} and {times.shape}"
            ) from None

    def _known(self, label: ArrayLike) -> Array:
        """Return the indices of the rows of labels; for labels out of range, an index out of range."""
        labels = check.array("label", label)
        if labels.dtype.kind not in "iu":
            raise InputError(f"labels must be integers, but have dtype {labels.dtype}")
        if not isinstance(labels, Tracer) and not np.all(
            (np.asarray(labels) >= -1) & (np.asarray(labels) < self.classes)
        ):
            raise InputError(
                f"labels must be between 0 and {self.classes - 1}, or −1 for an unknown class, but range from "
                f"{labels.min()} to {labels.max()}"
            )
        index = jnp.asarray(labels)
        known = (index >= 0) & (index < self.classes)
        return jnp.where(known, index, jnp.where(index == -1, self.classes, self.classes + 1))


def for_each_example(
    conditioning: Conditioning, lead: tuple[int, ...], time: ArrayLike, label: ArrayLike | None
) -> Float[Array, "... feature"]:
    """Return e with leading axes `lead`, to which times and labels are broadcast.

    Raises:
        InputError: for times or labels that do not broadcast to `lead`.
    """
    times = check.floats("time", time)
    check.fits(lead, time=times)
    if label is None:
        return conditioning(jnp.broadcast_to(times, lead))
    labels = check.array("label", label)
    check.fits(lead, label=labels)
    spread = np.broadcast_to if isinstance(labels, np.ndarray) else jnp.broadcast_to
    return conditioning(jnp.broadcast_to(times, lead), spread(labels, lead))
