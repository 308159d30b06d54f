"""Augmentation of images as a layer."""

from typing import Any

import equinox as eqx
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.functions.augmentation import Number, augment, check_amounts
from neuraxis.layers.amounts import amount

_AMOUNTS = ("shift", "rotation", "scale", "alpha", "sigma", "noise", "flip")


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
        flip: probability that an image is mirrored, left for right.
        inference: change nothing; `equinox.nn.inference_mode` sets it, as `evaluate` does.

    Raises:
        InputError: for a negative amount, a scale of 1 or more, a sigma that is not positive, a probability above 1,
            images that are not (…, height, width, channel) from 0 to 1, or a call in training without a key.
    """

    shift: Number = eqx.field(converter=amount, default=0)
    rotation: Number = eqx.field(converter=amount, default=0)
    scale: Number = eqx.field(converter=amount, default=0)
    alpha: Number = eqx.field(converter=amount, default=0)
    sigma: Number = eqx.field(converter=amount, default=4.0)
    noise: Number = eqx.field(converter=amount, default=0)
    flip: Number = eqx.field(converter=amount, default=0)
    inference: bool = False

    def __check_init__(self):
        check_amounts(**self._amounts)
        if not isinstance(self.inference, bool):
            raise InputError(f"inference must be True or False, but is {check.received(self.inference)}")

    @property
    def space(self) -> int:
        """Number of spatial axes."""
        return 2

    @property
    def _amounts(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _AMOUNTS}

    def __call__(
        self, x: Float[ArrayLike, "... height width channel"], *, key: PRNGKeyArray | None = None
    ) -> Float[Array, "... height width channel"]:
        """Change every image in its own way."""
        if self.inference:
            return check.floats("x", x)
        if key is None:
            raise InputError("augmentation in training needs a key, as in model(x, key=key), but received none")
        return augment(key, x, **self._amounts)
