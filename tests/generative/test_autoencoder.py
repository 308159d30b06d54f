import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.functions.activations import tanh
from neuraxis.functions.principal_components import principal_components
from neuraxis.generative import Autoencoder, TiedAutoencoder
from neuraxis.generative.reconstruction import squared_error

KEY = jax.random.key(0)
SIZES = (6, 5, 4, 3)
RNG = np.random.default_rng(0)
X = RNG.normal(size=(7, 6)).astype(np.float32)


def with_biases(model):
    """Return all biases other values than 0."""
    return jax.tree.map(lambda x: x + jnp.arange(1.0, 1 + x.size) / 10 if x.ndim == 1 else x, model)


def by_hand(x, layers):
    """Map x through (W, b) of each layer, with tanh between them."""
    for i, (weight, bias) in enumerate(layers):
        x = (np.tanh(x) if i else x) @ np.asarray(weight, float) + np.asarray(bias, float)
    return x


def test_is_two_networks_in_a_row():
    model = with_biases(Autoencoder(SIZES, key=KEY, activation=tanh))
    codes = by_hand(X, [(layer.weight, layer.bias) for layer in model.encoder.layers])
    np.testing.assert_allclose(model.encode(X), codes, atol=1e-5)
    expected = by_hand(codes, [(layer.weight, layer.bias) for layer in model.decoder.layers])
    np.testing.assert_allclose(model(X), expected, atol=1e-5)
    assert [layer.weight.shape for layer in model.decoder.layers] == [(3, 4), (4, 5), (5, 6)]
    assert not np.allclose(model.encoder.layers[2].weight, model.decoder.layers[0].weight.T)


def test_a_tied_one_decodes_with_the_transposed_weights():
    model = with_biases(TiedAutoencoder(SIZES, key=KEY, activation=tanh))
    layers = model.encoder.layers
    codes = by_hand(X, [(layer.weight, layer.bias) for layer in layers])
    np.testing.assert_allclose(model.encode(X), codes, atol=1e-5)
    transposed = [(layer.weight.T, c) for layer, c in zip(layers[::-1], model.biases, strict=True)]
    np.testing.assert_allclose(model.decode(codes.astype(np.float32)), by_hand(codes, transposed), atol=1e-5)
    np.testing.assert_allclose(model(X), by_hand(codes, transposed), atol=1e-5)


def test_each_tied_weight_stands_once():
    shapes = sorted(x.shape for x in jax.tree.leaves(eqx.filter(TiedAutoencoder(SIZES, key=KEY), eqx.is_array)))
    assert shapes == [(3,), (4,), (4,), (4, 3), (5,), (5,), (5, 4), (6,), (6, 5)]


def test_a_tied_weight_learns_from_both_places():
    """The gradient is the sum of those of an encoder and a decoder that are not tied."""
    tied, free = TiedAutoencoder(SIZES, key=KEY), Autoencoder(SIZES, key=KEY)
    free = eqx.tree_at(lambda m: (m.encoder, m.decoder), free, (tied.encoder, tied.decoder))
    total = lambda model: jnp.sum(squared_error(model, X))
    ours, theirs = eqx.filter_grad(total)(tied), eqx.filter_grad(total)(free)
    for mine, up, down in zip(ours.encoder.layers, theirs.encoder.layers, theirs.decoder.layers[::-1], strict=True):
        np.testing.assert_allclose(mine.weight, up.weight + down.weight.T, rtol=1e-4, atol=1e-5)


def test_the_linear_tied_error_is_stationary_at_the_principal_components():
    pca = principal_components(X, 3)
    model = TiedAutoencoder((6, 3), key=KEY)
    model = eqx.tree_at(
        lambda m: (m.encoder.layers[0].weight, m.encoder.layers[0].bias, m.biases[0]),
        model,
        (pca.directions.T, -pca.directions @ pca.mean, pca.mean),
    )
    losses, gradient = eqx.filter_value_and_grad(lambda m: jnp.sum(squared_error(m, X)))(model)
    unexplained = np.linalg.svd(X - X.mean(0), compute_uv=False)[3:]
    np.testing.assert_allclose(losses, 0.5 * np.sum(unexplained**2), rtol=1e-4)
    assert all(np.abs(slope).max() < 1e-4 for slope in jax.tree.leaves(gradient))


@pytest.mark.parametrize("kind", [Autoencoder, TiedAutoencoder])
def test_one_pixel_and_a_code_of_one(kind):
    model = kind((1, 1), key=KEY)
    assert model(np.ones((2, 3, 1), np.uint8)).shape == (2, 3, 1)
    assert model.encode(np.zeros((0, 1))).shape == (0, 1)


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize("kind", [Autoencoder, TiedAutoencoder])
def test_bad_arguments_are_refused(kind):
    for sizes, words in (
        ((6,), "sizes must name at least"),
        ((6, 0), r"sizes\[1\] must be an integer"),
        (None, "sizes"),
    ):
        with pytest.raises(InputError, match=words):
            kind(sizes, key=KEY)
    with pytest.raises(InputError, match="key must be one random key"):
        kind(SIZES, key=0)
    with pytest.raises(InputError, match="activation must be a function"):
        kind(SIZES, key=KEY, activation="relu")
    model = kind(SIZES, key=KEY)
    for call, words in ((model, r"\(…, 6\)"), (model.encode, r"\(…, 6\)"), (model.decode, r"\(…, 3\)")):
        with pytest.raises(InputError, match=words):
            call(np.ones((2, 7)))
