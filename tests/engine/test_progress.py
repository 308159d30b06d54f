import io

import pytest

from neuraxis.engine import progress


class Clock:
    """A clock that is set by hand."""

    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def test_the_time_left_leaves_compilation_out(clock, capsys):
    with progress.Progress(1000, "training", done=100) as bar:
        clock.now += 60  # compiling, and one step
        bar.advance(1, "loss 2")
        clock.now += 11
        bar.advance(99, "loss 1")
        clock.now += 5
        bar.advance(50)
        clock.now += 6
        bar.advance(50)
    assert capsys.readouterr().err.splitlines() == [
        "training: 101/1000, loss 2",
        f"training: 200/1000, loss 1, {800 * 11 / 99:.0f} s left",
        f"training: 300/1000, {700 * 22 / 199:.0f} s left",
    ]


def test_the_bar_tells_the_same(clock, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr(progress.sys, "stderr", terminal)
    bar = progress.Progress(100, "training")
    shown = lambda: bar._bar.tasks[0].fields["left"]
    with bar:
        clock.now += 60
        bar.advance(1)
        assert shown() == ""
        clock.now += 100
        bar.advance(1)
        assert shown() == f"{98 * 100 // 3600}:{98 * 100 % 3600 // 60:02}:{98 * 100 % 60:02} left"
        bar.advance(98)
        assert shown() == "0:00:00 left"
    assert "0:00:00 left" in terminal.getvalue()


def test_without_a_label_nothing_is_shown(clock, capsys):
    with progress.Progress(10, None) as bar:
        clock.now += 60
        bar.advance(10)
    assert capsys.readouterr().err == ""
