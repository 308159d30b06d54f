"""Our side of a benchmark of training: epochs of one run of `fit`, each begun when it is to be timed."""

from collections.abc import Callable
from threading import Semaphore, Thread

import jax

from neuraxis.engine import fit
from neuraxis.kinds import Rule


def epochs(model, rule: Rule, data: tuple, batch_size: int) -> Callable:
    """Return a function that trains the model for one epoch more, and returns when it is done.

    The training runs in a thread of its own, which waits in `fit`'s callback between two epochs.
    """
    go, done = Semaphore(0), Semaphore(0)
    failed: list[BaseException] = []

    def wait(report) -> None:
        if report.ends_epoch:
            done.release()
            go.acquire()

    def train() -> None:
        go.acquire()
        try:
            key = jax.random.key(0)
            fit(model, rule, data, epochs=10**9, batch_size=batch_size, key=key, callback=wait, progress=None)
        except BaseException as error:
            failed.append(error)
            done.release()
            raise

    Thread(target=train, daemon=True).start()

    def epoch() -> None:
        go.release()
        done.acquire()
        if failed:
            raise failed[0]

    return epoch
