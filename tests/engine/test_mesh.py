"""Several devices and several processes, simulated in programs of their own since JAX fixes its devices once."""

import signal

import jax
import numpy as np
import pytest
from jax.sharding import AbstractMesh

from neuraxis.engine.mesh import check_batch, join, join_auto, make_mesh, parse_mesh
from neuraxis.errors import InputError
from tests.engine.processes import finish, free_port, start, start_together

TRAIN = """
import equinox as eqx, jax, numpy as np, optax
from neuraxis.engine import descent, fit
from neuraxis.engine.mesh import parse_mesh
from neuraxis.feedforward import classification
from neuraxis.layers import BatchNorm, Linear, Sequential

{setup}
random = np.random.default_rng(0)
x = random.normal(size=(200, 8)).astype(np.float32)
labels = (x[:, 0] > 0).astype(np.int32)

def train(mesh):
    first, last = (Linear(*sizes, key=jax.random.key(0)) for sizes in ((8, 32), (32, 4)))
    model = Sequential([first, BatchNorm(32), jax.nn.relu, last])  # its statistics are those of the whole batch
    rule = descent(classification.measuring_loss, optax.sgd(0.1))
    return fit(model, rule, (x, labels), epochs=3, batch_size=32, key=jax.random.key(1), mesh=mesh, progress=None)
"""

EIGHT_DEVICES = """
def arrays(model):
    return jax.tree.leaves(eqx.filter(model, eqx.is_array))

assert len(jax.devices()) == 8
alone = train(None)
for mesh in ("data=8", "data=4,model=2"):
    shared = train(parse_mesh(mesh))
    for a, b in zip(arrays(alone.model), arrays(shared.model)):
        assert len(b.sharding.device_set) == 8
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(alone.history["loss"], shared.history["loss"], rtol=1e-5)
assert shared.model.layers[0].weight.sharding.shard_shape((8, 32)) == (8, 16)
print("same")
"""

# Weights cut over "model" and batches over "data", from a source; the program may be killed, and goes on.
SHARED = """
import os, signal, sys
import jax, jax.numpy as jnp, numpy as np, optax
from neuraxis.engine import averaged, descent, digest, fit, training
from neuraxis.engine.mesh import parse_mesh, replicate
from neuraxis.feedforward import MLP, classification

path, mode = sys.argv[-2:]
training._SECONDS_BETWEEN_CHECKPOINTS = 0.0  # one after every call
random = np.random.default_rng(0)
x = random.normal(size=(200, 8)).astype(np.float32)
labels = (x[:, 0] > 0).astype(np.int32)
loaded = []

class Rows:
    def __len__(self):
        return len(x)

    def take(self, indices):
        loaded.append(len(indices))
        return x[indices], labels[indices]

def maybe_die(report):
    if mode == "dies" and report.step == 10:  # two of the three epochs
        os.kill(os.getpid(), signal.SIGKILL)

mesh = parse_mesh("data=2,model=2")
rule = averaged(descent(classification.loss, optax.adam(1e-2)), 0.9)
fitted = fit(MLP((8, 32, 4), key=jax.random.key(0)), rule, Rows(), epochs=3, batch_size=40, key=jax.random.key(1),
    validation=(x, labels), patience=5, mesh=mesh, progress=None, callback=maybe_die,
    checkpoint=path if mode in ("dies", "resumes") else None, resume=mode == "resumes")
weights = jax.tree.map(np.asarray, replicate(fitted.model, mesh).layers)
assert fitted.model.layers[0].weight.sharding.shard_shape((8, 32)) == (8, 16)
history = [f"{loss:.9g}" for name in sorted(fitted.history) for loss in fitted.history[name]]
norm = float(sum(np.sum(np.abs(leaf)) for leaf in jax.tree.leaves(weights)))
print(min(n for n in loaded if n > 1), digest.digest(weights)[:16], f"{norm:.9g}", *history)
"""


