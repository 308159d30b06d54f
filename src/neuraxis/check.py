"""Validation of arguments: each check raises an `InputError` that says what was expected and what was received.

Values that are being traced by `jit`, `grad` or `vmap` are unknown and pass; shapes and dtypes are always checked.
"""

import inspect
import math
import os
from pathlib import Path
from typing import Any

import numpy as np

from neuraxis import process
from neuraxis.errors import InputError

_SHORT = 60  # maximum number of characters of a value quoted in a message


def received(value: Any) -> str:
    """Describe a value for a message: in full if it is short, otherwise an array by its shape and dtype."""
    text = repr(value)
    traced = "Tracer" in text or "Traced<" in text  # as JAX prints tracers, alone or nested
    if len(text) <= _SHORT and "\n" not in text and not traced:
        return text
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"an array of shape {tuple(value.shape)} and dtype {value.dtype}"
    if traced:
        return f"a {type(value).__name__}"
    cut = f"{' '.join(text.split())[:_SHORT]}…"
    return f"the {type(value).__name__} {cut}" if isinstance(value, list | tuple | dict) else cut


def array(name: str, value: Any) -> Any:
    """Convert a list, table or tensor to an array of real numbers, integers or booleans; return arrays unchanged.

    Raises:
        InputError: for anything else, such as text, complex numbers, random keys or ragged lists; for integers that JAX
            cannot hold, which would wrap around.
    """
    value = host_array(name, value)
    if isinstance(value, np.ndarray) and value.dtype in (np.int64, np.uint64) and not isinstance(value, np.memmap):
        _check_width(name, value)
    return value


def host_array(name: str, value: Any) -> Any:
    """`array`, for arrays that are used in NumPy only: integers may be of any size.

    Raises:
        InputError: for anything but numbers or booleans, as for `array`.
    """
    # Imported here so that the data sets can be listed without importing JAX.
    import jax
    import jax.numpy as jnp

    given = value
    if not isinstance(value, jax.Array | np.ndarray):
        value = value.detach().cpu() if hasattr(value, "detach") else value
        try:
            # A Python number becomes a weakly typed array, which does not promote the dtype of other operands.
            value = jnp.asarray(value) if isinstance(value, int | float) else np.asarray(value)
        except (ValueError, TypeError, OverflowError) as error:
            reason = "" if "traced" in str(error) else f": {error}"
            raise InputError(f"{name} must be an array of numbers, but is {received(value)}{reason}") from None
    if jnp.issubdtype(value.dtype, jnp.complexfloating):
        raise InputError(f"{name} must contain real numbers, but has dtype {value.dtype}; take .real, or abs()")
    if not (jnp.issubdtype(value.dtype, jnp.number) or value.dtype == bool) or value.dtype.kind == "m":
        raise InputError(f"{name} must be an array of numbers, but is {received(given)}")
    if np.ma.is_masked(value):
        raise InputError(f"{name} must not have masked entries; replace them, as by .filled(0)")
    return _native(value)


def _native(value: Any) -> Any:
    """Convert masked arrays, and NumPy's dtypes that JAX does not know: other byte orders and extended precision."""
    if isinstance(value, np.ma.MaskedArray):
        value = value.data
    if not isinstance(value, np.ndarray) or isinstance(value, np.memmap):  # which is converted when it is read
        return value
    if value.dtype == np.longdouble:
        return value.astype(np.float64)
    return value if value.dtype.isnative else value.astype(value.dtype.newbyteorder("="))


def _check_width(name: str, value: np.ndarray) -> None:
    import jax

    kind = jax.dtypes.canonicalize_dtype(value.dtype)
    limits = np.iinfo(kind)
    if not np.all(good := (value >= limits.min) & (value <= limits.max)):
        raise InputError(
            f"{name} must fit in {kind}, but contains {_found(value, value, good)}; convert it to floats, or use "
            "double precision (jax.enable_x64)"
        )


