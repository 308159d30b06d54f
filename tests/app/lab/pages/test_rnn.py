import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.app.lab.pages import rnn as page

KEEPING = [
    page.Controls(radius=float(radius), activation=activation, strength=0.5)
    for activation in ("tanh", "relu")
    for radius in np.linspace(1.4, 1.8, 41)
]


@pytest.fixture(scope="module")
def state():
    return page.start(page.Controls(), jax.random.key(0))


@pytest.mark.slow
def test_missions_can_be_done_and_are_not_done_by_the_defaults(state):
    for mission in page.MISSIONS:
        assert not mission.is_done(page.measures(state, page.Controls()))
        assert any(mission.is_done(page.measures(state, controls)) for controls in KEEPING)


@pytest.mark.slow
@pytest.mark.parametrize("activation", page.ACTIVATIONS)
def test_the_norm_is_that_of_the_jacobian(activation, state):
    controls = page.Controls(activation=activation, strength=1.0)
    h, norms = page.read(state, controls)
    network = eqx.tree_at(
        lambda each: each.recurrent.weight, state.networks[activation], jnp.asarray(page.weights(state, controls))
    )
    for back in (1, 7):
        jacobian = jax.jacobian(lambda begun, back=back: network(state.x[-back:], begun)[-1])(h[-1 - back])
        assert norms[back] == pytest.approx(np.linalg.norm(jacobian) / np.sqrt(len(jacobian)), rel=1e-4)


@pytest.mark.slow
def test_presets_show_what_they_say(state):
    vanishing, exploding, chaos, saturated, kept, logistic = (
        page.factor(page.read(state, page.Controls(**values))[1]) for values in page.PRESETS.values()
    )
    assert max(vanishing, saturated, logistic) < 0.7
    assert min(exploding, chaos) > 1.05
    assert kept == pytest.approx(1, abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("activation", page.ACTIVATIONS)
@pytest.mark.parametrize("radius", [0.0, 2.0])
@pytest.mark.parametrize("size", [8, 128])
def test_all_is_finite_at_the_ends_of_the_sliders(activation, radius, size):
    controls = page.Controls(radius=radius, activation=activation, strength=10.0, hidden_size=size)
    h, norms = page.read(page.start(controls, jax.random.key(1)), controls)
    assert np.isfinite(h).all()
    assert np.isfinite(norms).all()