TWO_PROCESSES = """
assert jax.process_count() == 2 and len(jax.devices()) == 2 and len(jax.local_devices()) == 1
shared = train(parse_mesh("data=2"))
print(f"{float(shared.history['loss'][-1]):.6f}")
"""


def train(code, setup="", **environment):
    return start(TRAIN.format(setup=setup) + code, **environment)


@pytest.mark.slow
def test_eight_devices_give_the_result_of_one():
    assert finish(train(EIGHT_DEVICES, JAX_NUM_CPU_DEVICES="8")) == "same"


@pytest.mark.slow
def test_two_processes_give_the_result_of_one():
    processes = start_together(TRAIN.format(setup="") + TWO_PROCESSES, 2)
    losses = [finish(process) for process in processes]
    alone = finish(train("print(f\"{float(train(None).history['loss'][-1]):.6f}\")"))
    assert losses[0] == losses[1]
    assert float(losses[0]) == pytest.approx(float(alone), rel=1e-4)


@pytest.mark.slow
def test_two_processes_that_were_killed_go_on_to_the_result_of_one(tmp_path):
    path = str(tmp_path / "checkpoint")
    run = lambda mode: start_together(SHARED, 2, path, mode, devices=2)
    whole = [finish(process).split() for process in run("runs")]
    killed = run("dies")
    for process in killed:
        process.communicate(timeout=150)
        assert process.returncode == -signal.SIGKILL
    resumed = [finish(process).split() for process in run("resumes")]
    assert whole == [whole[0]] * 2
    assert resumed == whole  # weights and history, to the bit
    alone = finish(start(SHARED, path, "runs", JAX_NUM_CPU_DEVICES="4")).split()
    assert int(whole[0][0]) == int(alone[0]) // 2  # each process loads its own part of a batch
    np.testing.assert_allclose([float(v) for v in whole[0][2:]], [float(v) for v in alone[2:]], rtol=1e-5)


def test_more_devices_than_there_are_is_an_error():
    count = len(jax.devices())
    with pytest.raises(InputError, match=rf"needs {2 * count} devices, but there (is|are) {count}"):
        make_mesh(data=2 * count)


@pytest.mark.parametrize("text", ["data", "data=x", "data=²", "rows=2", "data=4;model=2", "4", "data=-1", ""])
def test_a_mesh_that_is_not_understood_is_an_error(text):
    with pytest.raises(InputError, match=r"a mesh must be given as data=4"):
        parse_mesh(text)


def test_zero_devices_is_an_error():
    with pytest.raises(InputError, match="data must be an integer of at least 1"):
        parse_mesh("data=0")


def test_a_batch_that_cannot_be_shared_evenly_is_an_error():
    three = AbstractMesh((3, 1), ("data", "model"))
    check_batch(12, three)
    with pytest.raises(InputError, match="a batch of 32 cannot be shared evenly over data=3 devices; 33 can"):
        check_batch(32, three)


PLACED = """
import sys
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import NamedSharding, PartitionSpec as P
from neuraxis.engine import checkpoint
from neuraxis.engine.mesh import constrain, make_mesh, place, shard_batch

mesh = make_mesh(data=2, model=2)
tree = {"w": np.arange(8.0).reshape(2, 4), "odd": jnp.ones((2, 3)), "bias": jnp.ones(4), "whole": jnp.ones((2, 2), int),
    "keys": jax.random.split(jax.random.key(0), 2), "number": 0.5, "function": jnp.tanh, "none": None}
placed = place(tree, mesh)
expected = {"w": P(None, "model"), "odd": P(), "bias": P(), "whole": P(), "keys": P()}
for name, spec in expected.items():
    leaf = placed[name]
    assert leaf.sharding.is_equivalent_to(NamedSharding(mesh, spec), leaf.ndim), (name, leaf.sharding)
assert placed["number"] == 0.5 and placed["function"] is jnp.tanh and placed["none"] is None
np.testing.assert_array_equal(placed["w"], tree["w"])
np.testing.assert_array_equal(jax.random.key_data(placed["keys"]), jax.random.key_data(tree["keys"]))

arrays = {name: placed[name] for name in expected}
kept = jax.jit(lambda tree: constrain(tree, mesh))(tree | {"function": None, "number": None})
assert all(kept[name].sharding.is_equivalent_to(arrays[name].sharding, arrays[name].ndim) for name in expected)

rows = jax.jit(lambda batch: shard_batch(batch, mesh))((np.ones((4, 3)), np.ones(3)))
assert rows[0].sharding.spec[0] == "data" and rows[1].sharding.is_fully_replicated, rows

checkpoint.save(sys.argv[1], placed)
blank = place(jax.tree.map(lambda x: x * 0, arrays | {"keys": None}), mesh) | {"keys": arrays["keys"]}
read = checkpoint.restore(sys.argv[1], placed | blank)
assert all(read[name].sharding == placed[name].sharding for name in expected)
np.testing.assert_array_equal(read["w"], tree["w"])
print("placed")
"""

