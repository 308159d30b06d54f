"""Causal convolution of sequences with a kernel as long as they are, such as an impulse response."""

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Num

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.functions.precision import single


def causal_convolve(
    x: Num[ArrayLike, "... time channel"], kernel: Num[ArrayLike, "lag channel feature"]
) -> Float[Array, "... time feature"]:
    """Return y_t = Σ_{k=0}^{t} x_{t−k} K_k for all steps at once, by fast Fourier transform in O(T log T).

    Rounding errors are relative to the largest y. Half-precision inputs are computed in single precision.

    Args:
        x: sequences, (…, time, channel), taken as 0 before the first step.
        kernel: impulse response K of each channel, (lag, channel, feature), taken as 0 at larger lags.

    Raises:
        InputError: for shapes that do not fit.
    """
    signal, response = check.floats("x", x), check.floats("kernel", kernel)
    if response.ndim != 3 or signal.ndim < 2 or signal.shape[-1] != response.shape[1]:
        shapes = f"{signal.shape} and {response.shape}"
        raise InputError(
            f"x and kernel must have shapes (…, time, channel) and (lag, channel, feature), but have {shapes}"
        )
    kind, steps = jnp.result_type(signal, response), signal.shape[-2]
    signal, response = single(signal), single(response[:steps])
    size = 1 << (steps + len(response) - 1).bit_length()  # zero-padded, so that the circular convolution never wraps
    spectrum = jnp.fft.rfft(signal, size, axis=-2)[..., None] * jnp.fft.rfft(response, size, axis=0)
    return jnp.fft.irfft(spectrum.sum(axis=-2), size, axis=-2)[..., :steps, :].astype(kind)
