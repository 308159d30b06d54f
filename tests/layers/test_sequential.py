import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.functions.activations import relu
from neuraxis.kinds import MeasuringMap
from neuraxis.layers import BatchNorm, Convolution, Dropout, Flatten, Linear, MaxPool, MeanPool, Sequential
from tests.trees import equal

KEY = jax.random.key(0)
x = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)


def test_is_the_composition_of_its_layers():
    first, second = Linear(4, 3, key=KEY), Linear(3, 2, key=KEY)
    np.testing.assert_array_equal(Sequential([first, relu, jnp.tanh, second])(x), second(jnp.tanh(relu(first(x)))))
    np.testing.assert_array_equal(Sequential([])(x), x)


def test_every_layer_draws_its_own_noise():
    kept = Sequential([Dropout(0.5), Dropout(0.5)])(jnp.ones(4000), key=KEY)
    assert set(np.unique(kept)) == {0.0, 4.0}
    assert np.mean(np.asarray(kept) > 0) == pytest.approx(0.25, abs=0.03)


def test_measures_the_layers_inside_it():
    inner = Sequential([BatchNorm(4)])
    model = Sequential([Linear(4, 4, key=KEY), inner, relu])
    assert isinstance(model, MeasuringMap)
    y, measured = model.measure(x)
    np.testing.assert_allclose(y, model(x), atol=1e-6)
    np.testing.assert_allclose(
        measured.layers[1].layers[0].running.mean, 0.1 * np.mean(model.layers[0](x), 0), rtol=1e-4, atol=1e-6
    )
    assert equal(measured.layers[0], model.layers[0])


@pytest.mark.usefixtures("as_user")
def test_bad_input():
    with pytest.raises(InputError, match=r"layers\[1\] must be a map or a function, but is 3"):
        Sequential([relu, 3])
    with pytest.raises(InputError, match=r"layers\[0\] must be a map or a function, but is <class"):
        Sequential([Linear])
    for wrong in (None, 3, "text", relu):
        with pytest.raises(InputError, match="layers must be a list of maps and functions"):
            Sequential(wrong)
    with pytest.raises(InputError, match="key must be one random key"):
        Sequential([relu])(x, key=3)


@pytest.mark.usefixtures("as_user")
def test_layers_agree_on_what_is_spatial():
    """A window of images would pool signals over the batch, a kernel of images mix the signals of a batch."""
    signals = np.ones((4, 12, 2), np.float32)
    over_time = Convolution(2, 3, (3,), key=KEY)
    for layers in ([over_time, relu, MaxPool(2)], [over_time, Convolution(3, 3, key=KEY)], [MaxPool((2,)), MeanPool()]):
        with pytest.raises(InputError, match=r"acts on \(time\) and .* after it on \(height, width\): give a size"):
            Sequential(layers)(signals)
    assert Sequential([over_time, relu, MaxPool((2,)), Flatten(axes=2)])(signals).shape == (4, 15)
    # What changes the number of axes begins anew.
    assert Sequential([over_time, lambda h: h[..., None], MaxPool(2)])(signals).shape == (4, 5, 1, 1)
