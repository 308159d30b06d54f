import os
import signal

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
from neuraxis.engine.mesh import make_mesh, place
from neuraxis.errors import CheckpointError, InputError
from neuraxis.layers import Dropout, Linear, Sequential
from tests.trees import equal


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
    read = checkpoint.restore(path, like())
    assert equal(read["model"], tree["model"])
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
    with pytest.raises(CheckpointError, match=r"it lacks \"\['b'\]\"; \['w'\] should be float32\[\], but is fl"):
        checkpoint.load(path, {"w": jnp.ones(()), "b": jnp.ones(2)})
    with pytest.raises(CheckpointError, match=r"lacks \"\['4'\]\"; and 4 more$"):
        checkpoint.load(path, {str(i): 0.0 for i in range(8)})
    with pytest.raises(CheckpointError, match="it also contains"):
        checkpoint.load(path, {})


def test_foreign_and_missing_files_are_refused(tmp_path):
    save_file({"w": np.ones(2)}, tmp_path / "foreign.safetensors")
    with pytest.raises(CheckpointError, match="not a checkpoint of this version of neuraxis: its format is None"):
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


NUMBERS = [bool, "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16"]
NARROW = [t for name, t in vars(ml_dtypes).items() if name.startswith(("bfloat", "float", "int", "uint"))]


@st.composite
def arrays(draw):
    """An array of any type and byte order, with strides of any order, size and sign."""
    dtype = np.dtype(draw(st.sampled_from(NUMBERS + NARROW)))
    shape = draw(st.lists(st.integers(0, 4), max_size=3))  # () is one number
    steps = draw(st.lists(st.sampled_from([-2, -1, 1, 2]), min_size=len(shape), max_size=len(shape)))
    rng, doubled = np.random.default_rng(draw(st.integers(0, 9))), [2 * n for n in shape]
    values = rng.integers(0, 2, doubled).astype(dtype)
    if dtype.kind in "iufc":  # any pattern of bits, with NaN, infinity and negative zero
        values = np.frombuffer(rng.bytes(values.nbytes), dtype).reshape(doubled)
    view = values[tuple(slice(None, None, step) for step in steps)]
    view = view[tuple(slice(0, n) for n in shape)].transpose(draw(st.permutations(range(len(shape)))))
    swap = dtype.kind in "iufc" and draw(st.booleans())
    return np.asarray(view.astype(dtype.newbyteorder(">"), order="K") if swap else view)


@settings(max_examples=200)
@given(array=arrays())
def test_every_array_comes_back(tmp_path_factory, array):
    path = tmp_path_factory.mktemp("array") / "a.safetensors"
    checkpoint.save(path, {"a": array, "rest": np.arange(3)})
    read = checkpoint.restore(path, {"a": np.zeros_like(array), "rest": np.zeros(3, int)})
    assert read["a"].dtype == array.dtype
    assert read["a"].tobytes() == array.tobytes()
    np.testing.assert_array_equal(read["rest"], [0, 1, 2])
    read["a"][...] = 0  # it can be written to
    again = checkpoint.load(path)["a"]
    assert (again.dtype.name, again.shape) == (array.dtype.name, array.shape)
    assert again.tobytes() == array.astype(array.dtype.newbyteorder("=")).tobytes()


@pytest.mark.parametrize("kind", [np.float32, np.float16, np.int64, np.uint8, np.bool_, np.complex64])
def test_scalars_of_numpy_come_back(tmp_path, kind):
    checkpoint.save(tmp_path / "a", {"x": kind(1)})
    read = checkpoint.restore(tmp_path / "a", {"x": kind(0)})["x"]
    assert type(read) is kind
    assert read == 1
    with pytest.raises(CheckpointError, match=r"'x'\] should be of type str, but is "):
        checkpoint.restore(tmp_path / "a", {"x": "text"})


@pytest.mark.parametrize("value", [True, 3, 2**70, 0.1, float("inf"), 1 - 2j, "Größe", np.float64(0.1)])
def test_numbers_and_texts_come_back(tmp_path, value):
    checkpoint.save(str(tmp_path / "a"), {"x": value})
    read = checkpoint.restore(str(tmp_path / "a"), {"x": type(value)()})["x"]
    assert read == value
    assert type(read) is type(value)


def test_a_number_does_not_change_its_kind(tmp_path, as_user):
    checkpoint.save(tmp_path / "a", {"x": 20.5})
    for wrong, kind in ((3, "int"), (True, "bool"), (1j, "complex"), ("", "str")):
        with pytest.raises(CheckpointError, match=rf"'x'\] should be of type {kind}, but is 20.5"):
            checkpoint.restore(tmp_path / "a", {"x": wrong})
    with pytest.raises(CheckpointError, match=r"'x'\] should be float32\[\], but is 20.5"):
        checkpoint.restore(tmp_path / "a", {"x": jnp.zeros(())})
    checkpoint.save(tmp_path / "a", {"x": 15})
    assert checkpoint.restore(tmp_path / "a", {"x": 0.0}) == {"x": 15.0}


