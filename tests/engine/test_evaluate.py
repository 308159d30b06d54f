import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.engine import evaluate
from neuraxis.engine.evaluate import predict
from neuraxis.errors import InputError
from neuraxis.feedforward import MLP, classification
from neuraxis.feedforward.classification import measuring_loss
from neuraxis.layers import BatchNorm, Dropout, Linear, Sequential

scaled = lambda m, x, *, key: m * x


class Counting:
    """Examples that are loaded as they are needed."""

    def __init__(self, x):
        self.x, self.taken = x, []

    def __len__(self):
        return len(self.x)

    def take(self, indices):
        self.taken.append(len(indices))
        return (self.x[indices],)


@pytest.mark.parametrize("batch_size", [1, 7, 40, 1000])
def test_is_the_mean_over_all_examples_whatever_the_batches(batch_size):
    x = np.random.default_rng(0).normal(size=40).astype(np.float32)
    np.testing.assert_allclose(evaluate(2.0, scaled, (x,), batch_size=batch_size), 2 * x.mean(), rtol=1e-4)
    np.testing.assert_allclose(evaluate(2.0, scaled, [x], batch_size=batch_size), 2 * x.mean(), rtol=1e-4)
    source = Counting(x)
    np.testing.assert_allclose(evaluate(2.0, scaled, source, batch_size=batch_size), 2 * x.mean(), rtol=1e-4)
    assert sum(source.taken) == 40
    assert max(source.taken) == min(batch_size, 40)


def test_several_measures_take_one_pass():
    x = np.random.default_rng(0).normal(size=50).astype(np.float32)
    source = Counting(x)
    measures = {"square": lambda m, x, *, key: (m * x) ** 2, "positive": lambda m, x, *, key: x > 0}
    measured = evaluate(3.0, measures, source, batch_size=20)
    assert source.taken == [20, 20, 10]
    assert list(measured) == ["square", "positive"]
    np.testing.assert_allclose(measured["square"], 9 * np.mean(x**2), rtol=1e-5)
    np.testing.assert_allclose(measured["positive"], np.mean(x > 0), rtol=1e-6)


def test_new_numbers_do_not_compile_anew():
    traces = []

    def measure(model, x, *, key):
        traces.append(None)
        return model["scale"] * x

    for scale in (1.0, 2.0):
        assert evaluate({"scale": scale}, measure, (np.ones(6),), batch_size=3) == scale
    assert len(traces) == 1


def test_low_precision_is_added_up_in_a_higher_one():
    assert evaluate(None, lambda m, x, *, key: x, (np.full(5000, 1.0, np.float16),), batch_size=5000) == 1.0


def test_every_batch_has_its_own_noise():
    noise = lambda model, x, *, key: jax.random.normal(key, x.shape)
    mean = evaluate(None, noise, (jnp.zeros(20_000),), key=jax.random.key(0))
    assert abs(mean) < 4 / np.sqrt(20_000)
    assert mean == evaluate(None, noise, (jnp.zeros(20_000),), key=jax.random.key(0))


def test_a_measuring_loss_gives_its_values():
    model = eqx.nn.inference_mode(Sequential([Linear(3, 2, key=jax.random.key(0)), BatchNorm(2)]))
    x, labels = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32), np.arange(6) % 2
    expected = np.mean(measuring_loss(model, x, labels)[0])
    np.testing.assert_allclose(evaluate(model, measuring_loss, (x, labels), batch_size=4), expected, rtol=1e-5)


def test_predicts_in_inference_mode_what_the_model_gives():
    model = Sequential([Linear(3, 2, key=jax.random.key(0)), Dropout(0.5)])
    x = np.random.default_rng(0).normal(size=(10, 3)).astype(np.float32)
    y = predict(model, x, batch_size=4)
    assert isinstance(y, np.ndarray)
    np.testing.assert_allclose(y, model.layers[0](x), rtol=1e-5)
    parts = predict(lambda x: {"sum": x["a"] + x["b"]}, {"a": x, "b": -x}, batch_size=3)
    np.testing.assert_array_equal(parts["sum"], np.zeros((10, 3)))
    noise = predict(lambda x, key: jax.random.normal(key, x.shape), x, batch_size=5, key=jax.random.key(0))
    assert len(np.unique(noise)) == 30


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("data", "message"),
    [
        ((np.zeros(0),), "the data are empty"),
        (Counting(np.zeros(0)), "the data are empty: data contains no examples"),
        ((np.zeros(3), np.zeros(2)), r"must agree along their first axis, but have shapes data\[0\] \(3,\)"),
        (np.zeros((4, 2)), r"must be a tuple of one or more arrays, .* but is an array of shape \(4, 2\)"),
        (jnp.zeros(4), r"but is an array of shape \(4,\)"),
        ({"x": np.zeros(3)}, "must be a tuple of one or more arrays, .* but is {'x'"),
        ((), "must be a tuple of one or more arrays, .* but is empty"),
        (3.0, "must be a tuple of one or more arrays, .* but is 3.0"),
    ],
)
def test_bad_data_are_refused(data, message):
    with pytest.raises(InputError, match=message):
        evaluate(None, scaled, data)


