"""Agreement between processes, and the part of the data that each loads."""

import jax
import numpy as np
import pytest

from neuraxis.engine.hosts import agree, global_batch, local_rows
from neuraxis.engine.mesh import make_mesh
from tests.engine.processes import finish, start_together

BATCHES = """
import jax, numpy as np
from neuraxis.engine.hosts import agree, global_batch, local_rows
from neuraxis.engine.mesh import make_mesh, replicate

index, devices = jax.process_index(), len(jax.devices())
for data, model in {(devices, 1), (1, devices), (2, devices // 2)}:
    mesh = make_mesh(data, model)
    for batch_size in (4 * data, 5):
        rows = local_rows(batch_size, mesh)
        shared = data > 1 and batch_size % data == 0
        expected = np.split(np.arange(batch_size), 2)[index] if shared else np.arange(batch_size)
        np.testing.assert_array_equal(rows, expected)
        x = np.arange(3 * batch_size * 2).reshape(3, batch_size, 2)
        built, labels = global_batch((x[:, rows], x[:, rows, 0]), mesh, batch_size)
        assert built.shape == x.shape and labels.shape == x.shape[:2]
        assert built.sharding.spec[:2] == ((None, "data") if batch_size % data == 0 else ())
        np.testing.assert_array_equal(replicate(built, mesh), x)
        np.testing.assert_array_equal(replicate(labels, mesh), x[..., 0])
assert agree(3 + index, index == 1, False, index == 0) == (3, True, False, True)
assert agree(3 + index, False, index == 1, index == 1) == (3, False, True, False)
print("agreed")
"""


@pytest.mark.slow
@pytest.mark.parametrize("devices", [1, 2])
def test_two_processes_load_their_rows_and_agree(devices):
    assert [finish(process) for process in start_together(BATCHES, 2, devices=devices)] == ["agreed", "agreed"]


def test_one_process_has_nothing_to_agree_on():
    assert agree(7, True, False, True) == (7, True, False, True)
    mesh = make_mesh()
    np.testing.assert_array_equal(local_rows(5, mesh), np.arange(5))
    x = np.arange(30, dtype=np.int32).reshape(3, 5, 2)
    built = global_batch({"x": x}, mesh, 5)["x"]
    assert isinstance(built, jax.Array)
    np.testing.assert_array_equal(built, x)
