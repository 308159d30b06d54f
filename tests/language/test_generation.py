import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special

from neuraxis.engine import simulate
from neuraxis.errors import InputError
from neuraxis.language import Decoding, Sampling, generate, modern_transformer, transformer_2017

KEY = jax.random.key(0)
TOKENS, CONTEXT = 11, 6
SIZES = {"size": 8, "layers": 1, "heads": 2, "context": CONTEXT}
random = np.random.default_rng(0)
text = random.integers(0, TOKENS, (2, 9)).astype(np.int32)


def livelier(model):
    """Make the logits of a fresh model differ as those of a trained one do."""
    return jax.tree.map(lambda x: 3 * x if jnp.ndim(x) == 2 else x, model)


@pytest.fixture(scope="module", params=[transformer_2017, modern_transformer], ids=["2017", "modern"])
def model(request):
    return livelier(request.param(TOKENS, key=KEY, **SIZES))


@pytest.fixture(scope="module")
def one():
    return livelier(transformer_2017(TOKENS, key=KEY, **SIZES))


def without_cache(model, tokens):
    """The logits after each token, each from a call with all that the model sees of the tokens so far."""
    context, first, count = model.context, 0, tokens.shape[-1]
    seen, places = np.zeros((count, *tokens.shape[:-1], context), np.int32), []
    for last in range(count):
        if last - first == context:
            first += context - context // 2
        places.append(last - first)
        seen[last, ..., : last - first + 1] = tokens[..., first : last + 1]  # what follows is not seen
    logits = model(seen)
    return np.stack([logits[last, ..., place, :] for last, place in enumerate(places)])


@pytest.mark.slow
def test_decoding_equals_calls_without_a_cache_beyond_the_context_too(model):
    trace = simulate(Decoding(model), text.T)
    np.testing.assert_allclose(trace.record, without_cache(model, text), atol=1e-5)
    np.testing.assert_allclose(np.moveaxis(trace.record[:CONTEXT], 0, 1), model(text[:, :CONTEXT]), atol=1e-5)


def test_reading_at_once_equals_reading_step_by_step(one):
    decoding = Decoding(one)
    stepped = simulate(decoding, text.T[:4]).state
    at_once = decoding.read(text[:, :4])
    assert int(stepped.position) == int(at_once.position) == 4
    for ours, theirs in zip(jax.tree.leaves(stepped.caches), jax.tree.leaves(at_once.caches), strict=True):
        np.testing.assert_allclose(ours[..., :4, :], theirs[..., :4, :], atol=1e-5)
    np.testing.assert_array_equal(stepped.tokens[:, :4], at_once.tokens[:, :4])


def test_greedy_generation_says_the_most_probable_token_each_time(one):
    said = generate(one, text[:, :3], 8, key=KEY, temperature=0.0)
    whole = np.concatenate([text[:, :3], said], axis=-1)
    expected = without_cache(one, whole).argmax(-1).T
    np.testing.assert_array_equal(said, expected[:, 2:-1])
    np.testing.assert_array_equal(generate(one, text[0, :3], 8, key=jax.random.key(5), temperature=0), said[0])


def test_the_same_key_says_the_same_and_another_does_not(one):
    first, again, other = (generate(one, text[0, :3], 8, key=jax.random.key(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.any(first != other)


def shares(sampling, logits, draws=4000):
    """How often each token is drawn."""
    drawn = jax.vmap(lambda key: sampling._drawn(logits, key))(jax.random.split(KEY, draws))
    return np.bincount(np.asarray(drawn), minlength=len(logits)) / draws


LOGITS = jnp.asarray(np.r_[2.0, 1.0, 0.5, 0.0, -1.0, [-3.0] * 6])
P = scipy.special.softmax(np.asarray(LOGITS, float))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, P),
        ({"temperature": 0.5}, P**2),
        ({"top_k": 2}, np.where(np.arange(11) < 2, P, 0)),
        ({"top_k": 1}, np.arange(11) == 0),
        ({"top_p": float(P[0] + P[1] + 0.01)}, np.where(np.arange(11) < 3, P, 0)),
        ({"top_p": float(P[0] - 0.01)}, np.arange(11) == 0),
        ({"top_p": 1.0}, P),
        ({"top_k": 3, "top_p": 0.5}, np.arange(11) == 0),
        ({"temperature": 0.0, "top_k": 3}, np.arange(11) == 0),
    ],
)
def test_tokens_are_drawn_with_the_probabilities_asked_for(one, options, expected):
    found = shares(Sampling(Decoding(one), **options), LOGITS)
    # 4000 draws: a standard deviation of at most 0.008.
    np.testing.assert_allclose(found, expected / np.sum(expected), atol=0.035)
    assert not np.any(found[np.asarray(expected) == 0])


