from neuraxis.app.lab import address


def test_what_makes_no_sense_is_left_out_and_said(counter):
    start, ignored = address.read(
        counter, {"stride": "much", "seed": "-1", "at": "1e9", "x": "1", "3.stride": "99", "5.size": "2"}
    )
    assert start.controls == counter.controls()
    assert (start.seed, start.steps, start.changes) == (0, 0, {5: {"size": 2}})
    assert len(ignored) == 5
    assert "seed must be a whole number from 0 to 2147483647, but is '-1'" in ignored


def test_an_address_comes_back(counter):
    first = counter.controls(stride=2.0)
    changes = {4: {"stride": -0.125}, 7: {"double": 1, "stride": 3.0}}
    written = address.write(counter, first, 9, 20, changes)
    query = dict(pair.split("=") for pair in written.lstrip("?").split("&"))
    assert address.read(counter, query) == (address.Start(first, 9, 20, changes), [])
