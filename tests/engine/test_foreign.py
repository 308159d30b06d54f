import equinox as eqx
import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import save_file

from neuraxis.engine.foreign import load_foreign
from neuraxis.errors import CheckpointError, InputError
from neuraxis.layers import Dropout, Linear, Sequential
from tests.trees import equal

rng = np.random.default_rng(0)
FILE = {
    "net.0.weight": rng.normal(size=(4, 3)).astype(np.float32),  # (out, in), as PyTorch keeps it
    "net.0.bias": rng.normal(size=4).astype(np.float16),
    "net.2.weight": rng.normal(size=(2, 4)).astype(np.float32),
    "net.2.bias": rng.normal(size=2).astype(ml_dtypes.bfloat16),
    "steps": np.array(7),
}
NAMES = {
    "net.0.weight": (lambda m: m.layers[0].weight, np.transpose),
    "net.0.bias": lambda m: m.layers[0].bias,
    "net.2.weight": (lambda m: m.layers[2].weight, np.transpose),
    "net.2.bias": lambda m: m.layers[2].bias,
    "steps": None,
}


@pytest.fixture
def path(tmp_path):
    save_file(FILE, tmp_path / "foreign.safetensors")
    return tmp_path / "foreign.safetensors"


@pytest.fixture(scope="module")
def model():
    keys = jax.random.split(jax.random.key(0))
    return Sequential([Linear(3, 4, key=keys[0]), Dropout(0.5), Linear(4, 2, key=keys[1])])


def test_a_net_of_another_program_gives_what_it_gave_there(path, model):
    read = load_foreign(str(path), model, NAMES)
    x = rng.normal(size=(5, 3)).astype(np.float32)
    w1, b1, w2, b2 = (FILE[name].astype(np.float64) for name in NAMES if name != "steps")
    np.testing.assert_allclose(read(x), (x @ w1.T + b1) @ w2.T + b2, rtol=1e-5, atol=1e-6)
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(eqx.filter(read, eqx.is_array)))
    bare = load_foreign(path, eqx.filter_eval_shape(lambda: model), NAMES)
    assert equal(bare, read)


def test_a_part_is_filled_on_request(path, model):
    names = dict.fromkeys(FILE) | {name: NAMES[name] for name in ("net.0.weight", "net.0.bias")}
    read = load_foreign(path, model, names, only=lambda m: m.layers[0])
    np.testing.assert_array_equal(read.layers[0].weight, FILE["net.0.weight"].T)
    np.testing.assert_array_equal(read.layers[2].weight, model.layers[2].weight)
    with pytest.raises(CheckpointError, match=r"model: layers\[2\]\.bias is not filled; layers\[2\]\.weight is not f"):
        load_foreign(path, model, names)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"net.0.weight": lambda m: m.layers[0].weight},
            r"layers\[0\]\.weight should be float32\[3, 4\], but 'net",
        ),
        ({"net.0.weight": lambda m: m.layers[0].weight}, r"transposed it fits: \(place, np\.transpose\)"),
        ({"net.9.bias": None}, r"it lacks 'net\.9\.bias'"),
        ({"steps": ...}, r"'steps' has no place \(None ignores it\)"),
        (
            {"net.2.bias": lambda m: m.layers[0].bias},
            r"layers\[0\]\.bias is filled twice; layers\[2\]\.bias is not",
        ),
        (
            {"net.0.bias": (lambda m: m.layers[0].bias, lambda b: b.astype(np.float64))},
            r"layers\[0\]\.bias is float32, which cannot hold 'net\.0\.bias' of float64; \(place, lambda w: w\.astype",
        ),
    ],
)
def test_all_that_does_not_match_is_said(path, model, changes, message):
    names = {name: place for name, place in (NAMES | changes).items() if place is not ...}
    with pytest.raises(CheckpointError, match=message):
        load_foreign(path, model, names)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": lambda m: m.layers}, r"the place of 'steps' must be one array of the model, but is layers\[0\]"),
        ({"steps": lambda m: m.layers[1].rate}, r"'steps' must be one array of the model, but is layers\[1\]\.rate"),
        ({"steps": lambda m: m.nothing}, "the place of 'steps' must pick parts of the model"),
        ({"steps": "bias"}, "the place of 'steps' must be a function, but is 'bias'"),
        ({"steps": (lambda m: m.layers[0].bias, 2)}, "the change of 'steps' must be a function, but is 2"),
        ({"steps": (lambda m: m.layers[0].bias, lambda w: w[3])}, r"the change of 'steps', int64\[\], fails: too many"),
    ],
)
def test_a_bad_map_is_refused(path, model, changes, message, as_user):
    with pytest.raises(InputError, match=message):
        load_foreign(path, model, NAMES | changes)


def test_files_of_other_formats_are_refused(tmp_path, model, as_user):
    with pytest.raises(CheckpointError, match="there is no file"):
        load_foreign(tmp_path / "none", model, NAMES)
    (tmp_path / "pickle").write_bytes(b"\x80\x02}q\x00.")
    for path in (tmp_path / "pickle", tmp_path):
        with pytest.raises(CheckpointError, match="is not a safetensors file, or is damaged"):
            load_foreign(path, model, NAMES)
    with pytest.raises(InputError, match=r"path must be a path, as text or .*, but is None"):
        load_foreign(None, model, NAMES)
    with pytest.raises(InputError, match="names must map names in the file to places in the model"):
        load_foreign(tmp_path, model, [])
