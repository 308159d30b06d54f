import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from neuraxis.engine import descent, evaluate, fit, gradient_descent
from neuraxis.errors import InputError
from neuraxis.feedforward import classification
from neuraxis.layers import BatchNorm, Linear, Sequential
from tests.trees import equal

random = np.random.default_rng(0)
h = random.normal(3.0, 2.0, (40, 5)).astype(np.float32)


def test_normalises_every_feature():
    y = BatchNorm(5)(h)
    np.testing.assert_allclose(jnp.mean(y, 0), np.zeros(5), atol=1e-5)
    np.testing.assert_allclose(jnp.std(y, 0), np.ones(5), atol=1e-4)


def test_all_axes_but_the_last_belong_to_the_batch():
    np.testing.assert_allclose(BatchNorm(5)(h.reshape(5, 2, 4, 5)).reshape(40, 5), BatchNorm(5)(h), atol=1e-5)


def test_running_moments_follow_the_recursion():
    layer, mean, variance = BatchNorm(5, momentum=0.8), np.zeros(5), np.ones(5)
    for batch in np.split(h, 4):
        y, layer = layer.measure(batch)
        np.testing.assert_allclose(y, BatchNorm(5)(batch), atol=1e-6)
        mean = 0.8 * mean + 0.2 * batch.mean(0)
        variance = 0.8 * variance + 0.2 * batch.var(0, ddof=1)
    np.testing.assert_allclose(layer.running.mean, mean, rtol=1e-5)
    np.testing.assert_allclose(layer.running.variance, variance, rtol=1e-5)
    inference = eqx.nn.inference_mode(layer)
    np.testing.assert_allclose(inference(h), (h - mean) / np.sqrt(variance + 1e-5), atol=1e-5)
    same, unchanged = inference.measure(h)
    assert unchanged is inference
    np.testing.assert_array_equal(same, inference(h))


def test_gradient_is_that_of_the_centred_and_scaled_batch():
    """The closed form of Ioffe and Szegedy, in NumPy: dh = γ/σ (dy − mean dy − ĥ mean(dy ⊙ ĥ))."""
    layer = eqx.tree_at(lambda layer: layer.gamma, BatchNorm(5), jnp.linspace(0.5, 2, 5))
    dy = random.normal(size=h.shape).astype(np.float32)
    sigma = np.sqrt(h.var(0) + 1e-5)
    normal = (h - h.mean(0)) / sigma
    expected = np.linspace(0.5, 2, 5) / sigma * (dy - dy.mean(0) - normal * (dy * normal).mean(0))
    np.testing.assert_allclose(jax.vjp(layer, h)[1](dy)[0], expected, atol=1e-5)


@pytest.mark.parametrize("level", [100.3, 2024.7, 1e7 / 3, -3.3e8])
def test_a_feature_that_does_not_vary_gives_beta(level):
    constant = np.full((250, 2), level, np.float32)
    y, layer = BatchNorm(2).measure(constant)
    np.testing.assert_array_equal(y, np.zeros((250, 2)))
    np.testing.assert_allclose(layer.running.variance, [0.9, 0.9], rtol=1e-6)
    np.testing.assert_allclose(layer.running.mean, 0.1 * constant[0], rtol=1e-6)