@pytest.mark.usefixtures("as_user")
def test_a_source_that_gives_something_else_is_refused():
    class Bad(Counting):
        def take(self, indices):
            return self.x[indices]

    with pytest.raises(
        InputError, match=r"take\(indices\) of Bad must return a tuple of arrays .* but returned a ndarray"
    ):
        evaluate(1.0, scaled, Bad(np.zeros(3)))
    Bad.take = lambda self, indices: (self.x,)
    with pytest.raises(InputError, match=r"but returned shapes \(\(3,\),\) for 2 indices"):
        evaluate(1.0, scaled, Bad(np.zeros(3)), batch_size=2)


@pytest.mark.usefixtures("as_user")
def test_measures_that_do_not_give_one_number_per_example_are_refused():
    mean = lambda model, x, *, key: jnp.mean(x)
    with pytest.raises(InputError, match=r"^the measure must return one number per example, shape \(3,\)"):
        evaluate(None, mean, (np.zeros(3),))
    with pytest.raises(InputError, match=r"^accuracy must return one number per example"):
        evaluate(None, {"good": lambda model, x, *, key: x, "accuracy": mean}, (np.zeros(3),))
    with pytest.raises(InputError, match=r"measures\['accuracy'\] must be a function, but is 'accuracy'"):
        evaluate(None, {"accuracy": "accuracy"}, (np.zeros(3),))
    with pytest.raises(InputError, match="batch_size must be an integer"):
        evaluate(None, mean, (np.zeros(3),), batch_size=0)
    with pytest.raises(InputError, match="measures must be a function, but is 3"):
        evaluate(None, 3, (np.zeros(3),))
    with pytest.raises(InputError, match="key must be one random key"):
        evaluate(None, mean, (np.zeros(3),), key=3)
    with pytest.raises(InputError, match=r"spread must be a function of \(model, data\[0\], key=key\), .*'key'"):
        evaluate(None, {"spread": lambda model, x: x}, (np.zeros(3),))
    with pytest.raises(InputError, match="the model must be a function, as spread calls it, but is None"):
        evaluate(None, {"spread": lambda model, x, *, key: model(x)}, (np.zeros(3),))
    with pytest.raises(InputError, match=r"spread must be a function that JAX can trace: .* no float\(\)"):
        evaluate(None, {"spread": lambda model, x, *, key: float(x[0])}, (np.zeros(3),))
    with pytest.raises(InputError, match=r"spread does not fit .* with, float32\(3,\): .*\(3,\), \(2,\)"):
        evaluate(None, {"spread": lambda model, x, *, key: x + jnp.ones(2)}, (np.zeros(3, np.float32),))
    with pytest.raises(InputError, match="model must be a function"):
        predict({"weights": np.zeros(3)}, np.zeros(3))
    with pytest.raises(InputError, match="the data are empty: x contain no examples"):
        predict(lambda x: x, np.zeros((0, 3)))


@pytest.mark.usefixtures("as_user")
def test_what_is_not_a_number_is_refused_and_not_measured():
    model, data = MLP((5, 2), key=jax.random.key(0)), np.ones((4, 5), np.float32)
    with pytest.raises(InputError, match="loss is NaN: labels must be between 0 and 1, but range from 0 to 7"):
        evaluate(model, classification.loss, (data, np.array([0, 1, 7, 0])))
    with pytest.raises(InputError, match=r"data\[0\] must be finite, but contains nan at index \(2, 0\)"):
        evaluate(model, classification.loss, (np.where(np.eye(4, 5, -2) > 0, np.nan, data), np.zeros(4, int)))
    broken = eqx.tree_at(lambda m: m.layers[0].bias, model, jnp.full(2, jnp.nan))
    with pytest.raises(InputError, match=r"loss is NaN: the model contains NaN, in layers\[0\].bias"):
        evaluate(broken, classification.loss, (data, np.zeros(4, int)))
    with pytest.raises(InputError, match=r"data\[0\] must contain real numbers, but has dtype complex64"):
        evaluate(model, classification.loss, (data + 0j, np.zeros(4, int)))
    with pytest.raises(InputError, match="x must contain real numbers, but has dtype complex64"):
        predict(model, data + 0j)
    assert evaluate(None, lambda model, x, *, key: x / 0, (np.ones(3),)) == np.inf


@pytest.mark.usefixtures("as_user")
def test_lists_of_numbers_are_examples():
    np.testing.assert_array_equal(predict(lambda x: 2 * x, [[1, 2], [3, 4]]), [[2, 4], [6, 8]])
    assert predict(lambda x: x["a"] + x["b"], {"a": [1.0, 2.0], "b": np.ones(2)}).tolist() == [2, 3]
