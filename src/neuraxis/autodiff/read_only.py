"""Arrays that are looked at and not written into."""

from typing import Any, cast

import numpy as np

from neuraxis.errors import InputError


class ReadOnly(np.ndarray):
    """How a `Var` shows its value and its gradient where those are NumPy arrays.

    Operations remember the values they were given, and gradients share memory. So a change in place would make other
    gradients wrong without a word. `w.val -= step` is still right: as for JAX's arrays, it makes a new array and puts
    that into the place of the old one. What is calculated from this one is an ordinary array.
    """

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        """Return results of NumPy's functions as ordinary arrays."""
        return array[()] if return_scalar else np.asarray(array)

    def __setitem__(self, key: Any, value: Any) -> None:
        if not self.flags.writeable:
            raise InputError(
                "val and grad of a Var are not written into, since operations remember them; "
                "put a new array in their place, as in w.val = np.where(mask, 0, w.val)"
            )
        super().__setitem__(key, value)

    def __iadd__(self, other: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        return self._changed(np.add, other)

    def __isub__(self, other: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        return self._changed(np.subtract, other)

    def __imul__(self, other: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        return self._changed(np.multiply, other)

    def __itruediv__(self, other: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        return self._changed(np.divide, other)

    def __ipow__(self, other: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        return self._changed(np.power, other)

    def _changed(self, operation: np.ufunc, other: Any) -> Any:
        """Calculate in place what may be written into, else into a new array of the same shape and format."""
        return operation(self, other, out=self if self.flags.writeable else np.empty(self.shape, self.dtype))


def shown(array: Any) -> Any:
    """Return an array as one that cannot be written into; JAX's arrays and scalars are so anyway."""
    if type(array) is not np.ndarray:
        return array
    view = array.view(ReadOnly)
    view.flags.writeable = False
    return view


def kept(array: Any) -> Any:
    """Return an array that nobody else can change: a copy, unless it is one already."""
    if isinstance(array, ReadOnly) and not array.flags.writeable:
        return np.asarray(array)
    if isinstance(array, np.ndarray) and (array.flags.writeable or not array.flags.owndata):
        array = np.array(array)
        array.flags.writeable = False
    return cast(Any, array)
