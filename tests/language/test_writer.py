import jax
import numpy as np
import pytest

from neuraxis.data import BytePairs, Characters
from neuraxis.engine import checkpoint
from neuraxis.errors import InputError
from neuraxis.language import Writer, generate, transformer_2017

KEY = jax.random.key(0)
ALPHABET = "\n abcdefg"


@pytest.fixture(scope="module")
def model():
    return transformer_2017(len(ALPHABET), size=8, layers=1, heads=2, context=6, key=KEY)


def test_writes_text_and_comes_back_from_a_file(model, tmp_path):
    writer = Writer(model, Characters(ALPHABET))
    written = writer.write("abba cafe", 5, key=KEY, top_k=3)
    expected = generate(model, writer.tokenizer.encode("a cafe"), 5, key=KEY, top_k=3)
    assert written == writer.tokenizer.decode(np.asarray(expected))
    checkpoint.save(tmp_path / "model.safetensors", writer)
    again = checkpoint.load(tmp_path / "model.safetensors")
    assert isinstance(again, Writer)
    assert again.write("abba cafe", 5, key=KEY, top_k=3) == written


def test_byte_pairs_come_back_from_a_file(tmp_path):
    pairs = BytePairs.of("a text with äöü", 260)
    model = transformer_2017(pairs.size, size=8, layers=1, heads=2, context=6, key=KEY)
    checkpoint.save(tmp_path / "model.safetensors", Writer(model, pairs))
    again = checkpoint.load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(again.tokenizer.encode("ä text"), pairs.encode("ä text"))


def test_bad_input_is_refused(as_user, model):
    with pytest.raises(InputError, match="tokenizer must have at most the 9 tokens of the model, but has 10"):
        Writer(model, Characters(ALPHABET + "h"))
    with pytest.raises(InputError, match="tokenizer must be a Tokenizer"):
        Writer(model, ALPHABET)
    with pytest.raises(InputError, match="model must be a LanguageModel"):
        Writer(None, Characters(ALPHABET))
    with pytest.raises(InputError, match="the character 'z' at index 0"):
        Writer(model, Characters(ALPHABET)).write("z", 3, key=KEY)
    with pytest.raises(InputError, match="prompt must contain 1 to 6 tokens"):
        Writer(model, Characters(ALPHABET)).write("", 3, key=KEY)
