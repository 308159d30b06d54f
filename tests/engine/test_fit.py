import csv
import importlib
import signal
import threading

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax import lax

from neuraxis.engine import CSVWriter, averaged, descent, evaluate, fit, gradient_descent, momentum
from neuraxis.engine.feed import Order
from neuraxis.engine.minibatch import Task, begin, begins_finite
from neuraxis.errors import CheckpointError, DivergedError, InputError
from neuraxis.feedforward import MLP, DiscreteLIF, SpikingClassifier, classification
from neuraxis.functions.convolution import cross_correlate
from neuraxis.layers import BatchNorm, Dropout, Linear, Sequential
from neuraxis.neurons import LIF

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
    return fit(MLP((5, 16, 2), key=jax.random.key(0)) if model is None else model, rule, data, **arguments)


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
    with pytest.raises(DivergedError, match=r"stopped being finite at step \d+ \(epoch \d+\)") as error:
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


def test_goes_on_in_memory_from_model_and_state():
    rule = descent(classification.loss, optax.adam(optax.cosine_decay_schedule(0.05, 24)))
    first = train(rule=rule, shuffle=False, steps=6, epochs=1)
    second = train(first.model, rule, tuple(a[192:] for a in (x, labels)), state=first.state, shuffle=False, epochs=1)
    whole = train(rule=rule, shuffle=False, epochs=1)  # 6 batches of 32 and one of 11
    assert eqx.tree_equal((second.model, second.state), (whole.model, whole.state))
    with pytest.raises(InputError, match="state must be one of this rule and model"):
        train(rule=descent(classification.loss, optax.sgd(0.1)), state=first.state)


def test_a_source_is_trained_on_as_arrays_are():
    class Rows:
        def __len__(self):
            return len(x)

        def take(self, indices):
            return x[indices], labels[indices]

    from_source, from_arrays = train(data=Rows()), train()
    assert eqx.tree_equal(from_source.model, from_arrays.model)
    np.testing.assert_array_equal(from_source.history["loss"], from_arrays.history["loss"])


def test_lists_are_data():
    as_lists = train(data=[x.tolist(), labels.tolist()], validation=(x[:50].tolist(), labels[:50].tolist()))
    assert eqx.tree_equal(as_lists.model, train(validation=(x[:50], labels[:50])).model)
    with pytest.raises(InputError, match="data must be arrays, but holds lists of different lengths"):
        train(data=([[1.0, 2.0], [3.0]], [0, 1]))


def test_a_mapped_file_is_trained_on_as_arrays_are(tmp_path):
    mapped = np.memmap(tmp_path / "x", np.float32, "w+", shape=x.shape)
    mapped[:] = x
    assert eqx.tree_equal(train(data=(mapped, labels)).model, train().model)


def test_only_what_is_picked_is_trained():
    start = MLP((5, 16, 2), key=jax.random.key(0))
    rule = descent(classification.loss, optax.adam(1e-2), train=lambda model: model.layers[1].bias)
    model = train(start, rule).model
    assert eqx.tree_equal(model.layers[0], start.layers[0])
    np.testing.assert_array_equal(model.layers[1].weight, start.layers[1].weight)
    assert jnp.all(model.layers[1].bias != start.layers[1].bias)


def test_a_gradient_by_hand_takes_the_place_of_jax():
    """½(x w − t)² has the gradient xᵀ(x w − t)/n; the factor 2 shows that it is this one that is used."""
    loss = lambda w, x, t, *, key: 0.5 * (x @ w - t[:, 0]) ** 2

    def by_hand(w, x, t, *, key):
        return loss(w, x, t, key=key), 2 * x.T @ (x @ w - t[:, 0]) / len(x)

    start, data = jnp.zeros(5), (x, targets)
    twice = train(start, descent(loss, gradient_descent(0.01), gradient=by_hand), data).model
    np.testing.assert_allclose(twice, train(start, descent(loss, gradient_descent(0.02)), data).model, rtol=1e-5)
    wrong = lambda w, x, t, *, key: (loss(w, x, t, key=key), (w, w))
    with pytest.raises(InputError, match="the gradient must be a tree like the model"):
        train(start, descent(loss, gradient_descent(0.01), gradient=wrong), data)


@pytest.mark.parametrize("optimizer", [optax.lbfgs(), optax.contrib.reduce_on_plateau(patience=2)])
def test_optimizers_that_look_at_the_loss(optimizer):
    rule = descent(classification.loss, optax.chain(optax.sgd(0.1), optimizer))
    history = train(rule=rule, batch_size=203).history["loss"]
    assert history[-1] < history[0]


