import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.engine import record_state
from neuraxis.errors import InputError
from neuraxis.kinds import Map
from neuraxis.neurons import DiscreteLIF
from neuraxis.spiking import SpikingClassifier, latency_code, max_potential, mean_potential, rate_code, spike_count

KEY = jax.random.key(0)
x = jnp.asarray(np.random.default_rng(0).random((6, 12)), jnp.float32)


def repeated(x, steps, key=None):
    return jnp.broadcast_to(x, (steps, *x.shape))


def by_hand(model, inputs):
    """Spike counts for inputs (time, …, in): one step of one layer after the other, in NumPy and double precision."""
    beta = np.exp(-model.dt / model.readout.neurons.tau_m)
    v = [0.0] * len(model.layers)
    hidden, count = 0.0, 0.0
    for s in inputs:
        for i, layer in enumerate(model.layers):
            v[i] = beta * v[i] + s @ np.asarray(layer.weight, np.float64) + np.asarray(layer.bias, np.float64)
            s = (v[i] > 1).astype(float)
            v[i] = v[i] * (1 - s)
            hidden = hidden + s if i == 0 else hidden
        count = count + s
    return hidden, count


@pytest.mark.parametrize(("coding", "scale"), [(None, 2), (latency_code, 5), (rate_code, 2)])
def test_is_the_equation(coding, scale):
    model = SpikingClassifier((12, 30, 20, 5), key=KEY, coding=coding, steps=18, dt=2.0)
    model = eqx.tree_at(lambda m: [layer.weight for layer in m.layers], model, replace_fn=lambda w: scale * w + 0.05)
    model = eqx.tree_at(lambda m: [layer.bias for layer in m.layers], model, replace_fn=lambda b: b - 0.02)
    inputs = np.asarray(repeated(x, 18) if coding is None else coding(x, 18, key=KEY), np.float64)
    hidden, count = by_hand(model, inputs)
    assert 0 < count.sum() < count.size * 18
    np.testing.assert_array_equal(model(x, key=KEY), count)
    spikes = model.run(x, key=KEY).record
    assert [part.shape for part in spikes] == [(18, 6, 30), (18, 6, 20), (18, 6, 5)]
    np.testing.assert_array_equal(spikes[0].sum(0), hidden)
    np.testing.assert_array_equal(spikes[-1][-1], count)


@pytest.mark.parametrize("readout", [spike_count, mean_potential, max_potential])
def test_a_constant_current_is_the_same_as_the_image_in_every_step(readout):
    def loss(model):
        return jnp.sum((model(x) - 1) ** 2)

    held, given = (
        SpikingClassifier((12, 30, 5), key=KEY, coding=coding, readout=readout) for coding in (None, repeated)
    )
    np.testing.assert_allclose(held(x), given(x), rtol=1e-5)
    one, other = eqx.filter_grad(loss)(held), eqx.filter_grad(loss)(given)
    for a, b in zip(one.layers, other.layers, strict=True):
        assert np.any(a.weight != 0)
        np.testing.assert_allclose(a.weight, b.weight, rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(a.bias, b.bias, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("tau_m", [5.0, 80.0])
def test_potentials_begin_with_the_variance_of_the_inputs(tau_m):
    """For inputs that are independent in time, whatever the time constant."""

    def noise(x, steps, key):
        return jax.random.normal(key, (steps, 8, 200))

    neurons = DiscreteLIF(tau_m=tau_m)
    model = SpikingClassifier((200, 400), key=KEY, neurons=neurons, readout=mean_potential, coding=noise, steps=300)
    v = model.run(x, key=jax.random.key(1), record=lambda state, output: state[-1].v).record[-1]
    assert 0.85 < float(jnp.var(v)) < 1.15


def test_is_a_map_with_free_leading_axes():
    model = SpikingClassifier((12, 9, 5), key=KEY, coding=latency_code)
    assert isinstance(model, Map)
    whole = model(x.reshape(2, 3, 12))
    assert whole.shape == (2, 3, 5)
    np.testing.assert_array_equal(whole[1, 2], model(x[5]))
    np.testing.assert_array_equal(jax.vmap(model)(x), model(x))


def test_learns_time_constants_given_as_arrays():
    neurons = DiscreteLIF(tau_m=jnp.asarray(10.0))
    model = SpikingClassifier((12, 9, 5), key=KEY, neurons=neurons, readout=mean_potential)
    gradient = eqx.filter_grad(lambda m: jnp.sum(m(x) ** 2))(model)
    assert gradient.neurons[0].tau_m != 0
    assert gradient.readout.neurons.tau_m != 0


def test_the_state_can_be_recorded():
    model = SpikingClassifier((12, 9, 5), key=KEY, steps=4)
    hidden, last = model.run(x, record=record_state).record
    assert hidden.shape == (4, 6, 9)
    np.testing.assert_array_equal(last.steps, [1, 2, 3, 4])


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"sizes": (3,)}, "sizes must name at least input and output"),
        ({"sizes": (3, 0)}, r"sizes\[1\] must be an integer of at least 1"),
        ({"coding": "rate"}, "coding must be a function, but is 'rate'"),
        ({"readout": "count"}, "readout must be a function, but is 'count'"),
        ({"neurons": 20.0}, "neurons must be a DiscreteLIF, but is 20.0"),
        ({"steps": 0}, "steps must be an integer of at least 1, but is 0"),
        ({"steps": 2.5}, "steps must be an integer of at least 1, but is 2.5"),
        ({"dt": 0.0}, "dt must be positive and finite"),
        ({"dt": -1.0}, "dt must be positive and finite"),
    ],
)
def test_bad_settings_are_refused(wrong, message):
    with pytest.raises(InputError, match=message):
        SpikingClassifier(**{"sizes": (3, 2), "key": KEY, **wrong})


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize("coding", [None, latency_code])
def test_bad_images_are_refused(coding):
    model = SpikingClassifier((12, 5), key=KEY, coding=coding)
    with pytest.raises(InputError, match=r"x must have shape \(…, 12\), but has shape"):
        model(jnp.ones((2, 11)))
    with pytest.raises(InputError, match="must be finite, but contains nan"):
        model(x.at[1, 2].set(jnp.nan))


@pytest.mark.usefixtures("as_user")
def test_integers_are_images_and_nan_is_not_lost_in_compiled_code():
    model = SpikingClassifier((12, 9, 5), key=KEY, steps=4)
    whole = np.asarray(x > 0.5)
    for image in (whole, whole.astype(np.uint8), whole.astype(int)):
        np.testing.assert_array_equal(model(image), model(whole.astype(np.float32)))
    logits = jax.jit(lambda x: model(x))(x.at[1, 3].set(jnp.nan))
    np.testing.assert_array_equal(np.isnan(logits).all(-1), [False, True, *[False] * (len(x) - 2)])
    np.testing.assert_allclose(logits[0], model(x)[0])


@pytest.mark.usefixtures("as_user")
def test_a_coding_of_another_length_is_refused():
    model = SpikingClassifier((12, 5), key=KEY, coding=lambda x, steps, key: repeated(x, steps - 1))
    with pytest.raises(InputError, match=r"coding must return shape \(25, …, in\), but returned shape \(24, 6, 12\)"):
        model(x)


@pytest.mark.usefixtures("as_user")
def test_numpy_integers_are_whole_numbers_too():
    model = SpikingClassifier((12, np.int64(7), np.int64(5)), key=KEY, steps=np.int64(4))
    assert model(x).shape == (6, 5)
