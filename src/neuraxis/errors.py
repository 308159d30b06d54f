"""Exceptions that neuraxis raises, each with a message of one sentence."""


class InputError(ValueError):
    """A value, shape, name or setting is not what was expected; the message says what was received."""


class DataError(InputError):
    """A data file is missing, damaged or altered."""


class CheckpointError(InputError):
    """A checkpoint is damaged, or does not fit the model it is loaded into."""


class Interrupted(KeyboardInterrupt):
    """Training was interrupted (Ctrl-C); `fitted` is its result so far, as `fit` would return it."""

    def __init__(self, fitted: object):
        super().__init__()
        self.fitted = fitted


class DivergedError(ArithmeticError):
    """A loss or model during training, or the state of a simulation, became non-finite; `step` counts from 0."""

    def __init__(self, message: str, step: int):
        super().__init__(message)
        self.step = step

    def __reduce__(self) -> tuple[type, tuple[str, int]]:
        """Keep `step` when pickled, as between processes."""
        return type(self), (str(self), self.step)
