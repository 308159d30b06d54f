import equinox as eqx
import jax
import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.feedforward import CNN
from neuraxis.functions.activations import relu
from neuraxis.layers import MaxPool

KEY = jax.random.key(0)
x = np.random.default_rng(0).random((3, 12, 9, 2)).astype(np.float32)


def test_is_convolutions_pooling_and_a_perceptron():
    model = CNN((12, 9, 2), (4, 6), (16,), 10, key=KEY)
    h = x
    for convolution, map_ in zip(model.convolutions, model.activation_maps(x), strict=True):
        h = MaxPool(2)(relu(convolution.correlate(h) + convolution.bias))  # in the other order than the network's
        np.testing.assert_allclose(map_, h, atol=1e-5)
    assert h.shape == (3, 3, 2, 6)
    np.testing.assert_allclose(model(x), model.head(h.reshape(3, -1)), atol=1e-5)


def test_dropout_acts_in_training_only():
    model = CNN((12, 9, 2), (4,), (16,), 10, key=KEY, dropout=0.5)
    assert not np.allclose(model(x, key=KEY), model(x, key=jax.random.key(1)))
    inference = eqx.nn.inference_mode(model)
    np.testing.assert_array_equal(inference(x), inference(x, key=KEY))
    with pytest.raises(InputError, match="needs a key"):
        model(x)


def test_an_empty_batch_gives_no_logits():
    model = CNN((12, 9, 2), (4,), (16,), 10, key=KEY)
    assert model(x[:0]).shape == (0, 10)
    gradient = eqx.filter_grad(lambda model: model(x[:0]).sum())(model)
    assert all((np.asarray(leaf) == 0).all() for leaf in jax.tree.leaves(gradient))


@pytest.mark.usefixtures("as_user")
def test_bad_input():
    # An image of 13 rows is halved to as many as one of 12, and would pass.
    with pytest.raises(InputError, match=r"x must have shape \(…, 12, 9, 2\), but has shape \(13, 9, 2\)"):
        CNN((12, 9, 2), (4,), (), 10, key=KEY)(np.ones((13, 9, 2), np.float32))
    with pytest.raises(InputError, match="x must contain real numbers"):
        CNN((12, 9, 2), (4,), (), 10, key=KEY)(x * 1j)
    for bad, message in (
        ({"image": (12, 9)}, r"image must be \(height, width, channel\), but is \(12, 9\)"),
        ({"channels": 4}, "channels must be a sequence of integers, but is 4"),
        ({"channels": (True,)}, r"channels\[0\] must be an integer of at least 1, but is True"),
        ({"out_size": 0}, "out_size must be an integer of at least 1, but is 0"),
        ({"size": (3,)}, r"size must be one number or one for each of the spatial axes \(height, width\)"),
        ({"activation": None}, "activation must be a function, but is None"),
        ({"key": 0}, "key must be one random key"),
    ):
        usual = {"image": (12, 9, 2), "channels": (4,), "hidden_sizes": (), "out_size": 10, "key": KEY}
        with pytest.raises(InputError, match=message):
            CNN(**{**usual, **bad})
    with pytest.raises(InputError, match=r"each of which halves the image of 4×9, but are \(1, 1, 1\)"):
        CNN((4, 9, 1), (1, 1, 1), (), 10, key=KEY)
    with pytest.raises(InputError, match="channels must name one or more convolutions"):
        CNN((4, 9, 1), (), (), 10, key=KEY)
    with pytest.raises(InputError, match=r"x must have shape \(…, 12, 9, 2\), but has shape \(3, 12, 9, 1\)"):
        CNN((12, 9, 2), (4,), (), 10, key=KEY)(x[..., :1])
    with pytest.raises(InputError, match=r"dropout must lie in \[0, 1\)"):
        CNN((12, 9, 2), (4,), (), 10, key=KEY, dropout=1.0)
