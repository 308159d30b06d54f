import subprocess
import sys
import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.engine.feed import Loaded, Order, Resident
from neuraxis.errors import InputError

KEY = jax.random.key(0)
x = np.arange(60.0, dtype=np.float32).reshape(20, 3)


class Rows:
    def __init__(self, size=20):
        self.size, self.threads = size, set()

    def __len__(self):
        return self.size

    def take(self, indices):
        self.threads.add(threading.current_thread().name)
        return x[indices % 20], indices


def test_an_epoch_visits_every_example_once():
    order = Order(23, 5, None, True)
    first, second = (order.of_epoch(epoch, jax.random.fold_in(KEY, epoch)) for epoch in range(2))
    assert sorted(first) == sorted(second) == list(range(23))
    assert list(first) != list(second)
    assert (order.batches, order.whole_batches, order.visits) == (5, 4, 23)


def test_the_order_is_kept_where_wanted():
    order = Order(23, 5, None, False)
    assert list(order.of_epoch(3, KEY)) == list(range(23))


@pytest.mark.parametrize("steps", [3, 4, 12])
def test_a_number_of_steps_draws_without_replacement_as_long_as_there_are_examples(steps):
    drawn = Order(20, 5, steps, True).of_epoch(0, KEY)
    assert len(drawn) == 5 * steps
    counts = np.bincount(drawn, minlength=20)
    assert counts.max() - counts.min() <= 1


def test_a_number_of_steps_goes_on_where_the_last_epoch_ended():
    order = Order(20, 5, 3, False)
    assert [list(order.of_epoch(epoch, KEY)) for epoch in range(2)] == [
        list(range(15)),
        [*range(15, 20), *range(10)],
    ]


def test_few_of_very_many_examples_are_drawn_without_listing_all():
    drawn = Order(10**15, 5, 4, True).of_epoch(0, KEY)
    assert len(set(drawn)) == 20


@pytest.mark.parametrize("first", [0, 2, 7])
@pytest.mark.parametrize("block_bytes", [1, 100, 10**9])
def test_loaded_batches_are_those_of_data_on_the_device(monkeypatch, first, block_bytes):
    monkeypatch.setattr("neuraxis.engine.feed._BLOCK_BYTES", block_bytes)
    batches = np.random.default_rng(0).permutation(20)[:14].reshape(7, 2)
    for feed in (Loaded(Rows(), None), Resident((jnp.asarray(x), jnp.arange(20)))):
        number = first
        for block, last in feed.blocks(batches, first):
            for i in range(number, last):
                rows, indices = block.batch(jnp.asarray(i), 2)
                np.testing.assert_array_equal(indices, batches[i])
                np.testing.assert_array_equal(rows, x[batches[i]])
            number = last
        assert number == 7


def test_blocks_have_one_shape_and_come_from_another_thread(monkeypatch):
    monkeypatch.setattr("neuraxis.engine.feed._BLOCK_BYTES", 100)
    source = Rows()
    blocks = [block for block, _ in Loaded(source, None).blocks(np.arange(14).reshape(7, 2), 0)]
    assert len({block.data[0].shape for block in blocks}) == 1
    assert len(blocks) > 1
    assert len(source.threads - {threading.current_thread().name}) == 1


@pytest.mark.parametrize(
    ("taken", "message"),
    [
        (lambda indices: x[indices], "must return a tuple of arrays .* but returned a ndarray"),
        (lambda indices: (x[:1],), r"must return a tuple of arrays .* but returned shapes \(\(1, 3\),\) for 4 indices"),
    ],
)
def test_what_a_source_gives_is_checked(taken, message):
    source = Rows()
    source.take = taken
    with pytest.raises(InputError, match=message):
        Loaded(source, None).batch(np.arange(4))


def test_an_error_of_a_source_is_raised_where_training_runs():
    source = Rows()

    def fail(indices):
        if len(indices) > 1:
            raise OSError("the disk is gone")
        return (x[indices],)

    source.take = fail
    with pytest.raises(OSError, match="the disk is gone"):
        list(Loaded(source, None).blocks(np.arange(14).reshape(7, 2), 0))


MEMORY = """
import sys
import jax, numpy as np, optax
from neuraxis.engine import descent, fit

x = np.memmap(sys.argv[1], np.float32, "r", shape=(750_000, 1000))
loss = lambda w, x, *, key: (x @ w - 1) ** 2
start = jax.numpy.zeros(1000)
resident = lambda: int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) / 1024
fit(start, descent(loss, optax.sgd(0.1)), (x[:2000],), batch_size=1000, key=jax.random.key(0), progress=None)
before = resident()
fit(start, descent(loss, optax.sgd(0.1)), (x,), steps=400, batch_size=1000, key=jax.random.key(0), progress=None)
print(resident() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the memory of the process from /proc")
def test_a_file_larger_than_what_is_taken_of_it_takes_little_memory(tmp_path):
    """3 GB, all of it zeros that take no room on the disk."""
    path = tmp_path / "large.bin"
    with path.open("wb") as file:
        file.truncate(750_000 * 4000)
    program = subprocess.run([sys.executable, "-c", MEMORY, str(path)], capture_output=True, text=True, timeout=200)
    assert program.returncode == 0, program.stderr
    assert float(program.stdout) < 300  # MB
