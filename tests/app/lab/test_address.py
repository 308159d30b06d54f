import pytest

from neuraxis.app.lab import address
from neuraxis.errors import InputError


def test_what_makes_no_sense_is_left_out_and_said(counter):
    start, ignored = address.read(
        counter,
        {"stride": "much", "seed": "-1", "at": "1e9", "x": "1", "3.stride": "99", "4.size": "2", "5.stride": "2"},
    )
    assert start.controls == counter.controls()
    assert (start.seed, start.steps, start.changes) == (0, 0, {5: {"stride": 2.0}})
    assert len(ignored) == 6
    assert "Number of counters restarts the run, so that it cannot change at step 4" in ignored
    assert "seed must be a whole number from 0 to 2147483647, but is '-1'" in ignored


def test_an_address_comes_back(counter):
    first = counter.controls(stride=2.0)
    changes = {4: {"stride": -0.125}, 7: {"double": 1, "stride": 3.0}}
    written = address.write(counter, first, 9, 20, changes)
    query = dict(pair.split("=") for pair in written.lstrip("?").split("&"))
    assert address.read(counter, query) == (address.Start(first, 9, 20, changes), [])


def test_a_link_that_could_not_be_followed_is_refused(counter):
    first = counter.controls()
    with pytest.raises(InputError, match="at most 100000 steps, but the run has taken 100001"):
        address.write(counter, first, 0, 100_001, {})
    with pytest.raises(InputError, match="at most 7000 characters"):
        address.write(counter, first, 0, 5000, {number: {"stride": 0.123456} for number in range(1000)})
