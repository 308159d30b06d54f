import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.neurons import LIF
from neuraxis.population import Ensemble, RateNeurons
from neuraxis.population.folded import Folded

KEY = jax.random.key(0)


@pytest.mark.parametrize("dimensions", [1, 6])
@pytest.mark.parametrize("neurons", [LIF(), RateNeurons(LIF())])
def test_a_step_is_that_of_the_ensemble_and_its_decoders(neurons, dimensions):
    decoded = Ensemble(50, dimensions, neurons, radius=2.0, key=KEY).decode(jnp.square)
    faster = decoded.prepare(2.0)
    assert isinstance(faster, Folded)
    assert faster.prepare(2.0) is faster
    x = jax.random.normal(KEY, (3, dimensions))
    states = [decoded.init_state(x.shape)] * 2
    for _ in range(4):
        (first, expected), (second, found) = (p.step(s, x, 2.0) for p, s in zip((decoded, faster), states, strict=True))
        states = [first, second]
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)
    np.testing.assert_array_equal(faster(x), decoded(x))
