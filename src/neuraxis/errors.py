"""What can go wrong through a user's input, as exceptions with one clear sentence each."""


class InputError(ValueError):
    """A value, shape, name or setting is not what was expected; the message says what was received."""


class DataError(InputError):
    """A data file is missing, damaged or altered."""


class CheckpointError(InputError):
    """A checkpoint is damaged, or does not fit the model it is loaded into."""


class Interrupted(KeyboardInterrupt):
    """A training was interrupted (Ctrl-C); `fitted` is what it had learnt by then, as `fit` would return it."""

    def __init__(self, fitted: object):
        super().__init__()
        self.fitted = fitted


class DivergedError(ArithmeticError):
    """A loss or model in training, or the state of a simulation, stopped being finite; `step` counts from 0."""

    def __init__(self, message: str, step: int):
        super().__init__(message)
        self.step = step

    def __reduce__(self) -> tuple[type, tuple[str, int]]:
        """Survive pickling, on the way from another process."""
        return type(self), (str(self), self.step)
