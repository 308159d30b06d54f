"""Read-only views of arrays."""

from typing import Any, cast

import numpy as np

from neuraxis.errors import InputError


class ReadOnly(np.ndarray):
    """The view that a `Var` returns of its value or its gradient where this is a NumPy array.

    Operations keep the values of their arguments, and gradients share memory, so changing an array in place would
    silently corrupt other gradients. `w.val -= step` still works: as for JAX arrays, it creates a new array and assigns
    it. Results computed from a view are ordinary arrays.
    """

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        """Return results of NumPy's functions as ordinary arrays."""
        return array[()] if return_scalar else np.asarray(array)

    def __setitem__(self, key: Any, value: Any) -> None:
        if not self.flags.writeable:
            raise InputError(
                "val and grad of a Var are read-only, because operations keep references to them; "
                "assign a new array, as in w.val = np.where(mask, 0, w.val)"
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
        """Compute in place if the array is writeable, and otherwise into a new array of the same shape and dtype."""
        return operation(self, other, out=self if self.flags.writeable else np.empty(self.shape, self.dtype))


def shown(array: Any) -> Any:
    """Return a read-only view of an array; JAX arrays and scalars are immutable anyway."""
    if type(array) is not np.ndarray:
        return array
    view = array.view(ReadOnly)
    view.flags.writeable = False
    return view


def kept(array: Any) -> Any:
    """Return an array that nobody else can change: a copy, unless it is read-only already."""
    if isinstance(array, ReadOnly) and not array.flags.writeable:
        return np.asarray(array)
    if isinstance(array, np.ndarray) and (array.flags.writeable or not array.flags.owndata):
        array = np.array(array)
        array.flags.writeable = False
    return cast(Any, array)