def floats(name: str, value: Any) -> Any:
    """Convert to an array of floating-point numbers: as `array`, with integers and booleans cast to floats.

    Raises:
        InputError: as for `array`.
    """
    import jax.numpy as jnp

    value = host_array(name, value)
    if isinstance(value, np.ndarray) and value.dtype.kind in "iub":  # first, because JAX may shorten integers
        value = value.astype(jnp.result_type(float))
    value = jnp.asarray(value)
    return value if jnp.issubdtype(value.dtype, jnp.floating) else value.astype(float)


def _numbers(name: str, value: Any) -> np.ndarray:
    """Return the numbers in `value`, floats in JAX's precision; an empty array if `value` is being traced."""
    import jax
    from jax.core import Tracer

    if value is None or isinstance(value, str | bool):
        raise InputError(f"{name} must be a number, but is {received(value)}")
    checked = host_array(name, value)
    if checked.dtype == bool:
        raise InputError(f"{name} must be a number, but is {received(value)}")
    if isinstance(checked, Tracer):
        return np.empty(0, checked.dtype)
    numbers = np.asarray(checked)
    if numbers.dtype.kind in "iu":
        return numbers
    with np.errstate(over="ignore", under="ignore"):
        return numbers.astype(jax.dtypes.canonicalize_dtype(numbers.dtype), copy=False)


def _found(value: Any, numbers: np.ndarray, good: Any) -> str:
    """Describe the first number that is not valid, with its index."""
    if not numbers.ndim:
        number = numbers.item()
        # In single precision 1e-46 is 0, and 1e39 is infinite.
        rounded = isinstance(value, float) and value != number and (number == 0 or np.isinf(number))
        return f"{value!r}, which is {number} in {numbers.dtype}" if rounded else f"{value}"
    where = tuple(int(i) for i in np.argwhere(~good)[0])
    return f"{numbers[where]} at index {where}"


def positive(**values: Any) -> None:
    """Check that every value (or array entry) is finite and > 0."""
    for name, value in values.items():
        numbers = _numbers(name, value)
        if not np.all(good := np.isfinite(numbers) & (numbers > 0)):
            raise InputError(f"{name} must be positive and finite, but is {_found(value, numbers, good)}")


def not_negative(**values: Any) -> None:
    """Check that every value (or array entry) is finite and ≥ 0."""
    for name, value in values.items():
        numbers = _numbers(name, value)
        if not np.all(good := np.isfinite(numbers) & (numbers >= 0)):
            raise InputError(f"{name} must be finite and not negative, but is {_found(value, numbers, good)}")


def fraction(**values: Any) -> None:
    """Check that every value (or array entry) lies in [0, 1)."""
    for name, value in values.items():
        numbers = _numbers(name, value)
        if not np.all(good := (numbers >= 0) & (numbers < 1)):
            raise InputError(f"{name} must lie in [0, 1), but is {_found(value, numbers, good)}")


def finite(**values: Any) -> None:
    """Check that no value contains NaN or infinity; the message gives the index of the first one."""
    for name, value in values.items():
        numbers = _numbers(name, value)
        if not np.all(good := np.isfinite(numbers)):
            verb = "contains" if numbers.ndim else "is"
            raise InputError(f"{name} must be finite, but {verb} {_found(value, numbers, good)}")


def whole(minimum: int = 1, **values: Any) -> None:
    """Check that every value is an integer ≥ `minimum`."""
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < minimum:
            raise InputError(f"{name} must be an integer of at least {minimum}, but is {received(value)}")
        if value >= 2**63:
            raise InputError(f"{name} must be an integer below 2⁶³, but is {received(value)}")


def sizes(least: int = 1, **values: Any) -> tuple[int, ...]:
    """Check that the one value is a list or tuple of at least `least` positive integers; return it as a tuple."""
    ((name, value),) = values.items()
    if not isinstance(value, list | tuple) or len(value) < least:
        several = f"{least} or more integers" if least else "integers"
        raise InputError(f"{name} must be a sequence of {several}, but is {received(value)}")
    whole(**{f"{name}[{i}]": size for i, size in enumerate(value)})
    return tuple(map(int, value))


def boolean(**values: Any) -> None:
    """Check that every value is True or False."""
    for name, value in values.items():
        if not isinstance(value, bool | np.bool_):
            raise InputError(f"{name} must be True or False, but is {received(value)}")