def test_a_mean_that_is_large_against_the_deviation():
    far = random.normal(1e6, 1.0, (250, 8)).astype(np.float32)
    exact = far.astype(float)
    y, layer = BatchNorm(8, momentum=0.0).measure(far)
    np.testing.assert_allclose(y, (exact - exact.mean(0)) / np.sqrt(exact.var(0) + 1e-5), atol=1e-4)
    np.testing.assert_allclose(layer.running.variance, exact.var(0, ddof=1), rtol=1e-5)
    # The running mean is rounded to single precision, 0.03 at 1e6, and nothing more is lost.
    inference = eqx.nn.inference_mode(layer)(far)
    rounded = exact.mean(0).astype(np.float32)
    np.testing.assert_allclose(inference, (exact - rounded) / np.sqrt(exact.var(0, ddof=1) + 1e-5), atol=0.07)


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16])
def test_moments_of_half_precision_are_taken_in_single(dtype):
    wide = jnp.asarray(random.normal(100.0, 300.0, (250, 5)), dtype)
    exact = np.asarray(wide).astype(float)
    expected = (exact - exact.mean(0)) / exact.std(0)
    half = jax.tree.map(lambda leaf: leaf.astype(dtype) if eqx.is_array(leaf) else leaf, BatchNorm(5, momentum=0.0))
    for layer, out, atol in ((BatchNorm(5, momentum=0.0), jnp.float32, 1e-5), (half, dtype, 0.01)):
        y, measured = layer.measure(wide)
        assert y.dtype == out
        np.testing.assert_allclose(y.astype(float), expected, atol=atol)
        np.testing.assert_allclose(measured.running.variance, exact.var(0, ddof=1), rtol=1e-5)
        np.testing.assert_allclose(eqx.nn.inference_mode(measured)(wide).astype(float), expected, atol=0.02)


def test_integers_and_empty_batches():
    counts = random.integers(0, 255, (40, 5)).astype(np.uint8)
    np.testing.assert_array_equal(BatchNorm(5)(counts), BatchNorm(5)(counts.astype(np.float32)))
    layer = BatchNorm(5)
    y, same = layer.measure(h[:0])
    assert y.shape == (0, 5)
    assert same is layer
    assert eqx.nn.inference_mode(layer)(h[:0]).shape == (0, 5)


def network():
    key1, key2 = jax.random.split(jax.random.key(0))
    return Sequential([Linear(5, 16, key=key1), BatchNorm(16), jax.nn.relu, Linear(16, 2, key=key2)])


x = random.normal(2.0, 3.0, size=(203, 5)).astype(np.float32)
data = (x, (x[:, 0] > 2).astype(np.int32))


adam = optax.adam(1e-2)


def train(loss=classification.measuring_loss, optimizer=adam, data=data, **changed):
    arguments = {"epochs": 6, "batch_size": 32, "key": jax.random.key(1), "validation": data} | changed
    return fit(network(), descent(loss, optimizer), data, progress=None, **arguments)


def test_fit_carries_the_statistics_along():
    """Five steps on the whole data, so small that nothing else changes: the closed form of the recursion."""
    running = train(optimizer=gradient_descent(1e-12), epochs=5, batch_size=203).model.layers[1].running
    first = np.asarray(network().layers[0](x))
    np.testing.assert_allclose(running.mean, (1 - 0.9**5) * first.mean(0), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(running.variance, 0.9**5 + (1 - 0.9**5) * first.var(0, ddof=1), rtol=1e-4)


def test_a_part_that_is_not_trained_keeps_its_statistics_and_uses_them():
    rule = descent(classification.measuring_loss, gradient_descent(0.1), train=lambda model: model.layers[3])
    start = eqx.tree_at(lambda m: m.layers[1].running.mean, network(), jnp.arange(16.0))
    fitted = fit(start, rule, data, epochs=2, batch_size=32, key=jax.random.key(1), progress=None)
    assert equal(fitted.model.layers[:3], eqx.nn.inference_mode(start).layers[:3])
    assert not jnp.array_equal(fitted.model.layers[3].weight, start.layers[3].weight)
    loss = evaluate(start, classification.loss, data)  # with the statistics that the part has
    tiny = descent(classification.measuring_loss, gradient_descent(1e-12), train=lambda model: model.layers[3])
    found = fit(start, tiny, data, batch_size=203, key=jax.random.key(1), progress=None).history["loss"][0]
    assert found == pytest.approx(loss, rel=1e-5)


def test_validation_and_evaluation_use_the_running_moments():
    fitted = train()
    assert evaluate(fitted.model, classification.correct, data) > 0.9
    validation_loss = fitted.history["validation_loss"][-1]
    assert evaluate(fitted.model, classification.loss, data) == pytest.approx(validation_loss, rel=1e-5)


def test_statistics_outlive_an_interruption_and_belong_to_the_best_model(tmp_path):
    file = tmp_path / "checkpoint.safetensors"
    train(epochs=3, checkpoint=file, patience=50)
    resumed = train(checkpoint=file, resume=True, patience=50)
    assert equal(resumed.model, train(patience=50).model)
    best = np.argmin(resumed.history["validation_loss"])
    validation_loss = evaluate(resumed.model, classification.loss, data)
    assert validation_loss == pytest.approx(resumed.history["validation_loss"][best], rel=1e-5)


class Block(eqx.Module):
    """A user's own, which does not measure."""

    linear: Linear
    norm: BatchNorm

    def __call__(self, x, *, key=None):
        return self.norm(self.linear(x))


class Forgetful(Block):
    """One that says that it measures."""

    def measure(self, x, *, key=None):
        return self(x), self


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("kind", "whole", "words"),
    [
        (Block, False, r"Block\.norm measures statistics of its data, so Block needs a method measure"),
        (Block, True, r"Sequential has"),
        (Forgetful, False, r"the loss returns a model whose norm has not measured its data"),
        (Forgetful, True, r"the loss returns a model whose layers\[0\]\.norm has not measured its data"),
    ],
)
def test_statistics_that_would_not_be_measured_are_refused(kind, whole, words):
    block = kind(Linear(5, 2, key=jax.random.key(0)), BatchNorm(2))
    rule = descent(classification.measuring_loss, adam)
    with pytest.raises(InputError, match=words):
        fit(Sequential([block]) if whole else block, rule, data, batch_size=32, key=jax.random.key(1), progress=None)


