import signal

import pytest


@pytest.fixture(autouse=True)
def a_folder_of_its_own(monkeypatch, tmp_path):
    """The program writes into the folder `runs` where it is run."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def interrupts_are_heard_again():
    """The program ignores further interrupts once it has been interrupted, since it ends then; this process goes on."""
    usual = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, usual)
