import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.robust import L2, LInf, Square
from neuraxis.robust.square_patterns import _bump, bumps, tiles, window
from tests.robust.models import COUNT, DUALS, KEY, distances, labels, model, x


@jax.custom_vjp
def without_gradient(x):
    return x


without_gradient.defvjp(lambda x: (x, None), lambda _, g: 1 / 0)


@pytest.mark.parametrize(("kind", "order", "enough"), [(LInf, np.inf, 1.7), (L2, 2, 2.5)])
def test_it_breaks_what_is_broken_easily_and_never_what_cannot_be(kind, order, enough):
    truth = distances(x, labels, DUALS[kind.__name__])
    factor = np.where(np.arange(COUNT) % 2, 0.98, enough)  # it does not find the very shortest way
    threat = kind(jnp.asarray(factor * truth, jnp.float32), low=0.0, high=1.0)
    found = Square(threat, 400)(lambda x: model(without_gradient(x)), x, labels, key=KEY)
    fooled = np.argmax(model(found), -1) != labels
    np.testing.assert_array_equal(fooled, factor > 1)
    norms = np.linalg.norm(np.asarray(found - x).reshape(COUNT, -1), order, axis=1)
    np.testing.assert_allclose(norms, factor * truth, rtol=1e-4)  # all of the ball is used
    again = Square(threat, 400)(lambda x: model(without_gradient(x)), x, labels, key=KEY)
    np.testing.assert_array_equal(found, again)


def test_the_squares_become_smaller():
    threat = LInf(0.1, low=0.0, high=1.0)
    sides = np.asarray(Square(threat, 10_000)._sides((28, 28)))
    assert (sides[0], sides[10], sides[11], sides[50], sides[51], sides[9999]) == (25, 25, 18, 18, 13, 1)
    assert np.all(np.diff(sides) <= 0)
    short = np.asarray(Square(threat, 100)._sides((28, 28)))
    np.testing.assert_array_equal(short, sides[::100])
    assert np.asarray(Square(L2(0.1, low=0.0, high=1.0), 100)._sides((28, 28))).min() == 3


def test_squares_lie_everywhere():
    places = jax.vmap(lambda key: window((1, 5, 7, 2), jnp.asarray(3), key).inside)(jax.random.split(KEY, 300))
    counts = np.asarray(places).reshape(300, 5, 7).sum((1, 2))
    assert np.all(counts == 9)
    assert len({place.tobytes() for place in np.asarray(places)}) == 3 * 5
    assert np.asarray(places).any(axis=0).all()


def nested(height, width):
    """Squares around the middle, each a step larger and fainter, added one by one."""
    total = np.zeros((height, width))
    for m in range(width // 2 + 1):
        for i in range(height):
            for j in range(width):
                if max(abs(i - height // 2), abs(j - width // 2)) <= m:
                    total[i, j] += 1 / (m + 1) ** 2
    return total


@pytest.mark.parametrize("side", [4, 7])
def test_bumps_are_nested_squares(side):
    u, v = np.meshgrid(np.arange(side), np.arange(side), indexing="ij")
    expected = np.concatenate([nested(side // 2, side), -nested(side - side // 2, side)])
    np.testing.assert_allclose(jax.jit(_bump)(u, v, side), expected, rtol=1e-5)


def test_bumps_and_tiles():
    @jax.jit
    def draw(side):
        at = window((50, 9, 9, 1), side, KEY)
        return at.inside, bumps(at, side, KEY), tiles((3, 11, 12, 2), KEY), tiles((2, 3, 3, 1), KEY)

    inside, drawn, covered, small = map(np.asarray, draw(5))
    np.testing.assert_allclose(np.sum(drawn**2, (1, 2, 3)), 1, rtol=1e-5)
    assert not drawn[~inside].any()
    assert covered.shape == (3, 11, 12, 2)
    assert np.mean(covered != 0) > 0.7
    assert small.shape == (2, 3, 3, 1)
