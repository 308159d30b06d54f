import queue
import threading
import urllib.parse

import numpy as np
import pytest

from neuraxis.app.lab import address
from neuraxis.app.lab.run import Run
from tests.app.lab.test_wire import decode

_PATIENCE = 30  # seconds for what takes milliseconds


class Tab:
    """A browser tab that paints what it is sent, if asked to."""

    def __init__(self, page, query=""):
        self.sent: queue.SimpleQueue = queue.SimpleQueue()
        start, self.ignored = address.read(page, dict(urllib.parse.parse_qsl(query.lstrip("?"))))
        self.run = Run(page, start, lambda message: self.sent.put(decode(message)))
        self.thread = threading.Thread(target=self.run.work)
        self.thread.start()

    def until(self, holds, paints=True):
        """Take messages until one of which this holds."""
        while True:
            message = self.sent.get(timeout=_PATIENCE)
            if paints and "picture" in message:
                self.run.receive({"painted": message["step"]})
            if holds(message):
                return message

    def picture(self, status, step=0):
        return self.until(lambda m: "picture" in m and m["status"] == status and m["step"] >= step)

    def close(self):
        self.run.close()
        self.thread.join(_PATIENCE)
        assert not self.thread.is_alive()


@pytest.fixture
def tab(counter):
    tabs = []

    def open(query=""):
        tabs.append(Tab(counter, query))
        return tabs[-1]

    yield open
    for each in tabs:
        each.close()


def first(picture):
    return picture["picture"]["numbers"]["x"]


def test_moves_by_itself_and_stops_for_a_tab_that_does_not_paint(tab):
    opened = tab()
    assert opened.until(lambda m: "status" in m)["status"] == "compiling"
    shown = opened.picture("running", 6)
    assert first(shown) == shown["step"]
    seen = [opened.until(lambda m: "picture" in m, paints=False)["step"] for _ in range(2)]
    with pytest.raises(queue.Empty):
        opened.sent.get(timeout=0.3)
    assert seen == sorted(seen)


def test_pauses_and_takes_single_steps(tab):
    opened = tab()
    opened.run.receive({"run": False})
    before = opened.picture("paused")
    opened.run.receive({"step": 1})
    after = opened.picture("paused", before["step"] + 1)
    assert after["step"] == before["step"] + 1
    assert first(after) == first(before) + 1
    opened.run.receive({"run": True})
    opened.picture("running", after["step"] + 3)


def test_a_control_changes_the_running_model(tab):
    opened = tab()
    opened.run.receive({"set": {"stride": "2.5"}})
    shown = opened.until(lambda m: m.get("controls", {}).get("stride") == "2.5")
    later = opened.picture("running", shown["step"] + 4)
    assert first(later) - first(shown) == 2.5 * (later["step"] - shown["step"])
    opened.run.receive({"set": {"double": "1"}})
    pressed = opened.until(lambda m: m.get("controls", {}).get("double") == "1" and m["step"] > later["step"] + 8)
    assert first(pressed) > first(later) * 1.5


def test_what_cannot_be_is_said_beside_its_control(tab):
    opened = tab()
    opened.run.receive({"set": {"stride": "11", "size": "two", "what": "1"}})
    problems = opened.until(lambda m: "problems" in m)["problems"]
    assert problems["stride"] == "Stride must be between -10 and 10, but is 11"
    assert problems["size"].startswith("Number of counters must be a whole number")
    assert "what" in problems
    assert opened.picture("running")["controls"]["stride"] == "1"
    opened.run.receive({"set": {"stride": "3"}})
    assert opened.until(lambda m: "problems" in m)["problems"] == {"stride": ""}


def test_a_size_begins_anew(tab):
    opened = tab()
    opened.picture("running", 10)
    opened.run.receive({"set": {"size": "5"}})
    opened.until(lambda m: m.get("status") == "compiling")
    shown = opened.picture("running")
    assert shown["step"] < 10
    assert shown["picture"]["panels"][0]["marks"][0]["y"].shape == (5,)


def test_reset_keeps_the_controls_and_takes_the_seed(tab):
    opened = tab("?stride=2")
    opened.run.receive({"run": False})
    opened.picture("paused")
    opened.run.receive({"reset": 7})
    shown = opened.until(lambda m: m.get("seed") == 7)
    assert (first(shown), shown["step"], shown["controls"]["stride"]) == (7, 0, "2")


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("nan", "x is no longer finite after step"),
        ("refused", "the stride must be longer, but is short"),
        ("broken", "this is a bug in neuraxis"),
    ],
)
def test_a_fault_stops_the_run_with_a_sentence_and_another_value_goes_on(tab, fault, said, capsys):
    opened = tab()
    opened.picture("running", 2)
    opened.run.receive({"set": {"fault": fault}})
    assert said in opened.picture("stopped")["stopped"]
    assert ("KeyError" in capsys.readouterr().err) == (fault == "broken")
    opened.run.receive({"set": {"fault": "none"}})
    assert not opened.picture("running", 3)["stopped"]


def test_slow_motion_takes_fewer_steps(tab):
    opened = tab()
    opened.run.receive({"speed": 0.5})
    steps = [opened.picture("running")["step"] for _ in range(12)]
    assert set(np.diff(steps[4:])) == {1}


def test_a_mission_is_checked_by_its_claim(tab):
    opened = tab("?stride=-1")
    assert opened.picture("running", 4)["picture"]["missions"] == [False]
    opened.run.receive({"set": {"stride": "10"}})
    opened.until(lambda m: m.get("picture", {}).get("missions") == [True])


def test_a_link_repeats_the_picture(tab):
    opened = tab("?stride=0.5&seed=3")
    opened.picture("running", 5)
    opened.run.receive({"set": {"stride": "-4"}})
    opened.until(lambda m: m.get("controls", {}).get("stride") == "-4" and m["step"] > 9)
    opened.run.receive({"set": {"double": "1"}})
    opened.until(lambda m: m.get("controls", {}).get("double") == "1")
    opened.run.receive({"link": True})
    link = opened.until(lambda m: "link" in m)["link"]
    shown = opened.picture("paused")
    again = tab(link)
    assert not again.ignored
    repeated = again.picture("paused")
    for name in ("step", "seed", "controls"):
        assert repeated[name] == shown[name]
    assert first(repeated) == first(shown)


def test_the_script_repeats_it_too(tab, tmp_path, monkeypatch):
    opened = tab("?seed=2")
    opened.picture("running", 5)
    opened.run.receive({"set": {"stride": "3.5"}})
    opened.until(lambda m: m.get("controls", {}).get("stride") == "3.5" and m["step"] > 9)
    opened.run.receive({"script": True})
    message = opened.until(lambda m: "script" in m)
    assert message["command"] == "neuraxis run lif"
    shown = opened.picture("paused")
    monkeypatch.chdir(tmp_path)
    repeated: dict = {"__name__": "script"}
    exec(message["script"], repeated)
    assert repeated["state"].x[0] == first(shown)


def test_nonsense_from_a_browser_changes_nothing(tab):
    opened = tab()
    for message in ({}, {"set": []}, {"speed": "fast"}, {"reset": -1}, {"reset": 2**40}, {"run": 3}, {"unknown": 1}):
        opened.run.receive(message)
    assert not opened.picture("running", 5)["stopped"]
