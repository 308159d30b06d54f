"""Several devices and several processes, simulated in programs of their own since JAX fixes its devices once."""

import os
import socket
import subprocess
import sys

import jax
import pytest
from jax.sharding import AbstractMesh

from neuraxis.engine.mesh import check_batch, make_mesh, parse_mesh
from neuraxis.errors import InputError

TRAIN = """
import equinox as eqx, jax, numpy as np, optax
from neuraxis.engine import descent, fit
from neuraxis.engine.mesh import join, parse_mesh
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

TWO_PROCESSES = """
assert jax.process_count() == 2 and len(jax.devices()) == 2 and len(jax.local_devices()) == 1
shared = train(parse_mesh("data=2"))
print(f"{float(shared.history['loss'][-1]):.6f}")
"""


def start(code, setup="", **environment):
    program = TRAIN.format(setup=setup) + code
    return subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )


def finish(process):
    """Give the program's last line."""
    out, err = process.communicate(timeout=150)
    assert process.returncode == 0, err
    return out.split("\n")[-2]


@pytest.mark.slow
def test_eight_devices_give_the_result_of_one():
    assert finish(start(EIGHT_DEVICES, JAX_NUM_CPU_DEVICES="8")) == "same"


@pytest.mark.slow
def test_two_processes_give_the_result_of_one():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    processes = [start(TWO_PROCESSES, f"join({address!r}, 2, {i})", JAX_NUM_CPU_DEVICES="1") for i in range(2)]
    losses = [finish(process) for process in processes]
    alone = finish(start("print(f\"{float(train(None).history['loss'][-1]):.6f}\")"))
    assert losses[0] == losses[1]
    assert float(losses[0]) == pytest.approx(float(alone), rel=1e-4)


def test_more_devices_than_there_are_is_an_error():
    count = len(jax.devices())
    with pytest.raises(InputError, match=rf"needs {2 * count} devices, but there (is|are) {count}"):
        make_mesh(data=2 * count)


@pytest.mark.parametrize("text", ["data", "data=x", "rows=2", "data=4;model=2", "4", "data=-1", ""])
def test_a_mesh_that_is_not_understood_is_an_error(text):
    with pytest.raises(InputError, match=r"a mesh is written as data=4"):
        parse_mesh(text)


def test_zero_devices_is_an_error():
    with pytest.raises(InputError, match="data must be a whole number of at least 1"):
        parse_mesh("data=0")


def test_a_batch_that_cannot_be_shared_evenly_is_an_error():
    three = AbstractMesh((3, 1), ("data", "model"))
    check_batch(12, three)
    with pytest.raises(InputError, match="a batch of 32 cannot be shared evenly over data=3 devices; 33 can"):
        check_batch(32, three)
