"""Several devices and several hosts: a mesh with the axes "data" (the batch is cut) and "model" (the weights are cut).

Everything is said by shardings on the arrays; XLA inserts the communication. One program runs on one CPU, on a GPU,
on eight devices, or on the devices of many hosts.
"""

import math

import jax
import numpy as np
from jax.sharding import AbstractMesh, AxisType, Mesh, NamedSharding, PartitionSpec
from jaxtyping import PyTree

from neuraxis import check
from neuraxis.errors import InputError


def make_mesh(data: int = 1, model: int = 1) -> Mesh:
    """Arrange the first data · model devices (of all hosts) in a mesh.

    Raises:
        InputError: where there are fewer devices.
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
        InputError: for anything else, or where there are fewer devices.
    """
    sizes = dict.fromkeys(("data", "model"), 1)
    for part in text.split(","):
        axis, _, size = part.strip().partition("=")
        if axis not in sizes or not size.isdigit():
            raise InputError(f"a mesh is written as data=4 or data=4,model=2, but received {text!r}")
        sizes[axis] = int(size)
    return make_mesh(**sizes)


def join(address: str, processes: int, index: int) -> None:
    """Join `processes` processes into one program; call it in each of them before anything else uses JAX.

    Args:
        address: host:port of process 0.
        processes: how many there are.
        index: which of them this is, from 0.
    """
    jax.distributed.initialize(address, processes, index)


def replicate(tree: PyTree, mesh: Mesh) -> PyTree:
    """Put a copy of every array on every device."""
    return jax.device_put(tree, NamedSharding(mesh, PartitionSpec()))


def shard_weights(tree: PyTree, mesh: Mesh) -> PyTree:
    """Cut the last axis of every array of two or more axes over "model", where it divides; copy the others."""
    size = mesh.shape["model"]

    def place(x):
        cut = x.ndim >= 2 and x.shape[-1] % size == 0
        spec = PartitionSpec(*[None] * (x.ndim - 1), "model") if cut else PartitionSpec()
        return jax.device_put(x, NamedSharding(mesh, spec))

    return jax.tree.map(place, tree)


def shard_batch(batch: PyTree, mesh: Mesh) -> PyTree:
    """Inside a compiled program: cut the leading axis of every array over "data"."""
    return jax.lax.with_sharding_constraint(batch, NamedSharding(mesh, PartitionSpec("data")))


def check_batch(batch_size: int, mesh: Mesh | AbstractMesh) -> None:
    """Say so where a batch cannot be cut evenly.

    Raises:
        InputError: where the mesh's "data" axis does not divide the batch size.
    """
    if batch_size % mesh.shape["data"]:
        near = math.ceil(batch_size / mesh.shape["data"]) * mesh.shape["data"]
        raise InputError(
            f"a batch of {batch_size} cannot be shared evenly over data={mesh.shape['data']} devices; {near} can"
        )


def place(tree, mesh):
    return shard_weights(tree, mesh)


def constrain(tree, mesh):
    def one(x):
        size = mesh.shape["model"]
        cut = x.ndim >= 2 and x.shape[-1] % size == 0
        return jax.lax.with_sharding_constraint(
            x, NamedSharding(mesh, PartitionSpec(*[None] * (x.ndim - 1), "model") if cut else PartitionSpec())
        )

    return jax.tree.map(one, tree)
