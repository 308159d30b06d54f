import signal

import pytest

from neuraxis.engine.interrupt import InterruptBetweenSteps


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
    old = signal.signal(signal.SIGINT, lambda *_: heard.append("theirs"))
    try:
        with InterruptBetweenSteps() as interrupt:
            signal.raise_signal(signal.SIGINT)
            interrupt.check()
    finally:
        signal.signal(signal.SIGINT, old)
    assert heard == ["theirs"]
