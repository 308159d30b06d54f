import jax
import pytest

from neuraxis.app.samples import sample
from neuraxis.data import Characters
from neuraxis.engine import checkpoint
from neuraxis.errors import CheckpointError, InputError
from neuraxis.language import Writer, modern_transformer
from neuraxis.layers import Linear

KEY = jax.random.key(0)
OPTIONS = {"prompt": "ab", "count": 5, "temperature": 0.8, "top_k": None, "top_p": None, "seed": 0}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    model = modern_transformer(3, size=8, layers=1, heads=2, context=4, key=KEY)
    checkpoint.save(folder / "model.safetensors", Writer(model, Characters("abc")))
    return folder


def test_goes_on_with_the_prompt(folder):
    text = sample(folder, **OPTIONS)
    assert text.startswith("ab")
    assert len(text) == 7
    assert set(text) <= set("abc")
    assert text == sample(folder, **OPTIONS)


@pytest.mark.slow
def test_in_another_process(neuraxis, folder):
    done = neuraxis("sample", str(folder), "--prompt", "ab", "--count", "5")
    assert (done.returncode, done.stdout) == (0, sample(folder, **OPTIONS) + "\n")
    refused = neuraxis("sample", str(folder), "--prompt", "xyz")
    assert refused.returncode == 2
    assert "Traceback" not in refused.stderr
    assert "the character 'x' at index 0" in refused.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prompt": ""}, "prompt must contain at least one character"),
        ({"prompt": "abz"}, "the character 'z' at index 2"),
        ({"count": 0}, "count must be an integer"),
        ({"temperature": -1.0}, "temperature must be finite and not negative"),
        ({"top_k": 4}, "top_k must be at most 3"),
        ({"top_p": 0.0}, "top_p must be positive"),
        ({"seed": -1}, "seed must be an integer"),
        ({"seed": 2**32}, "seed must be an integer from 0"),
    ],
)
def test_bad_options_are_refused(folder, options, message):
    with pytest.raises(InputError, match=message):
        sample(folder, **{**OPTIONS, **options})


def test_folders_without_a_language_model_are_refused(tmp_path):
    with pytest.raises(InputError, match="there is no folder"):
        sample(tmp_path / "none", **OPTIONS)
    with pytest.raises(InputError, match=r"contains no model: it has no model\.safetensors"):
        sample(tmp_path, **OPTIONS)
    checkpoint.save(tmp_path / "model.safetensors", Linear(2, 2, key=KEY))
    with pytest.raises(InputError, match="contains no language model, but a Linear"):
        sample(tmp_path, **OPTIONS)


def test_a_damaged_model_is_named(folder, tmp_path):
    whole = (folder / "model.safetensors").read_bytes()
    for damaged in (whole[:200], whole[:-8] + bytes(8), b"no model"):
        (tmp_path / "model.safetensors").write_bytes(damaged)
        with pytest.raises(CheckpointError, match=r"model\.safetensors is (damaged|not a checkpoint)"):
            sample(tmp_path, **OPTIONS)
