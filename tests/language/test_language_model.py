import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.language import LanguageModel, TransformerBlock, modern_transformer, next_token_loss, transformer_2017
from neuraxis.layers import LayerNorm, Linear, MultiHeadAttention

KEY = jax.random.key(0)
TOKENS, CONTEXT = 11, 6
SIZES = {"size": 8, "layers": 2, "heads": 2, "context": CONTEXT}
random = np.random.default_rng(0)
text = random.integers(0, TOKENS, (2, CONTEXT + 1)).astype(np.int32)


@pytest.fixture(scope="module", params=[transformer_2017, modern_transformer], ids=["2017", "modern"])
def model(request):
    return request.param(TOKENS, key=KEY, **SIZES)


def test_no_place_sees_what_comes_after_it(model):
    logits = eqx.filter_jit(model)(text[:, :-1])
    assert logits.shape == (2, CONTEXT, TOKENS)
    changed = text[:, :-1].copy()
    changed[:, 3] = (changed[:, 3] + 1) % TOKENS
    other = eqx.filter_jit(model)(changed)
    np.testing.assert_array_equal(logits[:, :3], other[:, :3])
    assert np.all(np.any(logits[:, 3:] != other[:, 3:], axis=-1))


@pytest.mark.slow
def test_a_fresh_model_is_nearly_undecided(model):
    """So the first loss is about ln of the number of tokens."""
    np.testing.assert_allclose(next_token_loss(model, text), np.log(TOKENS), atol=0.6)


def test_the_loss_is_the_mean_over_the_places(model):
    z = np.asarray(model(text[:, :-1]), float)
    p = np.exp(z) / np.exp(z).sum(-1, keepdims=True)
    expected = [np.mean([-np.log(p[n, i, text[n, i + 1]]) for i in range(CONTEXT)]) for n in range(2)]
    np.testing.assert_allclose(next_token_loss(model, text), expected, rtol=1e-5)


def test_attention_maps_are_causal_and_sum_to_1(model):
    maps = np.asarray(model.attention_maps(text[:, :4]))
    assert maps.shape == (2, 2, 2, 4, 4)
    np.testing.assert_allclose(maps.sum(-1), 1, atol=1e-5)
    assert not np.any(maps[..., ~np.tri(4, dtype=bool)])


def test_blocks_may_see_everything_without_a_mask(model):
    block, x = model.blocks[0], random.normal(size=(5, 8)).astype(np.float32)
    h = x + block.attention(block.attention_norm(x))
    np.testing.assert_allclose(block(x), h + block.feed_forward(block.feed_forward_norm(h)), atol=1e-5)


def test_tokens_out_of_range_give_nan_inside_of_jit(model):
    assert np.isnan(eqx.filter_jit(model)(np.array([0, TOKENS]))[1]).all()


@pytest.mark.parametrize("make", [transformer_2017, modern_transformer])
def test_bad_sizes_are_refused(as_user, make):
    with pytest.raises(InputError, match="heads must divide the size 8, but is 3"):
        make(TOKENS, key=KEY, **{**SIZES, "heads": 3})
    for name in ("size", "layers", "heads", "context"):
        with pytest.raises(InputError, match=f"{name} must be an integer"):
            make(TOKENS, key=KEY, **{**SIZES, name: 0})
    with pytest.raises(InputError, match="tokens must be an integer"):
        make("many", key=KEY)
    with pytest.raises(InputError, match="key must be one random key"):
        make(TOKENS, key=7)


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (np.zeros(7, int), "tokens must be at most 6 at once, the context of the model, but are 7"),
        (np.array([0, 11]), "tokens must be between 0 and 10, but contains 11 at index"),
        (np.array([0, -1]), "tokens must be between 0 and 10, but contains -1 at index"),
        (np.array([0.0]), "tokens must be integers"),
        (3, "tokens must have shape"),
        ("To be", "tokens must be an array of numbers"),
    ],
)
def test_bad_tokens_are_refused(as_user, model, tokens, message):
    with pytest.raises(InputError, match=message):
        model(tokens)


def test_bad_parts_are_refused(as_user, model):
    attention = MultiHeadAttention(8, 2, key=KEY)
    parts = [model.embedding, None, model.blocks, model.norm, model.unembedding, CONTEXT]
    for place, wrong, message in (
        (0, jnp.zeros((3, 3)), "embedding must be an Embedding"),
        (2, (), "blocks must be a tuple"),
        (2, (attention,), r"blocks\[0\] must be a TransformerBlock"),
        (3, None, "norm must be a function"),
        (4, LayerNorm(3), "unembedding must be a Linear"),
        (5, 0, "context must be an integer"),
    ):
        with pytest.raises(InputError, match=message):
            LanguageModel(*parts[:place], wrong, *parts[place + 1 :])
    with pytest.raises(InputError, match="attention must be a MultiHeadAttention"):
        TransformerBlock(Linear(8, 8, key=KEY), Linear(8, 8, key=KEY), LayerNorm(8), LayerNorm(8))


def test_a_window_needs_two_tokens(as_user, model):
    with pytest.raises(InputError, match="time ≥ 2"):
        next_token_loss(model, text[:, :1])
