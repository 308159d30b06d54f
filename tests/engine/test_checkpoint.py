import os

import equinox as eqx
import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from neuraxis.engine import checkpoint
from neuraxis.errors import CheckpointError


class Model(eqx.Module):
    weight: jax.Array
    scale: float
    function: object


tree = {
    "model": Model(jnp.arange(6.0).reshape(2, 3), 0.1, jnp.tanh),
    "count": jnp.array(3, jnp.int32),
    "ok": True,
    "host": np.arange(4, dtype=np.uint8),
    "half": jnp.ones(2, ml_dtypes.bfloat16),
    "key": jax.random.key(7),
    "nothing": None,
}


def like():
    blank = jax.tree.map(lambda x: jnp.zeros_like(x) if isinstance(x, jax.Array) and x is not tree["key"] else x, tree)
    return blank | {"key": jax.random.key(0)}


def test_round_trip(tmp_path):
    path = tmp_path / "a.safetensors"
    checkpoint.save(path, tree, {"epoch": 3, "history": [0.1, 0.2]})
    read = checkpoint.load(path, like())
    assert eqx.tree_equal(read["model"], tree["model"])
    assert read["ok"] is True
    assert read["model"].scale == 0.1
    assert read["half"].dtype == jnp.bfloat16
    assert isinstance(read["host"], np.ndarray)
    np.testing.assert_array_equal(read["host"], tree["host"])
    assert jax.random.uniform(read["key"]) == jax.random.uniform(tree["key"])
    assert checkpoint.about(path) == {"epoch": 3, "history": [0.1, 0.2]}


def test_other_programs_can_read_the_named_arrays(tmp_path):
    checkpoint.save(tmp_path / "a.safetensors", tree)
    np.testing.assert_array_equal(load_file(tmp_path / "a.safetensors")["['model'].weight"], tree["model"].weight)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_flipped_bit_is_noticed(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("flip") / "a.safetensors"
    checkpoint.save(path, tree)
    content = bytearray(path.read_bytes())
    bit = data.draw(st.integers(0, 8 * len(content) - 1))
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)
    with pytest.raises(CheckpointError):
        checkpoint.load(path, like())


@pytest.mark.parametrize("length", [0, 7, 100, -1])
def test_truncation_is_noticed(tmp_path, length):
    path = tmp_path / "a.safetensors"
    checkpoint.save(path, tree)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(CheckpointError, match="damaged"):
        checkpoint.load(path, like())


def test_what_does_not_fit_is_named(tmp_path):
    path = tmp_path / "a.safetensors"
    checkpoint.save(path, {"w": jnp.ones((2, 3))})
    with pytest.raises(CheckpointError, match=r"\['w'\] should be float32\[3, 2\], but is float32\[2, 3\]"):
        checkpoint.load(path, {"w": jnp.ones((3, 2))})
    with pytest.raises(CheckpointError, match=r"lacks .*'b'"):
        checkpoint.load(path, {"w": jnp.ones((2, 3)), "b": jnp.ones(2)})
    with pytest.raises(CheckpointError, match="holds besides"):
        checkpoint.load(path, {})


def test_foreign_and_missing_files_are_refused(tmp_path):
    save_file({"w": np.ones(2)}, tmp_path / "foreign.safetensors")
    with pytest.raises(CheckpointError, match="not a checkpoint of this program"):
        checkpoint.load(tmp_path / "foreign.safetensors", {"w": np.ones(2)})
    with pytest.raises(CheckpointError, match="there is no checkpoint"):
        checkpoint.load(tmp_path / "missing.safetensors", {})
    with pytest.raises(CheckpointError):
        checkpoint.load(tmp_path, {})


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.safetensors"
    checkpoint.save(path, {"w": jnp.ones(2)})
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        checkpoint.save(path, {"w": jnp.zeros(2)})
    np.testing.assert_array_equal(checkpoint.load(path, {"w": jnp.ones(2)})["w"], [1, 1])
    assert [p.name for p in tmp_path.iterdir()] == ["a.safetensors"]
