"""Image augmentation as a layer."""

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

    As the first layer of a `Sequential` it changes the images of every training step, but not those on which the model
    is evaluated. See `neuraxis.functions.augmentation.augment`.

    Args:
        shift: largest shift along each axis [pixel].
        rotation: largest angle [degree].
        scale: largest relative change of size.
        alpha: strength of the elastic deformation [pixel].
        sigma: smoothness of the elastic deformation [pixel].
        noise: standard deviation of the noise.
        flip: probability that an image is mirrored left to right.
        inference: whether to leave images unchanged; set by `equinox.nn.inference_mode`, which `evaluate` calls.

    Raises:
        InputError: for a negative amount, a scale of 1 or more, a sigma that is not positive, a probability above 1,
            images that are not (…, height, width, channel) in [0, 1], or a call in training without a key.
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
        """Augment every image independently."""
        if self.inference:
            return check.floats("x", x)
        if key is None:
            raise InputError("augmentation in training needs a key, as in model(x, key=key), but received none")
        return augment(key, x, **self._amounts)
