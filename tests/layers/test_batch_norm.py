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
    assert eqx.tree_equal(fitted.model.layers[:3], eqx.nn.inference_mode(start).layers[:3])
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
    assert eqx.tree_equal(resumed.model, train(patience=50).model)
    best = np.argmin(resumed.history["validation_loss"])
    validation_loss = evaluate(resumed.model, classification.loss, data)
    assert validation_loss == pytest.approx(resumed.history["validation_loss"][best], rel=1e-5)


@pytest.mark.usefixtures("as_user")
def test_bad_input():
    with pytest.raises(InputError, match="two or more values of each feature, but received an array of shape"):
        BatchNorm(5)(h[:1])
    with pytest.raises(InputError, match=r"h must have shape \(…, 5\), but has shape \(40, 4\)"):
        BatchNorm(5)(h[:, :4])
    for wrong in ({"size": 0}, {"size": 5, "momentum": 1.0}, {"size": 5, "epsilon": 0.0}):
        with pytest.raises(InputError):
            BatchNorm(**wrong)
    with pytest.raises(InputError, match="measuring_loss"):
        train(classification.loss)
    with pytest.raises(InputError, match=r"the last batch of an epoch holds one example, .* another batch_size"):
        train(data=tuple(a[:65] for a in data), batch_size=32)
