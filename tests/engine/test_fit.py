import importlib

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax import lax

from neuraxis.engine import descent, evaluate, gradient_descent
from neuraxis.engine.feed import Order
from neuraxis.engine.minibatch import Task, begin, begins_finite
from neuraxis.errors import InputError
from neuraxis.feedforward import classification
from neuraxis.functions.convolution import cross_correlate
from neuraxis.layers import Dropout, Linear, Sequential
from tests.engine.learning import Drift, labels, squared, targets, train, x
from tests.trees import equal

fit_module = importlib.import_module("neuraxis.engine.fit")
random = np.random.default_rng(0)


def test_finds_the_least_squares_solution():
    model = Linear(5, 1, key=jax.random.key(0))
    fitted = train(model, descent(squared, gradient_descent(0.05)), (x, targets), epochs=60)
    expected, *_ = np.linalg.lstsq(np.c_[x, np.ones(len(x))], targets)
    np.testing.assert_allclose(np.r_[fitted.model.weight, fitted.model.bias[None]], expected, atol=1e-3)
    assert fitted.history["loss"].shape == (60,)
    assert not fitted.stopped_early


def test_one_epoch_is_the_loop_that_one_would_write_by_hand():
    """Batches without replacement, the last one smaller: 203 examples are six batches of 32 and one of 11."""
    model = Linear(5, 1, key=jax.random.key(0))
    fitted = train(model, descent(squared, gradient_descent(0.01)), (x, targets), epochs=1)
    order = Order(len(x), 32, None, True).of_epoch(0, jax.random.fold_in(jax.random.key(1), 0))
    assert sorted(order) == list(range(len(x)))
    W, b, total = np.array(model.weight, float), np.array(model.bias, float), 0.0
    for first in range(0, len(x), 32):
        batch = order[first : first + 32]
        error = x[batch] @ W + b - targets[batch]
        total += np.sum(error**2)
        W -= 0.01 * 2 * x[batch].T @ error / len(batch)
        b -= 0.01 * 2 * error.mean(0)
    np.testing.assert_allclose(fitted.model.weight, W, rtol=1e-4)
    np.testing.assert_allclose(fitted.model.bias, b, rtol=1e-4)
    np.testing.assert_allclose(fitted.history["loss"], [total / len(x)], rtol=1e-5)