def test_what_cannot_be_stored_is_named(tmp_path):
    for leaf in (
        object(),
        np.array(["text"]),
        np.ones(2, np.longdouble),
        np.ma.ones(2),
        jax.ShapeDtypeStruct((2,), int),
    ):
        with pytest.raises(CheckpointError, match=r"'x'\]\[0\] is a \w+.*, which a checkpoint cannot hold"):
            checkpoint.save(tmp_path / "a", {"x": [leaf]})
    assert not (tmp_path / "a").exists()


def test_equal_content_gives_equal_bytes(tmp_path):
    for name in "ab":
        checkpoint.save(tmp_path / name, tree, {"epoch": 3, "history": [0.1]})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("kind", ["threefry2x32", "rbg"])
def test_keys_are_loaded_into_bare_shapes(tmp_path, kind):
    def make():
        return {"key": jax.random.key(5, impl=kind), "keys": jax.random.split(jax.random.key(1, impl=kind), (2, 3))}

    checkpoint.save(tmp_path / "a", make())
    read = checkpoint.restore(tmp_path / "a", eqx.filter_eval_shape(make))
    jax.tree.map(np.testing.assert_array_equal, *jax.tree.map(jax.random.key_data, (read, make())))
    with pytest.raises(CheckpointError, match=r"'key'\] should be key<\w+>\[\], but is key<\w+>\[\]"):
        checkpoint.restore(tmp_path / "a", make() | {"key": jax.random.key(5, impl="unsafe_rbg")})


def test_a_model_is_loaded_ready_for_use(tmp_path):
    model = Sequential([Linear(2, 3, key=jax.random.key(0)), Dropout(0.5)])
    assert not model.layers[1].inference
    checkpoint.save(tmp_path / "a", model)
    assert checkpoint.load(tmp_path / "a", model).layers[1].inference
    assert not checkpoint.restore(tmp_path / "a", model).layers[1].inference


def test_arrays_get_the_shardings_of_the_tree_they_are_loaded_into(tmp_path):
    mesh = make_mesh()
    like = place({"w": jnp.zeros((2, 3)), "key": jax.random.key(0), "alone": jnp.zeros(2)}, mesh) | {
        "alone": jnp.ones(2)
    }
    checkpoint.save(tmp_path / "a", {"w": np.ones((2, 3), np.float32), "key": jax.random.key(4), "alone": jnp.ones(2)})
    read = checkpoint.restore(tmp_path / "a", like)
    assert all(read[name].sharding == like[name].sharding for name in like)
    assert not read["alone"].committed


def test_double_precision_is_not_lost_in_silence(tmp_path):
    checkpoint.save(tmp_path / "a", {"x": np.full(2, 0.1)})
    with pytest.raises(CheckpointError, match="jax_enable_x64"):
        checkpoint.restore(tmp_path / "a", {"x": jax.ShapeDtypeStruct((2,), np.float64)})


def test_digests_that_differ_are_named(tmp_path):
    stored = {"data": "a", "model": "b", "rule": "c"}
    checkpoint.check_same("run", stored, stored)
    with pytest.raises(
        CheckpointError, match="run belongs to another run, whose rule differed from what is given here"
    ):
        checkpoint.check_same("run", stored, stored | {"rule": "x"})
    with pytest.raises(CheckpointError, match="whose data, rule and settings differed"):
        checkpoint.check_same("run", stored, {"data": "x", "model": "b", "rule": "y", "settings": "z"})


def test_a_checkpoint_of_the_first_format_is_refused_by_name(tmp_path):
    save_file({"w": np.ones(2)}, tmp_path / "a", metadata={"format": "neuraxis checkpoint 1"})
    with pytest.raises(CheckpointError, match="its format is 'neuraxis checkpoint 1' instead of"):
        checkpoint.about(tmp_path / "a")


def test_interrupts_wait_until_the_write_is_done(tmp_path, monkeypatch):
    old = signal.signal(signal.SIGINT, signal.default_int_handler)
    replace = os.replace

    def interrupted(*names):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        replace(*names)

    monkeypatch.setattr(os, "replace", interrupted)
    try:
        with pytest.raises(KeyboardInterrupt):
            checkpoint.save(tmp_path / "a", {"w": np.ones(2)})
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, old)
    assert [p.name for p in tmp_path.iterdir()] == ["a"]
    np.testing.assert_array_equal(checkpoint.load(tmp_path / "a", {"w": np.zeros(2)})["w"], [1, 1])