def test_a_callback_watches_and_can_cancel():
    reports, cancel = [], threading.Event()

    def watch(report):
        reports.append(report)
        if report.ends_epoch and report.epoch == 2:
            cancel.set()

    fitted = train(callback=watch, cancel=cancel, validation=(x, labels), epochs=10)
    assert fitted.cancelled
    assert eqx.tree_equal(fitted.model, train(epochs=2).model)
    ends = [report for report in reports if report.ends_epoch]
    assert [(report.step, report.epoch) for report in ends] == [(7, 1), (14, 2)]
    assert [report.losses["loss"] for report in ends] == list(fitted.history["loss"])
    assert [report.losses["validation_loss"] for report in ends] == list(fitted.history["validation_loss"])
    steps, seconds = zip(*((report.step, report.seconds) for report in reports), strict=True)
    assert list(steps) == sorted(set(steps))
    assert list(seconds) == sorted(seconds)


def test_a_writer_is_a_callback(tmp_path):
    fitted = train(callback=CSVWriter(tmp_path / "losses.csv"), validation=(x, labels), epochs=2)
    with (tmp_path / "losses.csv").open() as file:
        rows = list(csv.DictReader(file))
    at_ends = [float(row["value"]) for row in rows if row["step"] in ("7", "14") and row["name"] == "validation_loss"]
    np.testing.assert_allclose(at_ends, fitted.history["validation_loss"])


def test_a_cancelled_run_goes_on(tmp_path, monkeypatch):
    path, cancel = tmp_path / "checkpoint.safetensors", threading.Event()
    monkeypatch.setattr(training, "_SECONDS_BETWEEN_REPORTS", 0.0)
    train(checkpoint=path, cancel=cancel, callback=lambda report: cancel.set() if report.step >= 9 else None)
    assert eqx.tree_equal(train(checkpoint=path, resume=True).model, train().model)


def test_a_run_whose_callback_fails_goes_on(tmp_path, monkeypatch):
    path = tmp_path / "checkpoint.safetensors"
    monkeypatch.setattr(training, "_SECONDS_BETWEEN_REPORTS", 0.0)

    def fail(report):
        if report.step >= 9:
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        train(checkpoint=path, callback=fail)
    assert eqx.tree_equal(train(checkpoint=path, resume=True).model, train().model)


def test_a_place_that_cannot_hold_a_checkpoint_is_refused_at_once(tmp_path):
    for place in (tmp_path / "file" / "checkpoint", tmp_path):
        (tmp_path / "file").touch()
        with pytest.raises((OSError, CheckpointError)):
            train(checkpoint=place, callback=lambda report: pytest.fail("trained"))


def test_what_was_learnt_comes_back_also_where_the_best_model_was_wanted():
    cancel = threading.Event()
    loss = lambda model, x, labels, *, key: (
        jax.debug.callback(cancel.set) or classification.loss(model, x, labels, key=key)
    )
    fitted = train(rule=descent(loss, optax.adam(1e-2)), validation=(x, labels), patience=3, cancel=cancel)
    assert fitted.cancelled
    assert not eqx.tree_equal(fitted.model, MLP((5, 16, 2), key=jax.random.key(0)))


def test_an_interrupt_in_the_last_step_is_heard(tmp_path):
    old = signal.signal(signal.SIGINT, signal.default_int_handler)
    path = tmp_path / "checkpoint.safetensors"
    with pytest.raises(KeyboardInterrupt):
        train(epochs=1, batch_size=203, checkpoint=path, callback=lambda report: signal.raise_signal(signal.SIGINT))
    signal.signal(signal.SIGINT, old)
    assert train(epochs=1, batch_size=203, checkpoint=path, resume=True).history["loss"].shape == (1,)


def test_a_mask_of_infinities_in_a_model_is_no_divergence():
    class Masked(eqx.Module):
        weight: jax.Array
        mask: jax.Array

        def __call__(self, x, *, key=None):
            return jax.nn.softmax(x @ self.weight + jax.lax.stop_gradient(self.mask))

    model = Masked(jnp.ones((5, 3)), jnp.array([0.0, 0.0, -jnp.inf]))
    loss = lambda model, x, labels, *, key: -jnp.log(model(x)[jnp.arange(len(x)), labels])
    rule = descent(loss, optax.sgd(0.1), train=lambda model: model.weight)
    assert np.isfinite(train(model, rule).history["loss"]).all()


@pytest.mark.parametrize("number", [np.float64(2.0), np.float32(2.0)])
def test_numpy_numbers_are_numbers(number):
    fitted = train(Scaled(jnp.zeros(3), number), Drift(), (x,))
    assert fitted.model.scale == 2.0
    assert type(fitted.model.scale) is float


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