def takes(name: str, function: Any, *arguments: str, **keywords: str) -> None:
    """Check that a function accepts these positional and keyword arguments; the message lists them."""
    try:
        signature = inspect.signature(function)
    except (ValueError, TypeError):  # some built-in functions have no signature
        return
    try:
        signature.bind(*arguments, **keywords)
    except TypeError as error:
        all_of_them = ", ".join([*arguments, *(f"{keyword}={value}" for keyword, value in keywords.items())])
        raise InputError(f"{name} must be a function of ({all_of_them}), but does not accept these: {error}") from None


def parameters(**fields: Any) -> None:
    """Check that every field is a number or an array, and that all broadcast with each other."""
    for name, value in fields.items():
        # The contents of lists and tensors would be checked only when the model runs.
        known = isinstance(value, int | float | complex | str | None | np.ndarray | np.generic) or _is_jax(value)
        if not known:
            raise InputError(
                f"{name} must be a number or an array, but is the {type(value).__name__} {received(value)}; "
                f"convert lists and tensors with numpy.asarray"
            )
    broadcast((), **fields)


def _is_jax(value: Any) -> bool:
    import jax

    return isinstance(value, jax.Array)


def broadcast(input_shape: tuple[int, ...], **fields: Any) -> tuple[int, ...]:
    """Return the shape that the fields and an input of that shape broadcast to; refuse those that do not."""
    if not isinstance(input_shape, tuple | list) or not all(
        isinstance(size, int | np.integer) and 0 <= size < 2**63 for size in input_shape
    ):
        raise InputError(
            f"input_shape must be a tuple of sizes, those of one array of inputs, such as (3,), but is "
            f"{received(input_shape)}"
        )
    input_shape = tuple(input_shape)
    shapes = {name: np.shape(value) for name, value in fields.items()}
    try:
        return np.broadcast_shapes(input_shape, *shapes.values())
    except ValueError:
        listed = ", ".join(f"{name} {shape}" for name, shape in {**shapes, "the input": input_shape}.items() if shape)
        raise InputError(f"parameters and input must broadcast with each other, but have shapes {listed}") from None


def functions(**values: Any) -> None:
    """Check that every value is callable and not a class, of which an instance was probably meant."""
    for name, value in values.items():
        if isinstance(value, type) or not callable(value):
            raise InputError(f"{name} must be a function, but is {received(value)}")


def no_class(**values: Any) -> None:
    """Check that no value is a class instead of an instance of one."""
    for name, value in values.items():
        if isinstance(value, type):
            raise InputError(f"{name} must be an object, but is the class {value.__name__} itself")


def path(name: str, value: Any) -> Path:
    """Convert a path given as text or as a path object to a `Path`.

    Raises:
        InputError: for anything that cannot be a path.
    """
    text = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    if not isinstance(text, str) or not text or "\0" in text or max(map(len, os.fsencode(text).split(b"/"))) > 255:
        raise InputError(f"{name} must be a path, as text or pathlib.Path, but is {received(value)}")
    return Path(text)


def one_number(**values: Any) -> None:
    """Check that every value is a scalar."""
    for name, value in values.items():
        if shape := np.shape(value):
            raise InputError(f"{name} must be one number, but has shape {shape}")


def instance(kind: type, **values: Any) -> None:
    """Check that every value is an instance of `kind`."""
    for name, value in values.items():
        if not isinstance(value, kind):
            raise InputError(f"{name} must be {_article(kind.__name__)} {kind.__name__}, but is {received(value)}")


def _article(name: str) -> str:
    spelled = name[:2].isupper() and name[0] in "FHLMNRSX"  # letters whose names begin with a vowel, as in "an RBM"
    return "an" if spelled or name[0] in "AEIO" else "a"


def last_axis(size: int, **arrays: Any) -> None:
    """Check that the last axis of every array has `size` entries."""
    for name, array in arrays.items():
        shape = np.shape(array)
        if not shape or shape[-1] != size:
            raise InputError(f"{name} must have shape (…, {size}), but has shape {shape}")