def test_a_model_is_made_again_without_one(tmp_path):
    model = Sequential([Linear(2, 3, key=jax.random.key(0)), jnp.tanh, Dropout(0.5)])
    checkpoint.save(
        tmp_path / "a", {"model": model, "key": jax.random.key(3), "numpy": np.arange(3), "none": None, "scale": 1 - 2j}
    )
    read = checkpoint.load(tmp_path / "a")
    assert equal(read["model"], eqx.nn.inference_mode(model))
    assert type(read["numpy"]) is np.ndarray
    assert jax.random.uniform(read["key"]) == jax.random.uniform(jax.random.key(3))
    assert (read["none"], read["scale"]) == (None, 1 - 2j)
    checkpoint.save(tmp_path / "a", Model(jnp.ones(2), 0.5, lambda x: x))
    with pytest.raises(CheckpointError, match=r"load\(path, model\): the model\.function is .*<lambda>, which was not"):
        checkpoint.load(tmp_path / "a")


def test_a_part_is_read_on_request(tmp_path):
    keys = jax.random.split(jax.random.key(0), 4)
    checkpoint.save(tmp_path / "a", Sequential([Linear(2, 3, key=keys[0]), Linear(3, 5, key=keys[1])]))
    other = Sequential([Linear(2, 3, key=keys[2]), Linear(3, 4, key=keys[3]), Dropout(0.5)])
    read = checkpoint.load(tmp_path / "a", other, only=lambda model: model.layers[0])
    whole = checkpoint.load(tmp_path / "a")
    assert equal(read.layers[0], whole.layers[0])
    assert equal(read.layers[1], other.layers[1])
    assert read.layers[2].inference
    biases = checkpoint.load(tmp_path / "a", other, only=lambda model: [model.layers[0].bias])
    assert equal(biases.layers[0].weight, other.layers[0].weight)
    with pytest.raises(CheckpointError) as error:
        checkpoint.load(tmp_path / "a", other, only=lambda model: model.layers)
    assert str(error.value).endswith(
        "it lacks 'layers[2].inference'; it lacks 'layers[2].rate'; layers[1].bias should be float32[4], but is "
        "float32[5]; layers[1].weight should be float32[3, 4], but is float32[3, 5]"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"path": None}, "path must be a path, as text or .*, but is None"),
        ({"path": ""}, "path must be a path"),
        ({"path": "a\0"}, "path must be a path"),
        ({"path": b"a"}, "path must be a path"),
        ({"like": None}, "only picks a part of a model, so the model must be given"),
        ({"only": "w"}, "only must be a function, but is 'w'"),
        ({"only": lambda tree: tree.nothing}, "only must pick parts of the model"),
        ({"only": lambda tree: tree["f"]}, "only must pick something that a checkpoint can hold, but picks nothing"),
        ({"own": (Model,)}, "own must be given only without a model to load into, but one is given"),
        ({"like": None, "only": None, "own": 3}, "own must be classes and functions, as in .*, but is 3"),
        ({"like": None, "only": None, "own": ["Model"]}, "own must be classes and functions"),
    ],
)
def test_bad_arguments_are_named(tmp_path, arguments, message, as_user):
    good = {"path": tmp_path / "a", "like": {"w": jnp.ones(2), "f": jnp.tanh}, "only": lambda tree: tree["w"]}
    checkpoint.save(good["path"], good["like"])
    given = good | arguments
    with pytest.raises(InputError, match=message):
        checkpoint.load(given.pop("path"), given.pop("like"), **given)


def test_what_cannot_be_saved_is_refused(tmp_path, as_user):
    with pytest.raises(InputError, match=r"about must be a dict, but is \[1\]"):
        checkpoint.save(tmp_path / "a", {}, [1])
    with pytest.raises(InputError, match="about must be what JSON can represent, but Object of type Array"):
        checkpoint.save(tmp_path / "a", {}, {"loss": jnp.ones(())})
    with pytest.raises(CheckpointError, match="must be a file, but is a folder without a checkpoint"):
        checkpoint.save(tmp_path, {"w": np.ones(2)})
    gone = jnp.ones(2)
    gone.delete()
    with pytest.raises(CheckpointError, match=r"\['w'\] has been deleted"):
        checkpoint.save(tmp_path / "a", {"w": gone})
    with pytest.raises(CheckpointError, match="is being traced"):
        jax.jit(lambda w: checkpoint.save(tmp_path / "a", w))(jnp.ones(2))
    assert list(tmp_path.iterdir()) == []
