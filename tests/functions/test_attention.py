import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from neuraxis.errors import InputError
from neuraxis.functions import attention, attention_weights, causal_mask, masked_softmax

random = np.random.default_rng(0)


def draw(*shape):
    return random.normal(size=shape).astype(np.float32)


def by_loops(q, k, v, mask):
    """H of queries (n, d), a query and a key at a time, in double precision."""
    out = np.zeros((len(q), v.shape[-1]))
    for i, query in enumerate(q):
        seen = [j for j in range(len(k)) if mask[i, j]]
        if seen:
            scores = np.array([sum(a * b for a, b in zip(query, k[j], strict=True)) for j in seen]) / len(query) ** 0.5
            e = np.exp(scores - scores.max())
            out[i] = sum(w * v[j] for w, j in zip(e / e.sum(), seen, strict=True))
    return out


@pytest.fixture(scope="module")
def case():
    mask = random.random((5, 7)) < 0.5
    mask[2] = False
    return draw(5, 4), draw(7, 4), draw(7, 3), mask


def test_equals_loops_and_gives_0_where_nothing_is_seen(case):
    q, k, v, mask = case
    out = attention(q, k, v, mask)
    np.testing.assert_allclose(out, by_loops(q, k, v, mask), atol=1e-6)
    np.testing.assert_array_equal(out[2], 0)
    np.testing.assert_allclose(attention(q, k, v), by_loops(q, k, v, np.ones_like(mask)), atol=1e-6)


def test_weights_of_what_is_seen_sum_to_1(case):
    q, k, _, mask = case
    weights = attention_weights(q, k, mask)
    np.testing.assert_allclose(weights.sum(-1), mask.any(-1), atol=1e-6)
    assert not np.any(np.asarray(weights)[~mask])


def test_gradient_is_that_of_finite_differences_and_0_where_nothing_is_seen(case):
    with jax.enable_x64(True):
        q, k, v, mask = (jnp.asarray(x, bool if x.dtype == bool else float) for x in case)
        check_grads(jax.jit(lambda *x: attention(*x, mask)), (q, k, v), order=2, modes=("fwd", "rev"))
        gradient = jax.jit(jax.grad(lambda q: jnp.sum(attention(q, k, v, mask) ** 2)))(q)
    np.testing.assert_array_equal(gradient[2], 0)
    assert np.all(np.isfinite(gradient))


def test_large_scores_stay_finite():
    z = jnp.array([[1e4, -1e4, 3e38], [-3e38, -3e38, 0.0]])
    mask = jnp.array([[True, True, False], [True, True, False]])
    np.testing.assert_allclose(masked_softmax(z, mask), [[1, 0, 0], [0.5, 0.5, 0]])


def test_leading_axes_broadcast(case):
    q, k, v, mask = case
    many = attention(np.stack([q, 2 * q]), k, v[None], mask)
    np.testing.assert_allclose(many[1], attention(2 * q, k, v, mask), atol=1e-6)


def test_no_key_and_no_query(case):
    q, k, v, _ = case
    np.testing.assert_array_equal(attention(q, k[:0], v[:0], np.ones((5, 0), bool)), np.zeros((5, 3)))
    assert attention(q[:0], k, v).shape == (0, 3)


def test_causal_mask():
    np.testing.assert_array_equal(causal_mask(2), [[True, False], [True, True]])
    np.testing.assert_array_equal(causal_mask(2, 3), [[True, True, False], [True, True, True]])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((draw(5, 4), draw(7, 3), draw(7, 3)), r"q and k must have shapes .* \(5, 4\) and \(7, 3\)"),
        ((draw(4), draw(7, 4), draw(7, 3)), r"q and k must have shapes"),
        (
            (draw(5, 4), draw(7, 4), draw(6, 3)),
            r"v must contain one row for each of the 7 keys, but has shape \(6, 3\)",
        ),
        ((draw(2, 5, 4), draw(3, 7, 4), draw(7, 3)), "leading axes of q and k must broadcast"),
        ((draw(2, 5, 4), draw(7, 4), draw(3, 7, 3)), "leading axes of q, k and v must broadcast"),
        ((draw(5, 4), draw(7, 4), draw(7, 3), np.ones((5, 7))), "mask must be boolean.*float64"),
        ((draw(5, 4), draw(7, 4), draw(7, 3), np.ones((7, 5), bool)), r"mask must broadcast to the shape \(5, 7\)"),
        ((draw(5, 4), draw(7, 4), draw(7, 3), np.ones((2, 5, 7), bool)), r"mask must broadcast to the shape \(5, 7\)"),
        (("q", draw(7, 4), draw(7, 3)), "q must be an array"),
    ],
)
def test_bad_input_is_refused(as_user, arguments, message):
    with pytest.raises(InputError, match=message):
        attention(*arguments)


@pytest.mark.parametrize("sizes", [(3, 2), (-1, 2), (2.0, 2), (1, "2")])
def test_bad_sizes_of_a_mask_are_refused(as_user, sizes):
    with pytest.raises(InputError, match=r"keys|queries"):
        causal_mask(*sizes)
