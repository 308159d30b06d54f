"""Time our side and the peers' side of one workload, in turn, in one process."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Workload:
    """One piece of work, done by us and by others.

    A callable does the whole work once and returns when it is done. If it returns a float, that is taken as its time
    [s] (for peers whose start or build is to be left out); otherwise the time on the clock is.
    """

    title: str
    ours: Callable[[], object]
    peers: Mapping[str, Callable[[], object]]
    targets: Mapping[str, float] = field(default_factory=dict)  # lowest ratio of times, peer over ours


@dataclass(frozen=True)
class Timing:
    """Times of one side [s]."""

    name: str
    first: float  # with compilation
    median: float
    spread: float  # half the distance between the quartiles, relative to the median

    @property
    def compile(self) -> float:
        """What the first call took longer than the median of the others."""
        return max(0.0, self.first - self.median)


def measure(workload: Workload, rounds: int) -> list[Timing]:
    """Call all sides once to warm up, then each once in every round; ours is the first of the list."""
    sides = {"neuraxis": workload.ours, **workload.peers}
    first = {name: _time(side) for name, side in sides.items()}
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            times[name].append(_time(side))
    return [Timing(name, first[name], statistics.median(t), _spread(t)) for name, t in times.items()]


def _time(side: Callable[[], object]) -> float:
    began = time.perf_counter()
    result = side()
    seconds = time.perf_counter() - began
    return result if isinstance(result, float) else seconds


def _spread(times: list[float]) -> float:
    if len(times) < 2:
        return 0.0
    low, _, high = statistics.quantiles(times, n=4)
    return (high - low) / 2 / statistics.median(times)
