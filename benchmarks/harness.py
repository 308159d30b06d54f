"""Time our side and the peers' side of one workload, in turn, in one process."""

import os
import resource
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

OUT_OF_ORDER = 10  # times as long as another way in which the same program does the same work
BUSY = 0.1  # share of the machine that others may use while we measure


class NotHereError(Exception):
    """A benchmark needs what this machine does not have; the message says what."""


@dataclass(frozen=True)
class Workload:
    """One piece of work, done by us and by others.

    A callable does the whole work once and returns when it is done. If it returns a float, that is taken as its time
    [s] (for peers whose start or build is to be left out); otherwise the time on the clock is.
    """

    title: str
    experiment: str  # whose system it is about, as `neuraxis run` names it
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


@dataclass(frozen=True)
class Measured:
    """What came of timing one workload."""

    timings: list[Timing]  # ours is the first
    out_of_order: dict[str, float]  # sides that were left out, with the time of their last call [s]
    used_by_others: float | None  # share of the machine's cores that other programs used meanwhile; None where unknown

    @property
    def is_busy(self) -> bool:
        """Whether others are known to have used the machine so much that the times are worth little."""
        return self.used_by_others is not None and self.used_by_others > BUSY


def measure(workload: Workload, rounds: int) -> Measured:
    """Call all sides twice to warm up, then each once in every round, but for those that are out of order."""
    sides = {"neuraxis": workload.ours, **workload.peers}
    load = _Load()
    first = {name: _time(side) for name, side in sides.items()}
    warm = {name: _time(side) for name, side in sides.items()}
    out = {name: seconds for name, seconds in warm.items() if _is_out_of_order(name, warm)}
    times: dict[str, list[float]] = {name: [] for name in sides if name not in out}
    for _ in range(rounds):
        for name in times:
            times[name].append(_time(sides[name]))
    timings = [Timing(name, first[name], statistics.median(t), _spread(t)) for name, t in times.items()]
    return Measured(timings, out, load.used_by_others())


def _is_out_of_order(name: str, seconds: Mapping[str, float]) -> bool:
    """Return whether another way of the same program, such as "PyTorch, compiled" for "PyTorch, eager", is far faster.

    Such a side does not show what the program can do, and a ratio to it would flatter us.
    """
    program = name.partition(",")[0]
    same = [other for key, other in seconds.items() if key.partition(",")[0] == program]
    return seconds[name] > OUT_OF_ORDER * min(same)


class _Load:
    """Find out how much of the machine others use from now on: what its cores did, less what we did."""

    def __init__(self):
        self._began = time.perf_counter(), _seconds_of_all(), _seconds_of_us()

    def used_by_others(self) -> float | None:
        """Return the share of all cores, from 0 to 1."""
        began, all_then, us_then = self._began
        all_now = _seconds_of_all()
        if all_then is None or all_now is None:
            return None
        others = all_now - all_then - (_seconds_of_us() - us_then)
        return max(0.0, others) / (time.perf_counter() - began) / (os.cpu_count() or 1)


def _seconds_of_all() -> float | None:
    """Return the time for which all cores have worked [s], where the system tells."""
    stat = Path("/proc/stat")
    if not stat.exists():
        return None
    user, nice, system, _idle, _wait, *rest = map(int, stat.read_text().split("\n", 1)[0].split()[1:])
    return (user + nice + system + sum(rest[:3])) / os.sysconf("SC_CLK_TCK")


def _seconds_of_us() -> float:
    """Return the time for which this process and those it has started have worked [s]."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


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
