import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from neuraxis.spiking.bits import for_each_bit, pack, unpack


@given(shape=st.sampled_from([(1,), (31,), (32,), (5, 33), (4, 2, 100)]), seed=st.integers(0, 99))
@settings(max_examples=15, deadline=None)
def test_packed_flags_are_unpacked(shape, seed):
    flags = np.random.default_rng(seed).random(shape) < 0.3
    words = pack(jnp.asarray(flags))
    assert words.shape == (*shape[:-1], -(-shape[-1] // 32))
    for found, wanted in zip(unpack(np.asarray(words)), np.nonzero(flags), strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_every_bit_is_visited_in_order_until_it_is_finished():
    flags = np.zeros(2100, bool)
    flags[[0, 31, 32, 1000, 2099]] = True

    def visit(index, carry):
        seen, count = carry  # each index twice
        return (seen.at[count].set(index), count + 1), count % 2 == 1

    seen, count = for_each_bit(pack(jnp.asarray(flags)), visit, (jnp.zeros(20, jnp.int32), jnp.int32(0)))
    np.testing.assert_array_equal(seen[:count], np.repeat([0, 31, 32, 1000, 2099], 2))