def test_a_layer_that_the_user_froze_stays_so():
    start = eqx.tree_at(lambda m: (m.layers[1].running.mean, m.layers[1].inference), network(), (jnp.ones(16), True))
    for loss in (classification.measuring_loss, classification.loss):
        fitted = fit(start, descent(loss, adam), data, batch_size=32, key=jax.random.key(1), progress=None)
        assert equal(fitted.model.layers[1].running, start.layers[1].running)
        assert not jnp.array_equal(fitted.model.layers[1].gamma, start.layers[1].gamma)


def test_what_fit_gives_back_learns_on():
    fitted = train(epochs=1, validation=None)
    assert fitted.model.layers[1].inference
    more = fit(fitted.model, descent(classification.measuring_loss, adam), data, **GO)
    assert not jnp.allclose(more.model.layers[1].running.mean, fitted.model.layers[1].running.mean, atol=0.1)


def test_fit_keeps_statistics_of_a_model_in_half_precision_in_single():
    half = jax.tree.map(lambda leaf: leaf.astype(jnp.float16) if eqx.is_array(leaf) else leaf, network())
    fitted = fit(half, descent(classification.measuring_loss, gradient_descent(0.1)), data, **GO)
    assert fitted.model.layers[1].running.variance.dtype == jnp.float32
    assert fitted.model.layers[0].weight.dtype == jnp.float16


GO = {"batch_size": 32, "key": jax.random.key(1), "progress": None}


@pytest.mark.usefixtures("as_user")
def test_bad_input():
    with pytest.raises(InputError, match="two or more values of each feature, but received an array of shape"):
        BatchNorm(5)(h[:1])
    with pytest.raises(InputError, match=r"h must have shape \(…, 5\), but has shape \(40, 4\)"):
        BatchNorm(5)(h[:, :4])
    for wrong in (
        {"size": 0},
        {"size": 5, "momentum": 1.0},
        {"size": 5, "momentum": [0.9, 0.9]},
        {"size": 5, "epsilon": 0.0},
        {"size": 5, "inference": "text"},
    ):
        with pytest.raises(InputError, match=f"{list(wrong)[-1]} must"):
            BatchNorm(**wrong)
    with pytest.raises(InputError, match="measuring_loss"):
        train(classification.loss)
    with pytest.raises(InputError, match=r"the last batch of an epoch contains one example, .* another batch_size"):
        train(data=tuple(a[:65] for a in data), batch_size=32)
