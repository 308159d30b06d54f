"""What all benchmarks against Nengo do with it."""

import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


def load() -> Any:
    """Import Nengo."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it still asks for numpy.core
        import nengo
    return nengo


@contextmanager
def bits(count: int) -> Iterator[None]:
    """Let what Nengo makes in the block calculate with that many bits a number."""
    settings = load().rc
    before = settings.get("precision", "bits")
    settings.set("precision", "bits", str(count))
    try:
        yield
    finally:
        settings.set("precision", "bits", before)


def timed(simulator: Any, steps: int) -> Callable[[], float]:
    """Return a run of that many steps from the start, which returns its time without that of the reset [s]."""

    def run() -> float:
        simulator.reset()
        start = time.perf_counter()
        simulator.run_steps(steps, progress_bar=False)
        return time.perf_counter() - start

    return run
