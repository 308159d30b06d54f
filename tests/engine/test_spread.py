"""Checkpoints of arrays that are spread over two processes of two devices each."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.engine import checkpoint, spread
from neuraxis.errors import CheckpointError
from tests.engine.processes import finish, start, start_together

STATE = """
import os, pathlib
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import NamedSharding, PartitionSpec
from neuraxis import files
from neuraxis.engine import archive, checkpoint
from neuraxis.engine.mesh import make_mesh, place, replicate

mesh, path, first = make_mesh(data=2, model=2), pathlib.Path(sys.argv[4]), jax.process_index() == 0
words = jax.random.key_data(jax.random.split(jax.random.key(3), 4))
words = jax.device_put(words, NamedSharding(mesh, PartitionSpec("data")))

def state(value):
    weights = {"w": jnp.full((3, 4), value), "half": jnp.full((2, 2), value, jnp.bfloat16), "b": jnp.full(3, value)}
    return {**place(weights, mesh), "keys": jax.random.wrap_key_data(words), "count": 3, "empty": jnp.zeros((0, 4)),
        "numpy": np.arange(3), "key": replicate(jax.random.key(int(value)), mesh)}

def same(a, b):
    assert a.sharding == b.sharding and a.dtype == b.dtype
    a, b = (jax.random.key_data(x) if jnp.issubdtype(x.dtype, jax.dtypes.prng_key) else x for x in (a, b))
    for mine, theirs in zip(a.addressable_shards, b.addressable_shards, strict=True):
        np.testing.assert_array_equal(mine.data, theirs.data)
"""

WRITE = """
checkpoint.save(path, {"w": np.ones(2)}, {"epoch": 0})  # a file, which becomes a folder
assert path.is_file() or not first
for epoch in (1, 2, 3):
    checkpoint.save(path, state(float(epoch)), {"epoch": epoch})
    assert checkpoint.about(path) == {"epoch": epoch}
    if first and epoch == 1:  # what killed writers leave
        (path / "arrays-9.orbax-checkpoint-tmp").mkdir()
        (path / f".state.safetensors.{files._host()}.{os.getpid()}.abc").touch()
read, wanted = checkpoint.restore(path, state(0.0)), state(3.0)
for name in ("w", "half", "keys"):
    same(read[name], wanted[name])
assert jax.random.key_data(read["key"]).tolist() == [0, 3] and read["count"] == 3 and read["empty"].shape == (0, 4)
np.testing.assert_array_equal(read["b"], np.full(3, 3.0))
assert sorted(p.name for p in path.iterdir()) == ["arrays-11", "state.safetensors"], list(path.iterdir())
part = checkpoint.load(path, state(0.0), only=lambda tree: tree["w"])
same(part["w"], wanted["w"]), same(part["half"], state(0.0)["half"])
checkpoint.save(sys.argv[4] + ".exported", replicate({"w": read["w"]}, mesh))
print("written")
"""

KILLED = """
checkpoint.save(path, state(1.0), {"epoch": 1})
if first:
    archive.write = lambda *_: os._exit(9)  # everything but the last move is done
checkpoint.save(path, state(2.0), {"epoch": 2})
"""

READ = """
import pathlib, sys
from neuraxis.engine import archive, spread
from neuraxis.errors import CheckpointError
path = pathlib.Path(sys.argv[1])
content, _ = archive.read(spread.file_of(path))
try:  # in a program of its own, since threads of orbax complain at their end, too
    spread.read(path, content, dict.fromkeys(spread.shapes(content)))
except CheckpointError as error:
    print(error)
"""


def whole():
    keys = jax.random.split(jax.random.key(0), 4)
    weights = {"w": jnp.zeros((3, 4)), "half": np.zeros((2, 2), jnp.bfloat16), "b": jnp.zeros(3)}
    return {**weights, "keys": keys, "count": 0, "empty": jnp.ones((0, 4)), "numpy": np.zeros(3, int), "key": keys[0]}


@pytest.mark.slow
def test_states_spread_over_processes_come_back(tmp_path):
    path = tmp_path / "run.safetensors"
    assert [finish(p) for p in start_together(STATE + WRITE, 2, str(path), devices=2)] == ["written", "written"]
    read = checkpoint.restore(path, whole())
    np.testing.assert_array_equal(read["w"], np.full((3, 4), 3.0))
    np.testing.assert_array_equal(read["half"], np.full((2, 2), 3.0))
    assert isinstance(read["half"], np.ndarray)
    wanted = jax.random.split(jax.random.key(3), 4)
    np.testing.assert_array_equal(jax.random.key_data(read["keys"]), jax.random.key_data(wanted))
    with pytest.raises(CheckpointError, match=r"\['w'\] should be float32\[4, 3\], but is float32\[3, 4\]"):
        checkpoint.restore(path, whole() | {"w": jnp.zeros((4, 3))})
    exported = tmp_path / "run.safetensors.exported"
    assert exported.is_file()
    np.testing.assert_array_equal(checkpoint.load(exported, {"w": jnp.zeros((3, 4))})["w"], np.full((3, 4), 3.0))
    again = checkpoint.load(path)  # made again without a tree to load into
    np.testing.assert_array_equal(again["w"], np.full((3, 4), 3.0))
    assert again["count"] == 3
    part = max(path.glob("arrays-*/**/d/*"), key=lambda file: file.stat().st_size)
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 1
    part.write_bytes(content)
    assert "is damaged: its content does not match its SHA-256" in finish(start(READ, str(path)))
    checkpoint.save(path, {"w": np.ones(2)})  # one process goes on: its state takes the folder's place
    np.testing.assert_array_equal(checkpoint.load(path, {"w": np.zeros(2)})["w"], [1, 1])


@pytest.mark.slow
def test_a_killed_write_leaves_the_old_state(tmp_path):
    path = tmp_path / "run.safetensors"
    first, second = start_together(STATE + KILLED, 2, str(path), devices=2)
    said = first.communicate(timeout=150)
    assert first.returncode == 9, said
    second.kill()
    second.communicate()
    assert checkpoint.about(path) == {"epoch": 1}
    np.testing.assert_array_equal(checkpoint.restore(path, whole())["w"], np.full((3, 4), 1.0))


def test_a_writer_that_is_killed_before_its_folder_has_its_place_loses_nothing(tmp_path, monkeypatch):
    path = tmp_path / "run.safetensors"
    checkpoint.save(path, {"w": np.ones(2)})
    monkeypatch.setattr(spread.os, "rename", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        spread._make_room(path)
    monkeypatch.undo()
    assert not path.exists()
    np.testing.assert_array_equal(checkpoint.load(path)["w"], [1, 1])
    assert spread._make_room(path) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["run.safetensors"]
    np.testing.assert_array_equal(checkpoint.load(path)["w"], [1, 1])


def test_what_one_process_holds_is_not_spread():
    assert not spread.is_spread(jnp.ones(3))
    assert not spread.is_spread(np.ones(3))