def test_statistics_need_a_loss_that_gives_them():
    model = Sequential([Linear(5, 2, key=jax.random.key(0)), BatchNorm(2)])
    by_hand = lambda model, x, labels, *, key: (classification.loss(model, x, labels), model)
    with pytest.raises(InputError, match="gradient= cannot bring the statistics up to date"):
        train(model, descent(classification.loss, optax.sgd(0.1), gradient=by_hand))


def test_the_model_comes_back_in_inference_mode_and_is_trained_out_of_it():
    model = Sequential(
        [Linear(5, 8, key=jax.random.key(0)), Dropout(0.5, inference=True), Linear(8, 2, key=jax.random.key(1))]
    )
    fitted = train(model)
    assert fitted.model.layers[1].inference
    without = Sequential([model.layers[0], Dropout(0.0), model.layers[2]])
    assert not np.allclose(train(without).history["loss"], fitted.history["loss"])


def test_validation_draws_its_own_noise():
    seen = {"training": [], "validation": []}

    def noisy(model, x, labels, *, key):
        where = "training" if model.layers[1].inference is False else "validation"
        jax.debug.callback(lambda k: seen[where].append(tuple(np.asarray(k).tolist())), jax.random.key_data(key))
        return classification.loss(model, x, labels, key=key)

    model = Sequential([Linear(5, 8, key=jax.random.key(0)), Dropout(0.1), Linear(8, 2, key=jax.random.key(1))])
    train(model, descent(noisy, optax.adam(1e-2)), validation=(x, labels))
    assert len(set(seen["validation"])) == 8  # one for each of two batches in four epochs
    assert not set(seen["training"]) & set(seen["validation"])


def test_a_validation_loss_that_is_not_finite_stops_the_run():
    bad = np.where(np.arange(len(x)) == 7, 9, labels)
    with pytest.raises(DivergedError, match="the validation loss is nan after epoch 1: labels must lie from 0 to 1"):
        train(validation=(x, bad), patience=3)


def test_half_precision_does_not_look_like_divergence():
    """5000 weights of 50 overflow the sum of a float16, though none of them does."""
    loss = lambda w, x, *, key: jnp.abs(jnp.mean(w, dtype=jnp.float32) - x)
    rule, data = descent(loss, optax.sgd(0.1)), (np.ones(8, np.float32),)
    fitted = train(jnp.full(5000, 50.0, jnp.float16), rule, data, batch_size=4)
    assert fitted.model.dtype == jnp.float16
    assert np.isfinite(fitted.history["loss"]).all()


def test_the_mean_loss_of_very_many_steps_keeps_its_digits():
    rule = descent(lambda w, x, *, key: 0 * w + 0.1 + 0 * x, optax.sgd(0.1))
    fitted = train(jnp.zeros(()), rule, (np.zeros(200_000, np.float32),), batch_size=1, epochs=1)
    assert fitted.history["loss"][0] == pytest.approx(0.1, rel=1e-6)


class Drift(eqx.Module):
    """A rule that adds to the weights."""

    rate: float = 0.5

    def init(self, model):
        return ()

    def step(self, model, state, batch, *, key):
        moved = eqx.tree_at(lambda m: m.weight, model, model.weight + self.rate)
        return moved, state, {"length": jnp.sum(batch[0] ** 2, axis=-1)}


class Scaled(eqx.Module):
    weight: jax.Array
    scale: float = 2.0


def test_another_number_in_model_or_rule_runs_the_same_program():
    traced = []

    class Counting(Drift):
        def step(self, model, state, batch, *, key):
            traced.append(model)
            return super().step(model, state, batch, key=key)

    start = Scaled(jnp.zeros(3))
    train(start, Counting(), (x,))
    count = len(traced)
    fitted = train(eqx.tree_at(lambda m: m.scale, start, 3.0), Counting(0.25), (x,))
    assert len(traced) == count + 1  # the trial that looks at the losses
    assert fitted.model.scale == 3.0
    np.testing.assert_allclose(fitted.model.weight, 0.25 * 7 * 4)
    assert list(fitted.history) == ["length"]


def test_another_time_constant_or_rate_trains_by_the_same_program():
    counted = []

    def loss(model, x, labels, *, key):
        counted.append(model)
        return classification.loss(model, x, labels, key=key)

    rule = descent(loss, optax.adam(1e-2))
    train = lambda model: fit(model, rule, (x[:64], labels[:64]), batch_size=32, key=jax.random.key(1), progress=None)
    first, last = Linear(5, 8, key=jax.random.key(0)), Linear(8, 2, key=jax.random.key(1))
    for make in (
        lambda number: SpikingClassifier((5, 8, 2), key=jax.random.key(0), neurons=DiscreteLIF(tau_m=number), steps=3),
        lambda number: Sequential([first, Dropout(number / 100), last]),
    ):
        train(make(20.0))
        before = len(counted)
        train(make(21.0))
        assert len(counted) == before + 1  # the trial that looks at the losses


