import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.functions import causal_mask
from neuraxis.layers import MultiHeadAttention, RMSNorm, RotaryPositions

KEY = jax.random.key(0)
SIZE, HEADS, TIME = 8, 2, 5
random = np.random.default_rng(0)


@pytest.fixture(scope="module")
def layer():
    return MultiHeadAttention(SIZE, HEADS, key=KEY)


@pytest.fixture(scope="module")
def x():
    return random.normal(size=(3, TIME, SIZE)).astype(np.float32)


def by_heads(layer, x, context, mask):
    """One example, a head at a time, by NumPy in double precision."""
    product, out = layer.query_key_value, layer.out
    W, b = np.asarray(product.weight, float), np.asarray(product.bias, float)
    parts = [slice(i * SIZE, (i + 1) * SIZE) for i in range(3)]
    q, k, v = ((a @ W[:, p] + b[p]) for a, p in zip((x, context, context), parts, strict=True))
    heads, d = [], SIZE // HEADS
    for h in range(HEADS):
        own = slice(h * d, (h + 1) * d)
        e = np.exp(q[:, own] @ k[:, own].T / np.sqrt(d)) * mask
        heads.append(e / e.sum(-1, keepdims=True) @ v[:, own])
    return np.concatenate(heads, -1) @ np.asarray(out.weight, float) + np.asarray(out.bias)


def test_self_attention_equals_numpy(layer, x):
    mask = causal_mask(TIME)
    np.testing.assert_allclose(layer(x[0], mask=mask), by_heads(layer, x[0], x[0], mask), atol=1e-5)


def test_cross_attention_equals_numpy(layer, x):
    context = x[1, :3]
    mask = np.ones((TIME, 3), bool)
    np.testing.assert_allclose(layer(x[0], context=context), by_heads(layer, x[0], context, mask), atol=1e-5)


def test_x_as_its_own_context_is_self_attention(layer, x):
    np.testing.assert_allclose(layer(x, context=x), layer(x), atol=1e-6)


def test_masks_are_the_same_for_all_heads_and_of_each_example(layer, x):
    padding = np.arange(TIME) < np.array([[5], [3], [1]])
    out = layer(x, mask=padding[:, None, :])
    for i, length in enumerate((5, 3, 1)):
        np.testing.assert_allclose(out[i], layer(x[i], context=x[i, :length]), atol=1e-5)


def test_where_a_mask_hides_everything_the_output_is_the_bias(layer, x):
    mask = np.ones((TIME, TIME), bool)
    mask[1] = False
    gradient = jax.grad(lambda x: jnp.sum(layer(x, mask=mask)[1]))(x[0])
    np.testing.assert_allclose(layer(x[0], mask=mask)[1], layer.out.bias, atol=1e-6)
    np.testing.assert_array_equal(gradient, 0)


def test_weights_are_those_of_the_output(layer, x):
    weights = layer.weights(x, mask=causal_mask(TIME))
    assert weights.shape == (3, HEADS, TIME, TIME)
    _, _, v = layer.project(x)
    np.testing.assert_allclose(layer.merge(weights @ v), layer(x, mask=causal_mask(TIME)), atol=1e-6)


def test_rotary_attention_depends_on_distances_alone(x):
    norm = RMSNorm(SIZE // HEADS)
    layer = MultiHeadAttention(SIZE, HEADS, key=KEY, rotary=RotaryPositions(), query_norm=norm, key_norm=norm)
    np.testing.assert_allclose(layer(x), layer(x, positions=np.arange(TIME) + 30), atol=1e-5)
    each = np.stack([np.arange(TIME), np.arange(TIME) + 3, np.arange(TIME) * 2])
    np.testing.assert_allclose(layer(x, positions=each)[:2], layer(x)[:2], atol=1e-5)
    assert not np.allclose(layer(x, positions=each)[2], layer(x)[2], atol=1e-2)
    # Queries and keys have a mean square of 1, so that no product of d = 4 features exceeds 4.
    q, k, _ = layer.project(1000 * x)
    np.testing.assert_allclose([jnp.mean(q * q), jnp.mean(k * k)], 1, atol=1e-3)


def test_no_example_and_no_place(layer):
    assert layer(np.zeros((0, TIME, SIZE))).shape == (0, TIME, SIZE)
    assert layer(np.zeros((3, 0, SIZE)), mask=np.zeros((3, 1, 0), bool)).shape == (3, 0, SIZE)
    nothing = layer(np.ones((3, TIME, SIZE)), context=np.zeros((3, 0, SIZE)), mask=np.zeros((3, 1, 0), bool))
    np.testing.assert_array_equal(nothing, np.broadcast_to(layer.out.bias, (3, TIME, SIZE)))


def test_parts_of_the_fused_product_without_bias(x):
    layer = MultiHeadAttention(SIZE, HEADS, key=KEY, bias=False)
    for whole, part in zip(layer.project(x), (layer.queries(x), *layer.keys_and_values(x)), strict=True):
        np.testing.assert_allclose(whole, part, atol=1e-6)


def test_bad_sizes_are_refused(as_user):
    with pytest.raises(InputError, match="heads must divide the size 8, but is 3"):
        MultiHeadAttention(8, 3, key=KEY)
    with pytest.raises(InputError, match="rotary needs heads with an even number of features, but each has 3"):
        MultiHeadAttention(6, 2, key=KEY, rotary=RotaryPositions())
    with pytest.raises(InputError, match="rotary must be a RotaryPositions"):
        MultiHeadAttention(8, 2, key=KEY, rotary=True)  # pyright: ignore
    for wrong in (0, -8, 8.0, "8"):
        with pytest.raises(InputError, match="size must be an integer"):
            MultiHeadAttention(wrong, 2, key=KEY)  # pyright: ignore


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ({"x": np.zeros((5, 7))}, r"x must have shape \(…, time, 8\), but has shape \(5, 7\)"),
        ({"x": np.zeros(8)}, r"x must have shape \(…, time, 8\), but has shape \(8,\)"),
        ({"x": "text"}, "x must be an array"),
        ({"context": np.zeros((5, 7))}, r"context must have shape \(…, time, 8\)"),
        ({"mask": np.ones((4, 5), bool)}, r"mask must broadcast to the shape \(2, 5, 5\), but has shape \(4, 5\)"),
        ({"mask": np.ones((5, 5), int)}, "mask must be boolean"),
    ],
)
def test_bad_input_is_refused(as_user, layer, what, message):
    with pytest.raises(InputError, match=message):
        layer(**{"x": np.zeros((5, 8)), **what})
