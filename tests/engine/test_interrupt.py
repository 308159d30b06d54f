import signal
import threading

import pytest

from neuraxis.engine.interrupt import InterruptBetweenSteps, hold_interrupts


@pytest.fixture(autouse=True)
def python_handles_interrupts():
    """A shell starts what runs in its background with interrupts ignored."""
    old = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, old)


def test_an_interrupt_waits_for_the_check():
    done = []
    with pytest.raises(KeyboardInterrupt), InterruptBetweenSteps() as interrupt:
        interrupt.check()
        signal.raise_signal(signal.SIGINT)
        done.append("the step")
        interrupt.check()
        done.append("too far")
    assert done == ["the step"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_interrupt_is_heard_at_once():
    with pytest.raises(KeyboardInterrupt), InterruptBetweenSteps():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        pytest.fail("went on")


def test_another_handler_of_the_program_stays_in_place():
    heard = []
    signal.signal(signal.SIGINT, lambda *_: heard.append("theirs"))
    with InterruptBetweenSteps() as interrupt:
        signal.raise_signal(signal.SIGINT)
        interrupt.check()
    assert heard == ["theirs"]


def test_further_interrupts_do_not_disturb_the_end():
    done = []
    with pytest.raises(KeyboardInterrupt), InterruptBetweenSteps() as interrupt:
        signal.raise_signal(signal.SIGINT)
        assert interrupt.asked
        try:
            interrupt.check()
        except KeyboardInterrupt:
            signal.raise_signal(signal.SIGINT)
            done.append("saved")
            raise
    assert done == ["saved"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_another_host_can_ask():
    with pytest.raises(KeyboardInterrupt), InterruptBetweenSteps() as interrupt:
        assert not interrupt.asked
        interrupt.stop()


def test_interrupts_are_held_back_and_then_heard_once():
    done = []
    with pytest.raises(KeyboardInterrupt):
        with hold_interrupts():
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            done.append("written")
        done.append("too far")
    assert done == ["written"]
    with hold_interrupts():
        pass
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interrupt_held_back_within_a_step_waits_for_the_check():
    done = []
    with pytest.raises(KeyboardInterrupt), InterruptBetweenSteps() as interrupt:
        with hold_interrupts():
            signal.raise_signal(signal.SIGINT)
        done.append("the step")
        interrupt.check()
    assert done == ["the step"]


def test_other_threads_leave_signals_alone():
    def hold():
        with hold_interrupts():
            handlers.append(signal.getsignal(signal.SIGINT))

    handlers = []
    thread = threading.Thread(target=hold)
    thread.start()
    thread.join()
    assert handlers == [signal.default_int_handler]


def test_interrupts_that_the_program_ignores_stay_ignored():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with hold_interrupts():
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
