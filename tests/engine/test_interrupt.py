import signal

import pytest

from neuraxis.engine.interrupt import InterruptBetweenSteps


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