JOINED = """
import jax
from neuraxis.engine.mesh import join_auto
join_auto()
print(jax.process_index(), jax.process_count(), len(jax.devices()), len(jax.local_devices()))
"""

ALONE = """
from neuraxis.engine.mesh import join_auto
try:
    join_auto()
except ValueError as error:
    print(error)
"""


@pytest.mark.slow
def test_trees_are_placed_on_a_mesh_and_return_to_it(tmp_path):
    assert finish(start(PLACED, str(tmp_path / "a"), JAX_NUM_CPU_DEVICES="4")) == "placed"


@pytest.mark.parametrize(
    "variables",
    [
        {
            "SLURM_JOB_ID": "77",
            "SLURM_STEP_NODELIST": "localhost",
            "SLURM_NTASKS": "2",
            "SLURM_PROCID": "{index}",
            "SLURM_LOCALID": "{index}",
        },
        {
            "OMPI_MCA_orte_hnp_uri": "1531576320.0;tcp://127.0.0.1:34911",
            "OMPI_COMM_WORLD_SIZE": "2",
            "OMPI_COMM_WORLD_RANK": "{index}",
            "OMPI_COMM_WORLD_LOCAL_RANK": "{index}",
        },
    ],
    ids=["slurm", "open-mpi"],
)
@pytest.mark.slow
def test_processes_of_a_cluster_join(variables):
    shared = {"JAX_COORDINATOR_PORT": free_port(), "JAX_NUM_CPU_DEVICES": "2"}
    processes = [start(JOINED, **shared, **{k: v.format(index=i) for k, v in variables.items()}) for i in range(2)]
    assert [finish(process) for process in processes] == ["0 2 4 2", "1 2 4 2"]


@pytest.mark.slow
def test_no_cluster_is_an_error():
    said = finish(start(ALONE))
    assert "no cluster was found" in said
    assert "SLURM_JOB_ID" in said
    assert "OMPI_MCA_orte_hnp_uri" in said
    assert "KUBERNETES_SERVICE_HOST" in said


def test_joining_when_jax_is_in_use_is_an_error():
    jax.devices()
    for late in (join_auto, lambda: join("localhost:9876", 2, 0)):
        with pytest.raises(InputError, match=r"the processes cannot be joined: .*must be called before"):
            late()


@pytest.mark.parametrize("address", ["", "here", ":9876", "here:", "here:0", "here:65536", "here:²", "here:-1"])
def test_an_address_without_host_and_port_is_an_error(address):
    with pytest.raises(InputError, match="the address must be HOST:PORT with a port from 1 to 65535, but is"):
        join(address, 2, 0)


def test_a_process_out_of_range_is_an_error():
    with pytest.raises(InputError, match="processes must be an integer of at least 1, but is 0"):
        join("here:9876", 0, 0)
    with pytest.raises(InputError, match="index must be an integer of at least 0, but is -1"):
        join("here:9876", 2, -1)
    with pytest.raises(InputError, match="the index of a process must be below the number of processes, 2, but is 2"):
        join("here:9876", 2, 2)
