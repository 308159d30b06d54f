import math
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from neuraxis.app.cli import side_by_side
from neuraxis.errors import DivergedError, InputError


@pytest.fixture(autouse=True)
def as_in_the_program():
    """Interrupts are ignored where a script runs the tests in the background."""
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, usual)


@pytest.mark.parametrize("at_once", [1, 2, 9])
def test_results_come_in_the_order_of_the_tasks(at_once):
    tasks = [partial(pow, 2, exponent) for exponent in (5, 1, 4, 0)]
    assert list(side_by_side.run_all(tasks, at_once)) == [32, 2, 16, 1]


def test_nothing_to_do():
    assert list(side_by_side.run_all([], 2)) == []


def test_tasks_are_done_in_other_processes():
    processes = set(side_by_side.run_all([os.getpid] * 4, 2))
    assert 1 <= len(processes) <= 2
    assert os.getpid() not in processes


def test_a_failure_ends_the_others_and_says_where_it_was():
    began = time.monotonic()
    with pytest.raises(ValueError, match="math domain error") as failure:
        list(side_by_side.run_all([partial(time.sleep, 600), partial(math.sqrt, -1)], 2))
    assert time.monotonic() - began < 300
    assert "return task()" in failure.value.__notes__[0]


def test_a_process_that_was_ended_is_a_lack_of_memory():
    with pytest.raises(MemoryError, match="ended from outside, with code 7"):
        list(side_by_side.run_all([partial(os._exit, 7), partial(time.sleep, 600)], 2))


def test_an_interrupt_reaches_the_tasks():
    timer = threading.Timer(3.0, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt, match=r"^interrupted$"):
        list(side_by_side.run_all([partial(time.sleep, 600), partial(time.sleep, 600)], 2))
    timer.join()


def test_processes_end_with_the_iterator():
    with closing(side_by_side.run_all([os.getpid, partial(time.sleep, 600)], 2)) as results:
        pid = next(results)
    for _ in range(600):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            break
        time.sleep(0.1)
        side_by_side.multiprocessing.active_children()  # which reaps those that have ended
    else:
        pytest.fail("the process is still there")


@pytest.mark.parametrize("error", [InputError("no"), DivergedError("at last", 7)])
def test_errors_come_through(error):
    read = pickle.loads(pickle.dumps(error))
    assert (type(read), str(read), vars(read)) == (type(error), str(error), vars(error))


@pytest.mark.slow
def test_an_interrupted_tour_says_how_its_runs_go_on(tmp_path):
    program = str(Path(sys.executable).with_name("neuraxis"))
    tour = subprocess.Popen(
        [program, "tour", "--full", "--out", "mine"],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "COLUMNS": "120", "NO_COLOR": "1"},
    )
    for _ in range(1200):
        if len(list(tmp_path.glob("mine/*/settings.json"))) == 2:
            break
        time.sleep(0.05)
    tour.send_signal(signal.SIGINT)
    _, error = tour.communicate(timeout=120)
    assert tour.returncode == 130, error
    assert error.splitlines()[-1].startswith("neuraxis: interrupted")
    assert "Traceback" not in error