@pytest.mark.parametrize(("options", "count"), [({"top_k": 1}, 1), ({"top_k": 3}, 3), ({"top_p": 0.2}, 3)])
def test_tokens_of_equal_logits_are_limited_too(one, options, count):
    found = shares(Sampling(Decoding(one), **options), jnp.zeros(TOKENS), draws=200)
    assert np.flatnonzero(found).tolist() == list(range(count))


@pytest.mark.parametrize("temperature", [1e-30, 1e-37, 1e-38, 1e-45])
def test_a_temperature_near_zero_does_not_overflow(one, temperature):
    found = shares(Sampling(Decoding(one), temperature), jnp.asarray([40.0, 50.0, 30.0] + [0.0] * 8), draws=100)
    np.testing.assert_array_equal(found, np.arange(TOKENS) == 1)


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_logits_of_nan_are_refused(one, temperature):
    broken = eqx.tree_at(lambda m: m.unembedding.weight, one, replace_fn=lambda w: w * jnp.nan)
    with pytest.raises(InputError, match="the model must return finite logits, but returned NaN"):
        generate(broken, text[0, :2], 3, key=KEY, temperature=temperature)


@pytest.mark.slow
def test_a_context_of_one_token_is_begun_anew_at_every_step():
    tiny = transformer_2017(TOKENS, key=KEY, **{**SIZES, "context": 1})
    record = simulate(Decoding(tiny), text[0]).record
    np.testing.assert_allclose(record, tiny(text[0][:, None])[:, 0], atol=1e-5)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            {"prompt": np.zeros(0, int)},
            "prompt must contain 1 to 6 tokens, the context of the model, but contains 0",
        ),
        (
            {"prompt": np.zeros(7, int)},
            "prompt must contain 1 to 6 tokens, the context of the model, but contains 7",
        ),
        ({"prompt": np.array([1, 11])}, "prompt must be between 0 and 10, but contains 11 at index"),
        ({"prompt": np.array([-1])}, "prompt must be between 0 and 10, but contains -1 at index"),
        ({"prompt": np.array([0.5])}, "prompt must be integers"),
        ({"prompt": "To be"}, "prompt must be an array of numbers"),
        ({"prompt": 3}, "prompt must contain 1 to 6 tokens, .* but is a single number"),
        ({"count": 0}, "count must be an integer"),
        ({"temperature": -0.1}, "temperature must be finite and not negative, but is -0.1"),
        ({"temperature": float("nan")}, "temperature must be finite"),
        ({"top_k": 12}, "top_k must be at most 11, the number of tokens, but is 12"),
        ({"top_k": 0}, "top_k must be an integer of at least 1"),
        ({"top_p": 0.0}, "top_p must be positive"),
        ({"top_p": 1.5}, r"top_p must lie in \(0, 1\], but is 1.5"),
        ({"key": 0}, "key must be one random key"),
        ({"model": None}, "model must be a LanguageModel"),
    ],
)
def test_bad_input_is_refused(as_user, one, wrong, message):
    arguments = {"model": one, "prompt": text[0, :2], "count": 3, "key": KEY, **wrong}
    with pytest.raises(InputError, match=message):
        generate(**arguments)
