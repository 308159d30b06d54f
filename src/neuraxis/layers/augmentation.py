"""Augmentation of images as a layer."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray

from neuraxis.errors import InputError
from neuraxis.functions.augmentation import Number, augment, check_amounts
from neuraxis.layers.amounts import amount


class Augmentation(eqx.Module):
    """y = augment(key, x) in training; y = x in inference.

    As the first layer of a `Sequential` it changes the images of every training step and leaves those alone on which
    the model is measured. See `neuraxis.functions.augmentation.augment`.

    Args:
        shift: largest shift along each axis [pixel].
        rotation: largest angle [degree].
        scale: largest change of size, as a share of it.
        alpha: strength of the elastic deformation [pixel].
        sigma: its smoothness [pixel].
        noise: standard deviation of the noise.
        inference: change nothing; `equinox.nn.inference_mode` sets it, as `evaluate` does.

    Raises:
        InputError: for a negative amount, a scale of 1 or more, a sigma that is not positive, images that are not
            (…, height, width, channel) from 0 to 1, or a call in training without a key.
    """

    shift: Number = eqx.field(converter=amount, default=0)
    rotation: Number = eqx.field(converter=amount, default=0)
    scale: Number = eqx.field(converter=amount, default=0)
    alpha: Number = eqx.field(converter=amount, default=0)
    sigma: float | int = eqx.field(static=True, default=4.0)  # decides how far the smoothing reaches
    noise: Number = eqx.field(converter=amount, default=0)
    inference: bool = False

    def __check_init__(self):
        check_amounts(**self._amounts)

    @property
    def _amounts(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("shift", "rotation", "scale", "alpha", "sigma", "noise")}

    def __call__(
        self, x: Float[ArrayLike, "... height width channel"], *, key: PRNGKeyArray | None = None
    ) -> Float[Array, "... height width channel"]:
        """Change every image in its own way."""
        if self.inference:
            return jnp.asarray(x)
        if key is None:
            raise InputError("augmentation in training needs a key, as in model(x, key=key), but received none")
        return augment(key, x, **self._amounts)