def fits(shape: tuple[int, ...], **arrays: Any) -> None:
    """Check that every array broadcasts to `shape`, the shape of a state."""
    for name, array in arrays.items():
        if array is None:
            raise InputError(f"{name} must be given, in a shape that broadcasts to the state's, {shape}, but is None")
        try:
            good = np.broadcast_shapes(np.shape(array), shape) == shape
        except ValueError:
            good = False
        if not good:
            raise InputError(f"{name} must broadcast to the state's shape {shape}, but has shape {np.shape(array)}")


def same_length(**arrays: Any) -> None:
    """Check that all arrays have the same length along their first axis, and at least one entry."""
    lengths = {name: np.shape(array)[0] if np.ndim(array) else None for name, array in arrays.items()}
    if None in lengths.values() or len(set(lengths.values())) > 1:
        shapes = ", ".join(f"{name} {np.shape(array)}" for name, array in arrays.items())
        raise InputError(f"the data must agree along their first axis, but have shapes {shapes}")
    if 0 in lengths.values():
        raise InputError(f"the data are empty: {', '.join(arrays)} contain no examples")


def labels(labels: Any, classes: int) -> None:
    """Check that labels are integers, or booleans, from 0 to `classes` − 1."""
    from jax.core import Tracer

    known = host_array("labels", labels)
    if known.dtype.kind not in "iub":
        raise InputError(f"labels must be integers, but have dtype {known.dtype}")
    numbers = np.empty(0, int) if isinstance(known, Tracer) else np.asarray(known)
    if not np.all((numbers >= 0) & (numbers < classes)):
        raise InputError(
            f"labels must be between 0 and {classes - 1}, but range from {numbers.min()} to {numbers.max()}"
        )


def indices(count: int, **values: Any) -> None:
    """Check that every value holds integers from 0 to `count` − 1, such as indices of tokens, words or neurons."""
    from jax.core import Tracer

    for name, value in values.items():
        known = host_array(name, value)
        if known.dtype.kind not in "iu":
            raise InputError(f"{name} must be integers, but has dtype {known.dtype}")
        numbers = np.empty(0, int) if isinstance(known, Tracer) else np.asarray(known)
        if not np.all(good := (numbers >= 0) & (numbers < count)):
            verb = "contains" if numbers.ndim else "is"
            raise InputError(f"{name} must be between 0 and {count - 1}, but {verb} {_found(value, numbers, good)}")


def seed(seed: Any) -> None:
    """Check that a seed is an integer from 0 to 2³² − 1: in JAX, larger ones would repeat the keys of smaller ones."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 2**32:
        raise InputError(f"seed must be an integer from 0 to 2³² − 1, but is {received(seed)}")


def key(key: Any) -> None:
    """Check that `key` is a single random key, from `jax.random.key` or `jax.random.PRNGKey`."""
    import jax
    import jax.numpy as jnp
    from jax.dtypes import prng_key

    given = isinstance(key, jax.Array | np.ndarray)
    typed = given and jnp.issubdtype(key.dtype, prng_key) and key.shape == ()
    old = given and key.dtype == np.uint32 and key.shape in ((2,), (4,))
    if not (typed or old):
        raise InputError(f"key must be one random key, such as jax.random.key(0), but is {received(key)}")


def memory(what: str, size: int | float) -> None:
    """Check that `size` bytes fit into the memory available to this process; otherwise XLA might end the process."""
    free = process.memory()
    if size > free:
        raise InputError(f"{what} would take about {in_bytes(size)} of memory, but only {in_bytes(free)} are free")


def array_fits(names: str, shape: Any) -> None:
    """Check that an array of that shape in single precision fits into memory.

    Args:
        names: arguments that determine the shape.
        shape: shape of the array.
    """
    sizes = tuple(map(int, shape))
    memory(f"{names} must be smaller: an array of shape {sizes}", 4 * math.prod(sizes))


def in_bytes(size: int | float) -> str:
    """Format a number of bytes, as in 20 GiB."""
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if size < 1024:
            return f"{size:.3g} {unit}"
        size /= 1024
    return f"{size:.3g} PiB"
