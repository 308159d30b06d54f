import importlib

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax import lax

from neuraxis.engine import descent, evaluate, fit, gradient_descent
from neuraxis.engine.feed import Order
from neuraxis.engine.minibatch import Task, begin
from neuraxis.errors import CheckpointError, DivergedError, InputError
from neuraxis.feedforward import MLP, classification
from neuraxis.functions.convolution import cross_correlate
from neuraxis.layers import Linear

fit_module = importlib.import_module("neuraxis.engine.fit")
training = importlib.import_module("neuraxis.engine.training")

random = np.random.default_rng(0)
x = random.normal(size=(203, 5)).astype(np.float32)
labels = (x[:, 0] + 0.5 * x[:, 1] > 0).astype(np.int32)
targets = x @ np.arange(5, dtype=np.float32)[:, None] + 2


def squared(model, x, t, *, key=None):
    return jnp.sum((model(x) - t) ** 2, axis=-1)


adam = descent(classification.loss, optax.adam(1e-2))


def train(model=None, rule=adam, data=(x, labels), **changed):
    arguments = {
        "epochs": 4,
        "batch_size": 32,
        "key": jax.random.key(1),
        "progress": None,
    } | changed
    return fit(model or MLP((5, 16, 2), key=jax.random.key(0)), rule, data, **arguments)


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
        return begin(Task(rule, static, len(batch[0]), None), arrays, rule.init(model), batch, jax.random.key(0))[1]

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
    assert eqx.tree_equal(first.model, again.model)
    assert not eqx.tree_equal(first.model, other.model)


def test_early_stopping_returns_the_best_model():
    # Labels that are pure chance: the validation loss must soon rise.
    noise = random.integers(0, 2, len(x))
    validation = (x[:50], noise[50:100])
    rule = descent(classification.loss, optax.adam(0.03))
    fitted = train(rule=rule, data=(x, noise), epochs=200, validation=validation, patience=3)
    losses = fitted.history["validation_loss"]
    assert fitted.stopped_early
    assert len(losses) < 200
    assert np.argmin(losses) == len(losses) - 4
    np.testing.assert_allclose(evaluate(fitted.model, classification.loss, validation), losses.min(), rtol=1e-6)


def test_metrics_are_measured_on_the_validation_data():
    fitted = train(validation=(x, labels), metrics={"accuracy": classification.correct}, epochs=20)
    by_hand = np.mean(np.argmax(fitted.model(jnp.asarray(x)), -1) == labels)
    np.testing.assert_allclose(fitted.history["accuracy"][-1], by_hand)
    assert by_hand > 0.95


@pytest.mark.parametrize("interrupted_at", [1, 5, 8, 20])
def test_an_interrupted_run_goes_on_to_the_bit_identical_result(tmp_path, monkeypatch, interrupted_at):
    path = tmp_path / "checkpoint.safetensors"
    settings = {"validation": (x, labels), "patience": 50}
    whole = train(**settings)
    advance, calls = training.advance, iter(range(1000))

    def interrupting(task, position, block, key, steps, one_program):
        if next(calls) == interrupted_at:
            raise KeyboardInterrupt
        return advance(task, position, block, key, 1, one_program)

    monkeypatch.setattr(training, "advance", interrupting)
    monkeypatch.setattr(training, "_SECONDS_PER_CALL", 0.0)  # one step a call
    with pytest.raises(KeyboardInterrupt):
        train(**settings, checkpoint=path)
    monkeypatch.undo()
    resumed = train(**settings, checkpoint=path, resume=True)
    assert eqx.tree_equal(resumed.model, whole.model)
    assert all(np.array_equal(resumed.history[name], whole.history[name]) for name in whole.history)


def test_a_finished_run_resumes_to_itself_and_can_be_prolonged(tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    short = train(epochs=2, checkpoint=path)
    assert eqx.tree_equal(train(epochs=2, checkpoint=path, resume=True).model, short.model)
    assert eqx.tree_equal(train(epochs=4, checkpoint=path, resume=True).model, train(epochs=4).model)


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    train(epochs=1, checkpoint=path)
    changed = {
        "batch_size": {"batch_size": 16},
        "data": {"data": (x + 1, labels)},
        "model": {"model": MLP((5, 8, 2), key=jax.random.key(0))},
        "rule": {"rule": descent(classification.loss, optax.adam(2e-2))},
        "key": {"key": jax.random.key(2)},
        "order": {"shuffle": False},
        "validation": {"validation": (x, labels)},
    }
    for name, other in changed.items():
        with pytest.raises(CheckpointError, match=rf"belongs to another run, whose {name} differed"):
            train(checkpoint=path, resume=True, **other)
    assert train(checkpoint=path, resume=True).history["loss"].shape == (4,)


def test_divergence_stops_at_its_step_and_keeps_the_last_good_checkpoint(tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    model = Linear(5, 1, key=jax.random.key(0))
    train(model, descent(squared, gradient_descent(1e-3)), (x, targets), epochs=1, checkpoint=path)
    before = path.read_bytes()
    with pytest.raises(DivergedError, match=r"stopped being finite at step \d+ \(epoch \d+\).*kept in") as error:
        train(model, descent(squared, gradient_descent(1e6)), (x, targets), epochs=50, checkpoint=path)
    assert 0 < error.value.step < 50 * 7
    assert path.read_bytes() == before


def test_labels_out_of_range_are_named():
    bad = np.full_like(labels, 9)
    with pytest.raises(InputError, match="labels must lie from 0 to 1, but reach from 9 to 9"):
        train(data=(x, bad))
    bad = labels.copy()
    bad[7] = -1
    with pytest.raises((InputError, DivergedError), match="labels must lie from 0 to 1, but reach from -1 to 1"):
        train(data=(x, bad))


def test_raw_images_may_stay_integers():
    images = random.integers(0, 255, (64, 5), dtype=np.uint8)
    loss = lambda model, x, t, *, key: classification.loss(model, x / 255.0, t)
    assert train(rule=descent(loss, optax.sgd(0.1)), data=(images, labels[:64]), epochs=1).history["loss"].shape == (1,)


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"data": (x, labels[:-1])}, "must agree along their first axis"),
        ({"data": (x[:0], labels[:0])}, "the data are empty"),
        ({"data": (np.where(x > 2, np.nan, x), labels)}, r"data\[0\] must be finite, but holds nan"),
        ({"validation": (x[:0], labels[:0])}, "the data are empty"),
        ({"epochs": 0}, "epochs must be a whole number of at least 1"),
        ({"batch_size": 2.5}, "batch_size must be a whole number"),
        ({"patience": 2}, "need validation data"),
        ({"patience": 0, "validation": (x, labels)}, "patience must be a whole number of at least 1"),
    ],
)
def test_bad_input_is_refused(changed, message):
    with pytest.raises(InputError, match=message):
        train(**changed)


def test_plain_lines_show_progress_where_there_is_no_terminal(monkeypatch, capsys):
    progress = importlib.import_module("neuraxis.engine.progress")
    monkeypatch.setattr(progress, "_SECONDS_BETWEEN_LINES", 0.0)
    train(progress="digits", epochs=1)
    assert "digits: " in (lines := capsys.readouterr().err)
    assert "loss " in lines
    assert "s left" in lines
