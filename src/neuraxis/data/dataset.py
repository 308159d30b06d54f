"""A data set of labelled examples, split into training and test."""

import dataclasses
from dataclasses import dataclass

import numpy as np

from neuraxis import check
from neuraxis.errors import InputError


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Examples with their labels, as read-only NumPy arrays; lists, tables and tensors are converted.

    Images are (count, height, width), or (count, height, width, channel) in colour, and keep the bytes in which they
    are published. `scaled` converts them to numbers from 0 to 1, and `flat` to vectors; both return a new data set, as
    in `load("mnist").scaled().flat()`. Labels are (count), int32 class indices.

    Raises:
        InputError: if lengths disagree, a part is empty, training and test examples differ in shape, a label is not a
            class index, or a value is not finite.
    """

    name: str
    train_x: np.ndarray
    train_y: np.ndarray
    test_x: np.ndarray
    test_y: np.ndarray
    classes: tuple[str, ...]
    title: str = ""  # display name; `name` if empty
    white: int = 255  # value of a fully bright pixel

    def __post_init__(self) -> None:
        check.whole(white=self.white)
        for field in ("name", "title"):
            if not isinstance(value := getattr(self, field), str):
                raise InputError(f"{field} must be text, but is {check.received(value)}")
        named = isinstance(self.classes, tuple | list) and all(isinstance(name, str) for name in self.classes)
        if not named or not self.classes:
            raise InputError(f"classes must be the names of the classes, but is {check.received(self.classes)}")
        object.__setattr__(self, "classes", tuple(self.classes))
        for field in ("train_x", "train_y", "test_x", "test_y"):
            object.__setattr__(self, field, np.asarray(check.array(field, getattr(self, field))))
        check.same_length(train_x=self.train_x, train_y=self.train_y)
        check.same_length(test_x=self.test_x, test_y=self.test_y)
        if self.train_x.shape[1:] != self.test_x.shape[1:]:
            shapes = f"{self.train_x.shape[1:]} and {self.test_x.shape[1:]}"
            raise InputError(f"training and test examples must have the same shape, but have {shapes}")
        for part in ("train", "test"):
            self._set_examples(f"{part}_x")
            self._set_labels(f"{part}_y")

    def _set_examples(self, field: str) -> None:
        examples = getattr(self, field)
        if examples.dtype.kind not in "biu":
            check.finite(**{field: examples})
        self._set(field, examples)

    def _set_labels(self, field: str) -> None:
        labels = getattr(self, field)
        if labels.ndim != 1:
            raise InputError(f"{field} must have one axis, but has shape {labels.shape}")
        check.labels(labels, len(self.classes))
        self._set(field, labels.astype(np.int32, copy=False))

    def _set(self, field: str, array: np.ndarray) -> None:
        view = array.view()
        view.flags.writeable = False
        object.__setattr__(self, field, view)

    def scaled(self) -> "Dataset":
        """Divide by the value of white, so that every pixel is a float32 from 0 to 1."""
        train_x, test_x = (np.divide(x, self.white, dtype=np.float32) for x in (self.train_x, self.test_x))
        return dataclasses.replace(self, train_x=train_x, test_x=test_x, white=1)

    def flat(self) -> "Dataset":
        """Flatten every example to a vector: (count, height · width · channel)."""
        train_x, test_x = (x.reshape(len(x), -1) for x in (self.train_x, self.test_x))
        return dataclasses.replace(self, train_x=train_x, test_x=test_x)

    @property
    def description(self) -> str:
        """Description of the data set, such as "MNIST, 60 000 + 10 000 images of 28×28"."""
        kind = "images" if self.train_x.ndim > 2 else "vectors"
        size = "×".join(str(size) for size in self.train_x.shape[1:])
        counts = f"{len(self.train_x):,} + {len(self.test_x):,}".replace(",", " ")
        return f"{self.title or self.name}, {counts} {kind} of {size}"

    def __repr__(self) -> str:
        return f"<Dataset: {self.description}>"
