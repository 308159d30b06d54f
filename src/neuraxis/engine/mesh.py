"""Parallelism over devices and hosts: a mesh with the axes "data" (shards the batch) and "model" (shards the weights).

Arrays carry their shardings, and XLA inserts the communication. The same program runs on one CPU, on a GPU, on eight
devices, or on the devices of many hosts.
"""

import math
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.lax import with_sharding_constraint
from jax.sharding import AbstractMesh, AxisType, Mesh, NamedSharding, PartitionSpec
from jaxtyping import PyTree

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.values import is_key


def make_mesh(data: int = 1, model: int = 1) -> Mesh:
    """Arrange the first data · model devices (of all hosts) in a mesh.

    Raises:
        InputError: if there are fewer devices.
    """
    check.whole(data=data, model=model)
    devices = jax.devices()
    if data * model > len(devices):
        raise InputError(
            f"a mesh of data={data}, model={model} needs {data * model} devices, but there "
            f"{'is' if len(devices) == 1 else 'are'} {len(devices)} ({devices[0].platform}); the environment variable "
            f"JAX_NUM_CPU_DEVICES={data * model} makes a CPU appear as that many"
        )
    grid = np.array(devices[: data * model]).reshape(data, model)
    return Mesh(grid, ("data", "model"), axis_types=(AxisType.Auto, AxisType.Auto))


def parse_mesh(text: str) -> Mesh:
    """Make a mesh from its description, such as "data=4" or "data=4,model=2".

    Raises:
        InputError: for any other description, or if there are fewer devices.
    """
    sizes = dict.fromkeys(("data", "model"), 1)
    for part in text.split(","):
        axis, _, size = part.strip().partition("=")
        if axis not in sizes or not size.isdecimal():
            raise InputError(f"a mesh must be given as data=4 or data=4,model=2, but is {text!r}")
        sizes[axis] = int(size)
    return make_mesh(**sizes)


def join(address: str, processes: int, index: int) -> None:
    """Join `processes` processes into one program; call this in each of them before anything else uses JAX.

    Args:
        address: HOST:PORT of process 0.
        processes: number of processes.
        index: index of this process, from 0.

    Raises:
        InputError: for an invalid address, number or index, or if JAX is already in use.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or not 1 <= int(port) <= 65535:
        raise InputError(f"the address must be HOST:PORT with a port from 1 to 65535, but is {address!r}")
    check.whole(processes=processes)
    check.whole(0, index=index)
    if index >= processes:
        raise InputError(f"the index of a process must be below the number of processes, {processes}, but is {index}")
    _initialize(coordinator_address=address, num_processes=processes, process_id=index)


def join_auto() -> None:
    """Join the processes that SLURM, Open MPI or Kubernetes started together, as `join` does.

    They are described by environment variables: SLURM_JOB_ID, SLURM_STEP_NODELIST, SLURM_NTASKS, SLURM_PROCID and
    SLURM_LOCALID; or OMPI_MCA_orte_hnp_uri and OMPI_COMM_WORLD_SIZE, _RANK and _LOCAL_RANK; or KUBERNETES_SERVICE_HOST
    and JOB_COMPLETION_INDEX, for which `pip install "jax[k8s]"` is needed. JAX_COORDINATOR_PORT selects another port.

    Raises:
        InputError: if none of these is found, or JAX is already in use.
    """
    _initialize()


def _initialize(**settings: Any) -> None:
    try:
        jax.distributed.initialize(**settings)
    except (ValueError, KeyError, RuntimeError) as error:
        if "coordinator_address should be defined" in str(error):
            raise InputError(
                "no cluster was found whose processes could be joined: neither SLURM's variables (SLURM_JOB_ID, "
                "SLURM_STEP_NODELIST, SLURM_NTASKS, SLURM_PROCID, SLURM_LOCALID), nor Open MPI's "
                "(OMPI_MCA_orte_hnp_uri), nor Kubernetes' (KUBERNETES_SERVICE_HOST, with jax[k8s] installed) are set"
            ) from None
        raise InputError(f"the processes cannot be joined: {error}") from error


def replicate(tree: PyTree, mesh: Mesh) -> PyTree:
    """Put a copy of every array on every device."""
    return _put(tree, lambda leaf: NamedSharding(mesh, PartitionSpec()))


def place(tree: PyTree, mesh: Mesh) -> PyTree:
    """Put the arrays of a tree on the devices of a mesh: models, optimiser states, statistics, random keys.

    The last axis of floating-point arrays with two or more axes is sharded over "model" if that divides it. All other
    arrays are replicated on every device. Other leaves are unchanged.
    """
    return _put(tree, lambda leaf: _sharding(leaf, mesh))


def constrain(tree: PyTree, mesh: Mesh) -> PyTree:
    """Constrain the arrays of a tree to the shardings of `place`, inside a compiled program."""
    arrays, rest = eqx.partition(tree, eqx.is_array)
    return eqx.combine(jax.tree.map(lambda x: with_sharding_constraint(x, _sharding(x, mesh)), arrays), rest)


def batch_sharding(mesh: Mesh) -> NamedSharding:
    """Return the sharding of a batch: its leading axis is sharded over "data"."""
    return NamedSharding(mesh, PartitionSpec("data"))


def shard_batch(batch: PyTree, mesh: Mesh) -> PyTree:
    """Shard the leading axis of every array over "data" if that divides it, else replicate; in a compiled program."""

    def shard(x):
        even = x.shape[0] % mesh.shape["data"] == 0
        return with_sharding_constraint(x, batch_sharding(mesh) if even else NamedSharding(mesh, PartitionSpec()))

    return jax.tree.map(shard, batch)


def _sharding(x: Any, mesh: Mesh) -> NamedSharding:
    weights = x.ndim >= 2 and jnp.issubdtype(x.dtype, jnp.floating)
    cut = weights and x.shape[-1] % mesh.shape["model"] == 0
    return NamedSharding(mesh, PartitionSpec(*[None] * (x.ndim - 1), "model") if cut else PartitionSpec())


def _put(tree: PyTree, sharding: Callable[[Any], NamedSharding]) -> PyTree:
    def put(leaf):
        if is_key(leaf):
            # The key data instead, since JAX cannot put keys on the devices of other processes.
            words = jax.device_put(jax.random.key_data(leaf), sharding(leaf))
            return jax.random.wrap_key_data(words, impl=jax.random.key_impl(leaf))
        return jax.device_put(leaf, sharding(leaf)) if isinstance(leaf, jax.Array | np.ndarray) else leaf

    return jax.tree.map(put, tree)


def check_batch(batch_size: int, mesh: Mesh | AbstractMesh) -> None:
    """Check that a batch can be sharded evenly.

    Raises:
        InputError: if the axis "data" of the mesh does not divide the batch size, or `mesh` is not such a mesh.
    """
    if not isinstance(mesh, Mesh | AbstractMesh) or set(mesh.shape) != {"data", "model"}:
        raise InputError(f"mesh must be one of neuraxis.engine.make_mesh(data, model), but is {check.received(mesh)}")
    if batch_size % mesh.shape["data"]:
        near = math.ceil(batch_size / mesh.shape["data"]) * mesh.shape["data"]
        raise InputError(
            f"a batch of {batch_size} cannot be shared evenly over data={mesh.shape['data']} devices; {near} can"
        )