def test_the_python_loop_gives_the_same_model(monkeypatch):
    fused = train()
    monkeypatch.setattr(fit_module, "begin", lambda *arguments: (begin(*arguments)[0], False))
    looped = train()
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6),
        *(eqx.filter(f.model, eqx.is_array) for f in (fused, looped)),
    )


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="the slow gradient is a CPU's")
def test_the_slow_gradient_of_a_convolution_takes_the_python_loop():
    class Conv(eqx.Module):
        kernel: jax.Array

        def __call__(self, x, *, key=None):
            y = lax.conv_general_dilated(x, self.kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
            return y.reshape(len(x), -1)

    def one_program(model, batch):
        rule = descent(squared, optax.sgd(0.1))
        arrays, static = eqx.partition(model, eqx.is_array)
        task = Task(rule, static, len(batch[0]), begins_finite(arrays), None)
        return begin(task, arrays, rule.init(model), batch, jax.random.key(0))[1]

    class OurConv(Conv):
        def __call__(self, x, *, key=None):
            return cross_correlate(x, self.kernel, padding="same").reshape(len(x), -1)

    images = jnp.ones((4, 5, 5, 2)), jnp.ones((4, 25))
    assert not one_program(Conv(jnp.ones((3, 3, 2, 1))), images)
    assert one_program(OurConv(jnp.ones((3, 3, 2, 1))), images)
    assert not one_program(Conv(jnp.ones((3, 3, 1, 1))), (jnp.ones((4, 5, 5, 1)), jnp.ones((4, 25))))
    assert one_program(Linear(5, 1, key=jax.random.key(0)), (jnp.asarray(x), jnp.asarray(targets)))


def test_the_same_key_gives_the_same_model_and_another_key_another():
    first, again, other = train(), train(), train(key=jax.random.key(2))
    assert equal(first.model, again.model)
    assert not equal(first.model, other.model)


def test_raw_images_may_stay_integers():
    images = random.integers(0, 255, (64, 5), dtype=np.uint8)
    loss = lambda model, x, t, *, key: classification.loss(model, x / 255.0, t)
    assert train(rule=descent(loss, optax.sgd(0.1)), data=(images, labels[:64]), epochs=1).history["loss"].shape == (1,)


def test_goes_on_in_memory_from_model_and_state():
    rule = descent(classification.loss, optax.adam(optax.cosine_decay_schedule(0.05, 24)))
    first = train(rule=rule, shuffle=False, steps=6, epochs=1)
    second = train(first.model, rule, tuple(a[192:] for a in (x, labels)), state=first.state, shuffle=False, epochs=1)
    whole = train(rule=rule, shuffle=False, epochs=1)  # 6 batches of 32 and one of 11
    assert equal((second.model, second.state), (whole.model, whole.state))
    assert not any(x.is_deleted() for x in jax.tree.leaves((first.model, first.state)))
    with pytest.raises(InputError, match="state must be one of this rule and model"):
        train(rule=descent(classification.loss, optax.sgd(0.1)), state=first.state)


def test_a_source_is_trained_on_as_arrays_are():
    class Rows:
        def __len__(self):
            return len(x)

        def take(self, indices):
            return x[indices], labels[indices]

    from_source, from_arrays = train(data=Rows()), train()
    assert equal(from_source.model, from_arrays.model)
    np.testing.assert_array_equal(from_source.history["loss"], from_arrays.history["loss"])


def test_lists_are_data():
    as_lists = train(data=[x.tolist(), labels.tolist()], validation=(x[:50].tolist(), labels[:50].tolist()))
    assert equal(as_lists.model, train(validation=(x[:50], labels[:50])).model)
    with pytest.raises(InputError, match=r"data\[0\] must be an array of numbers, but is \[\[1.0, 2.0\], \[3.0\]\]"):
        train(data=([[1.0, 2.0], [3.0]], [0, 1]))


@pytest.mark.parametrize("dtype", ["<f4", ">f4"])
def test_a_mapped_file_is_trained_on_as_arrays_are(tmp_path, dtype):
    mapped = np.memmap(tmp_path / "x", dtype, "w+", shape=x.shape)
    mapped[:] = x
    assert equal(train(data=(mapped, labels)).model, train().model)
    assert evaluate(None, mean_of_squares, (mapped,)) == evaluate(None, mean_of_squares, (x,))


def mean_of_squares(model, x, key=None):
    return jnp.mean(x**2, axis=-1)


def test_double_precision_reaches_a_source():
    class Rows:
        def __len__(self):
            return 40

        def take(self, indices):
            return (np.asarray(x[indices], np.float64),)

    seen = set()

    def loss(w, x, *, key):
        seen.add(str(x.dtype))
        return (x @ w) ** 2

    with jax.enable_x64(True):
        train(jnp.ones(5), descent(loss, optax.sgd(0.1)), Rows(), batch_size=16)
    assert seen == {"float64"}


def with_dropout(dropout):
    return Sequential([Linear(5, 8, key=jax.random.key(0)), dropout, Linear(8, 2, key=jax.random.key(1))])


def test_the_model_comes_back_in_inference_mode_and_is_trained_out_of_it():
    first = train(with_dropout(Dropout(0.5)))
    assert first.model.layers[1].inference
    without = eqx.tree_at(lambda model: model.layers[1], first.model, Dropout(0.0))
    assert not np.allclose(train(first.model).history["loss"], train(without).history["loss"])


def test_a_layer_that_the_user_put_into_inference_mode_stays_in_it():
    frozen, without = train(with_dropout(Dropout(0.5, inference=True))), train(with_dropout(Dropout(0.0)))
    np.testing.assert_array_equal(frozen.history["loss"], without.history["loss"])
    again = train(frozen.model)
    np.testing.assert_array_equal(again.history["loss"], train(without.model).history["loss"])


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"data": (x, labels[:-1])}, "must agree along their first axis"),
        ({"data": (x[:0], labels[:0])}, "the data are empty"),
        ({"data": (np.where(x > 2, np.nan, x), labels)}, r"data\[0\] must be finite, but contains nan"),
        ({"validation": (x[:0], labels[:0])}, "the data are empty"),
        ({"epochs": 0}, "epochs must be an integer of at least 1"),
        ({"batch_size": 2.5}, "batch_size must be an integer"),
        ({"patience": 2}, "need validation data"),
        ({"patience": 0, "validation": (x, labels)}, "patience must be an integer of at least 1"),
        ({"steps": 0}, "steps must be an integer of at least 1"),
        ({"key": 0}, "key must be one random key, such as jax.random.key"),
        ({"key": jax.random.split(jax.random.key(0))}, "key must be one random key"),
        ({"data": x}, r"data must be a tuple of one or more arrays, .* but is an array of shape \(203, 5\)"),
        ({"data": {"x": x}}, "data must be a tuple of one or more arrays, .* but is the dict {'x'"),
        ({"data": ()}, "data must be a tuple of one or more arrays, .* but is empty"),
        ({"data": (x, labels.astype(str))}, r"data\[1\] must be an array of numbers, .* dtype <U"),
        ({"data": (x + 0j, labels)}, r"data\[0\] must contain real numbers, but has dtype complex64"),
        ({"shuffle": np.ones(2)}, "shuffle must be True or False"),
        ({"resume": "yes"}, "resume must be True or False, but is 'yes'"),
        ({"checkpoint": 3}, "checkpoint must be a path, as text or pathlib.Path, but is 3"),
        ({"mesh": "data=1"}, r"mesh must be one of neuraxis.engine.make_mesh\(data, model\), but is 'data=1'"),
        ({"progress": 3}, "progress must be None, or a string to label the progress bar, but is 3"),
        ({"model": np.ones((5, 2))}, "model must be a function, but is .*float32"),
        ({"metrics": {"a": 3}, "validation": (x, labels)}, r"metrics\['a'\] must be a function, but is 3"),
        ({"callback": 3}, "callback must be a function"),
        ({"cancel": True}, "cancel must be a threading.Event"),
        ({"metrics": [classification.correct], "validation": (x, labels)}, "metrics must be functions by name"),
        ({"resume": True}, "resume=True needs a checkpoint"),
        (
            {"rule": type("Plain", (), {"init": print, "step": print, "__init__": lambda s: setattr(s, "rate", 1)})()},
            "a rule with fields must be an equinox.Module",
        ),
        ({"rule": classification.loss}, r"rule must have init and step, such as descent\(loss"),
        ({"rule": Drift}, "rule must have init and step"),
        ({"validation": (x, labels), "metrics": {"loss": classification.correct}}, "cannot be called 'loss'"),
        (
            {"validation": (x, labels), "metrics": {"validation_loss": classification.correct}},
            "cannot be called 'validation_loss'",
        ),
        (
            {"rule": Drift(), "validation": (x, labels), "patience": 3},
            'early stopping needs a rule with a loss, or a metric called "validation_loss"',
        ),
    ],
)
def test_bad_input_is_refused(changed, message):
    with pytest.raises(InputError, match=message):
        train(**changed)