@pytest.mark.parametrize("make", [gradient_descent, momentum])
def test_another_learning_rate_trains_by_the_same_program(make):
    counted = []

    def loss(w, x, t, *, key):
        counted.append(w)
        return (x @ w - t[:, 0]) ** 2

    found = {
        rate: train(jnp.zeros(5), descent(loss, make(rate)), (x[:64], targets[:64])).model for rate in (0.01, 0.02)
    }
    assert not np.allclose(found[0.01], found[0.02])
    assert len(counted) == 3  # a trial that looks at the losses for each, and one program


def test_a_rule_without_a_loss_is_watched_by_metrics():
    metrics = {"validation_loss": lambda model, x, *, key: jnp.abs(model.weight[0] - 10) + 0 * x[:, 0]}
    fitted = train(Scaled(jnp.zeros(3)), Drift(), (x,), validation=(x,), metrics=metrics, patience=2, epochs=20)
    assert fitted.stopped_early
    np.testing.assert_allclose(fitted.model.weight, 10.5)  # after 21 steps, nearer than after 14 or 28


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m, s, e: (m.weight, s, e), "must keep the structure of the model"),
        (
            lambda m, s, e: (eqx.tree_at(lambda m: m.weight, m, m.weight[:2]), s, e),
            r"weight was float32\[3\] and is float32\[2\]",
        ),
        (
            lambda m, s, e: (eqx.tree_at(lambda m: m.scale, m, m.scale + 1), s, e),
            "must leave the Python numbers in a model",
        ),
        (lambda m, s, e: (m, jnp.ones(2), e), "must keep the structure of its state"),
        (lambda m, s, e: (m, s), r"must give \(model, state, losses\), but gave 2 things"),
        (lambda m, s, e: (m, s, {}), "must give one or more losses"),
        (lambda m, s, e: (eqx.tree_at(lambda m: m.weight, m, 1.0), s, e), "must keep the arrays of the model"),
        (lambda m, s, e: (m, s, e["length"][:, None]), "loss must give one number per example, .* off, as in values"),
        (lambda m, s, e: (m, s, jnp.mean(e["length"])), "leave the mean or sum over the examples out"),
    ],
)
def test_a_rule_keeps_what_it_has_to(change, message):
    class Careless(Drift):
        def step(self, model, state, batch, *, key):
            return change(*super().step(model, state, batch, key=key))

    with pytest.raises(InputError, match=message):
        train(Scaled(jnp.zeros(3)), Careless(), (x,))


def test_nothing_to_train_is_refused_with_a_cure():
    with pytest.raises(InputError, match=r"LIF has nothing to train: .*tau_m=jnp.asarray\(20.0\)"):
        train(LIF())
    with pytest.raises(InputError, match=r"train picks nothing to train: .*scale=jnp.asarray\(2.0\)"):
        train(Scaled(jnp.zeros(3)), descent(squared, optax.sgd(0.1), train=lambda model: model.scale))


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
        ({"steps": 0}, "steps must be a whole number of at least 1"),
        ({"key": 0}, "key must be one random key, such as jax.random.key"),
        ({"key": jax.random.split(jax.random.key(0))}, "key must be one random key"),
        ({"data": x}, r"data must be a tuple of one or more arrays, .* but is an array of shape \(203, 5\)"),
        ({"data": {"x": x}}, "data must be a tuple of one or more arrays, .* but is {'x'"),
        ({"data": ()}, "data must be a tuple of one or more arrays, .* but is empty"),
        ({"data": (x, labels.astype(str))}, r"data\[1\] must hold numbers, but has dtype <U"),
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


def test_plain_lines_show_progress_where_there_is_no_terminal(monkeypatch, capsys):
    progress = importlib.import_module("neuraxis.engine.progress")
    monkeypatch.setattr(progress, "_SECONDS_BETWEEN_LINES", 0.0)
    train(progress="digits", epochs=1)
    assert "digits: " in (lines := capsys.readouterr().err)
    assert "loss " in lines
    assert "s left" in lines


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: descent(classification.loss, optax.adam), "optimizer must be an optax transformation"),
        (lambda: descent(classification.loss, 0.1), "optimizer must be an optax transformation"),
        (lambda: descent(0.1, optax.sgd(0.1)), "loss must be a function"),
        (lambda: averaged(adam, 1.0), r"decay must lie in \[0, 1\)"),
    ],
)
def test_bad_rules_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()
