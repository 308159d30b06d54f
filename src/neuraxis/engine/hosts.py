"""What several processes, each on its host, must agree on, and which part of the data each of them loads.

With one process all of this is what it would be without.
"""

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Int, PyTree

from neuraxis.engine.mesh import batch_sharding


def agree(steps: int, cancel: bool, interrupt: bool, save: bool) -> tuple[int, bool, bool, bool]:
    """Agree with all processes, which must call it together, on what comes next.

    Args:
        steps: how many steps to take in the next call.
        cancel: whether to end here.
        interrupt: whether to be interrupted.
        save: whether to save.

    Returns:
        The steps and `save` of process 0; `cancel` and `interrupt` if any process asks for it.
    """
    if jax.process_count() == 1:
        return steps, cancel, interrupt, save
    from jax.experimental.multihost_utils import process_allgather

    everyone = process_allgather(np.array([steps, cancel, interrupt, save], np.int32))
    return int(everyone[0, 0]), bool(everyone[:, 1].any()), bool(everyone[:, 2].any()), bool(everyone[0, 3])


def local_rows(batch_size: int, mesh: Mesh) -> Int[np.ndarray, " local"]:
    """Say which rows of every batch this process loads: those of its devices, or all if "data" cannot cut them."""
    if batch_size % mesh.shape["data"]:
        return np.arange(batch_size)
    parts = batch_sharding(mesh).addressable_devices_indices_map((batch_size,))
    return np.unique([np.arange(batch_size)[rows] for rows in parts.values()])


def global_batch(local: PyTree, mesh: Mesh, batch_size: int) -> PyTree:
    """Build arrays on all devices from the rows that each process loaded; all processes call it together.

    Args:
        local: arrays shaped (batches, rows, …), of the rows that `local_rows` names.
        mesh: devices; the axis of rows is cut over "data", where that divides it.
        batch_size: rows in all processes together.
    """
    even = batch_size % mesh.shape["data"] == 0
    sharding = NamedSharding(mesh, PartitionSpec(None, "data") if even else PartitionSpec())

    def build(rows):
        shape = (rows.shape[0], batch_size, *rows.shape[2:])
        return jax.make_array_from_process_local_data(sharding, np.asarray(rows), shape)

    return jax.tree.map(build, local)
