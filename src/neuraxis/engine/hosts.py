"""Coordination of several processes, each on its host: common decisions, and the part of the data that each loads.

With a single process none of this has an effect.
"""

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Int, PyTree

from neuraxis.engine.mesh import batch_sharding


def agree(steps: int, cancel: bool, interrupt: bool, save: bool) -> tuple[int, bool, bool, bool]:
    """Agree with the other processes, which must call this together, on what to do next.

    Args:
        steps: number of steps to take in the next call.
        cancel: whether to end training.
        interrupt: whether to raise an interrupt.
        save: whether to save a checkpoint.

    Returns:
        `steps` and `save` of process 0; `cancel` and `interrupt` if requested by any process.
    """
    if jax.process_count() == 1:
        return steps, cancel, interrupt, save
    from jax.experimental.multihost_utils import process_allgather

    everyone = process_allgather(np.array([steps, cancel, interrupt, save], np.int32))
    return int(everyone[0, 0]), bool(everyone[:, 1].any()), bool(everyone[:, 2].any()), bool(everyone[0, 3])


def local_rows(batch_size: int, mesh: Mesh) -> Int[np.ndarray, " local"]:
    """Return the rows of each batch that this process loads: those of its devices, or all if "data" does not divide."""
    if batch_size % mesh.shape["data"]:
        return np.arange(batch_size)
    parts = batch_sharding(mesh).addressable_devices_indices_map((batch_size,))
    return np.unique([np.arange(batch_size)[rows] for rows in parts.values()])


def global_batch(local: PyTree, mesh: Mesh, batch_size: int) -> PyTree:
    """Build arrays on all devices from the rows that each process has loaded; all processes call this together.

    Args:
        local: arrays of shape (batches, rows, …), with the rows of `local_rows`.
        mesh: devices; the axis of rows is sharded over "data" if that divides it.
        batch_size: total number of rows in all processes.
    """
    even = batch_size % mesh.shape["data"] == 0
    sharding = NamedSharding(mesh, PartitionSpec(None, "data") if even else PartitionSpec())

    def build(rows):
        shape = (rows.shape[0], batch_size, *rows.shape[2:])
        return jax.make_array_from_process_local_data(sharding, np.asarray(rows), shape)

    return jax.tree.map(build, local)
