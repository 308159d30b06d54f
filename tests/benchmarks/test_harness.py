import time

import pytest

from benchmarks.__main__ import circumstances, rows
from benchmarks.harness import Measured, Timing, Workload, measure
from neuraxis import process


def test_sides_take_turns_and_the_first_call_is_apart():
    calls = []

    def slow():
        calls.append("ours")
        time.sleep(0.05 if len(calls) == 1 else 0.001)

    def peer():
        calls.append("peer")
        return 0.25  # its own measure

    ours, theirs = measure(Workload("x", "mlp", slow, {"peer": peer}), rounds=3).timings
    assert calls == ["ours", "peer"] * 5
    assert ours.first > 0.05 > ours.median
    assert theirs == Timing("peer", 0.25, 0.25, 0.0)
    assert ours.compile == pytest.approx(ours.first - ours.median)
    assert theirs.compile == 0


def test_a_side_that_is_out_of_order_is_left_out_and_named():
    peers = {"A, as it comes": lambda: 1.0, "A, fused": lambda: 0.09, "B": lambda: 5.0}
    workload = Workload("x", "mlp", lambda: 0.05, peers)
    measured = measure(workload, rounds=2)
    assert [timing.name for timing in measured.timings] == ["neuraxis", "A, fused", "B"]
    assert measured.out_of_order == {"A, as it comes": 1.0}
    assert rows(workload, measured)[-1][1:3] == ("A, as it comes", "1000")


@pytest.mark.parametrize(
    ("share", "word"), [(0.02, "quiet: others used 2%"), (0.5, "BUSY: others used 50%"), (None, "unknown")]
)
def test_a_table_says_on_what_it_was_measured(share, word):
    text = circumstances(Measured([], {}, share), ())
    assert word in text
    assert process.instruction_set() in text
    assert "process as it is" in text
