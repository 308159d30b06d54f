"""Convolution of whole sequences with a kernel that is as long as they are, such as an impulse response."""

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Num

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.functions.precision import single


def causal_convolve(
    x: Num[ArrayLike, "... time channel"], kernel: Num[ArrayLike, "lag channel feature"]
) -> Float[Array, "... time feature"]:
    """Return y_t = Σ_{k=0}^{t} x_{t−k} K_k, all steps at once: by fast Fourier transform, in O(T log T).

    Rounding is relative to the largest y. Half precision is calculated with in single.

    Args:
        x: sequences (…, time, channel), which are 0 before they begin.
        kernel: K, (lag, channel, feature), the response to a 1 in each channel; lags that it has not are 0.

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
    size = 1 << (steps + len(response) - 1).bit_length()  # with room for both, so that the end meets no beginning
    spectrum = jnp.fft.rfft(signal, size, axis=-2)[..., None] * jnp.fft.rfft(response, size, axis=0)
    return jnp.fft.irfft(spectrum.sum(axis=-2), size, axis=-2)[..., :steps, :].astype(kind)
