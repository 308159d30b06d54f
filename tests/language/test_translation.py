import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.engine import simulate
from neuraxis.errors import InputError
from neuraxis.language import EncoderDecoder, TargetDecoding, translate

KEY = jax.random.key(0)
LENGTH = 8
random = np.random.default_rng(0)
source = random.integers(3, 12, (5, 7))
source[1, 4:] = source[2] = 0


@pytest.fixture(scope="module")
def model():
    return EncoderDecoder(12, 9, size=16, layers=2, heads=2, hidden_size=32, key=KEY)


@pytest.fixture(scope="module")
def written(model):
    return translate(model, source, length=LENGTH)


def test_the_cache_gives_what_recomputation_gives(model):
    target = random.integers(0, 9, (5, LENGTH))
    trace = simulate(TargetDecoding(model, source, length=LENGTH), target.T)
    np.testing.assert_allclose(np.moveaxis(trace.record, 0, 1), eqx.filter_jit(model)((source, target)), atol=1e-5)


def test_each_token_is_the_most_probable_after_those_before(model, written):
    target = np.concatenate([np.full((5, 1), model.begin), written[:, :-1]], axis=1)
    best = np.argmax(eqx.filter_jit(model)((source, target)), axis=-1)
    ended = np.cumsum(written == model.end, axis=1) - (written == model.end) > 0
    np.testing.assert_array_equal(written[~ended], best[~ended])
    np.testing.assert_array_equal(written[ended], model.padding)
    assert ended.any()
    assert not ended.all(1).any()


def test_one_source_and_none(model, written):
    np.testing.assert_array_equal(translate(model, source[0], length=LENGTH), written[0])
    assert translate(model, source[:0], length=LENGTH).shape == (0, LENGTH)
    np.testing.assert_array_equal(translate(model, source[2, :0], length=LENGTH), written[2])


@pytest.mark.slow
def test_draws_follow_the_probabilities(model):
    many = np.broadcast_to(source[0], (4000, 7))
    first = translate(model, many, length=1, temperature=1.0, key=KEY)[:, 0]
    p = jax.nn.softmax(simulate(TargetDecoding(model, source[:1], length=1), np.array([[model.begin]])).record[0, 0])
    shares = np.bincount(first, minlength=9) / 4000
    np.testing.assert_allclose(shares, p, atol=0.04)  # five standard deviations at p = ½
    again = translate(model, many, length=1, temperature=1.0, key=KEY)[:, 0]
    np.testing.assert_array_equal(first, again)
    assert set(translate(model, many, length=1, temperature=5.0, top_k=2, key=KEY)[:, 0]) == set(
        np.argsort(-p)[:2].tolist()
    )


def test_beyond_its_length_logits_are_nan(model):
    logits = simulate(TargetDecoding(model, source, length=2), jnp.ones(5, int), steps=3).record
    assert np.isfinite(logits[:2]).all()
    assert np.isnan(logits[2]).all()


def test_a_model_of_nan_is_refused(model):
    for part, message in (
        (lambda m: m.source_embedding.weight, "the initial state must be finite, but contains NaN"),
        (lambda m: m.target_embedding.weight, "the model must return finite logits, but returned NaN"),
        (lambda m: m.out.weight, "the model must return finite logits, but returned NaN"),
    ):
        broken = eqx.tree_at(part, model, replace_fn=lambda w: w * jnp.nan)
        with pytest.raises(InputError, match=message):
            translate(broken, source, length=LENGTH)


@pytest.mark.usefixtures("as_user")
def test_bad_input_is_refused(model):
    for wrong, message in (
        ({"source": source + 9}, "source must be between 0 and 11"),
        ({"source": source / 2}, "source must be integers"),
        ({"source": 3}, "source must have shape"),
        ({"length": 0}, "length must be an integer"),
        ({"temperature": -1.0}, "temperature must be finite and not negative"),
        ({"temperature": 1.0}, "a temperature above 0 needs a key"),
        ({"top_k": 10, "key": KEY}, "top_k must be at most 9"),
        ({"model": None}, "model must be an EncoderDecoder"),
        ({"key": 3}, "key must be one random key"),
    ):
        arguments = {"model": model, "source": source, "length": LENGTH, **wrong}
        with pytest.raises(InputError, match=message):
            translate(arguments.pop("model"), arguments.pop("source"), **arguments)
