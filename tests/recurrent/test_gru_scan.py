import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from neuraxis.recurrent.gru_scan import advance, gru_scan

draw = np.random.default_rng(0).normal
PULL = draw(size=(6, 2, 3))


@pytest.fixture
def arguments():
    """In double precision."""
    with jax.enable_x64(True):
        yield [jnp.asarray(draw(size=shape)) for shape in ((2, 3), (6, 2, 9), (3, 6), (3, 3))]


def plain(h, z, gates, candidate):
    return lax.scan(lambda h, z: (advance(h, z, gates, candidate)[0],) * 2, h, z)[1]


def pulled(scan):
    return lambda *arguments: jnp.sum(PULL * scan(*arguments))


def test_the_gradient_written_out_is_that_of_the_steps(arguments):
    by_hand, by_jax = (jax.jit(jax.grad(pulled(scan), (0, 1, 2, 3)))(*arguments) for scan in (gru_scan, plain))
    for a, b in zip(by_hand, by_jax, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


def test_can_be_differentiated_twice(arguments):
    h, z, *weights = arguments

    def twice(scan):
        once = jax.grad(lambda z: pulled(scan)(h, z, *weights))
        return jax.jit(jax.grad(lambda z: jnp.sum(once(z) ** 2)))(z)

    np.testing.assert_allclose(twice(gru_scan), twice(plain), rtol=1e-8, atol=1e-10)
