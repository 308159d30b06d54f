import time

import pytest

from benchmarks.harness import Timing, Workload, measure


def test_sides_take_turns_and_the_first_call_is_apart():
    calls = []

    def slow():
        calls.append("ours")
        time.sleep(0.05 if len(calls) == 1 else 0.001)

    def peer():
        calls.append("peer")
        return 0.25  # its own measure

    ours, theirs = measure(Workload("x", slow, {"peer": peer}), rounds=3)
    assert calls == ["ours", "peer"] * 4
    assert ours.first > 0.05 > ours.median
    assert theirs == Timing("peer", 0.25, 0.25, 0.0)
    assert ours.compile == pytest.approx(ours.first - ours.median)
    assert theirs.compile == 0
