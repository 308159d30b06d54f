import csv
import importlib
import os
import signal
import threading
from queue import SimpleQueue

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from neuraxis import files
from neuraxis.engine import CSVWriter, descent, evaluate, gradient_descent
from neuraxis.errors import CheckpointError, DivergedError, Interrupted
from neuraxis.feedforward import MLP, classification
from neuraxis.layers import Dropout, Linear, Sequential
from tests.engine.learning import labels, squared, targets, train, x
from tests.trees import equal

training = importlib.import_module("neuraxis.engine.training")
random = np.random.default_rng(0)


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
    assert equal(resumed.model, whole.model)
    assert all(np.array_equal(resumed.history[name], whole.history[name]) for name in whole.history)


def test_a_finished_run_resumes_to_itself_and_can_be_prolonged(tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    killed = tmp_path / f".{path.name}.{files._host()}.{os.getpid()}.abc"
    killed.touch()  # what a killed writer leaves
    short = train(epochs=2, checkpoint=path)
    assert not killed.exists()
    assert equal(train(epochs=2, checkpoint=path, resume=True).model, short.model)
    assert equal(train(epochs=4, checkpoint=path, resume=True).model, train(epochs=4).model)


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


def test_a_callback_watches_and_can_cancel():
    reports, cancel = [], threading.Event()

    def watch(report):
        reports.append(report)
        if report.ends_epoch and report.epoch == 2:
            cancel.set()

    fitted = train(callback=watch, cancel=cancel, validation=(x, labels), epochs=10)
    assert fitted.cancelled
    assert equal(fitted.model, train(epochs=2).model)
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
    assert equal(train(checkpoint=path, resume=True).model, train().model)


def test_a_run_whose_callback_fails_goes_on(tmp_path, monkeypatch):
    path = tmp_path / "checkpoint.safetensors"
    monkeypatch.setattr(training, "_SECONDS_BETWEEN_REPORTS", 0.0)

    def fail(report):
        if report.step >= 9:
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        train(checkpoint=path, callback=fail)
    assert equal(train(checkpoint=path, resume=True).model, train().model)


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
    assert not equal(fitted.model, MLP((5, 16, 2), key=jax.random.key(0)))


def test_an_interrupt_in_the_last_step_is_heard(tmp_path):
    old = signal.signal(signal.SIGINT, signal.default_int_handler)
    path = tmp_path / "checkpoint.safetensors"
    with pytest.raises(KeyboardInterrupt):
        train(epochs=1, batch_size=203, checkpoint=path, callback=lambda report: signal.raise_signal(signal.SIGINT))
    signal.signal(signal.SIGINT, old)
    assert train(epochs=1, batch_size=203, checkpoint=path, resume=True).history["loss"].shape == (1,)


def test_validation_draws_its_own_noise():
    seen = {"training": SimpleQueue(), "validation": SimpleQueue()}

    def noisy(model, x, labels, *, key):
        where = "training" if model.layers[1].inference is False else "validation"
        jax.debug.callback(lambda k: seen[where].put(tuple(np.asarray(k).tolist())), jax.random.key_data(key))
        return classification.loss(model, x, labels, key=key)

    model = Sequential([Linear(5, 8, key=jax.random.key(0)), Dropout(0.1), Linear(8, 2, key=jax.random.key(1))])
    train(model, descent(noisy, optax.adam(1e-2)), validation=(x, labels))
    keys = {where: {queue.get() for _ in range(queue.qsize())} for where, queue in seen.items()}
    assert len(keys["validation"]) == 8  # one for each of two batches in four epochs
    assert keys["training"]
    assert not keys["training"] & keys["validation"]


def test_a_validation_loss_that_is_not_finite_stops_the_run():
    bad = np.where(np.arange(len(x)) == 7, 9, labels)
    with pytest.raises(DivergedError, match="the validation loss is nan after epoch 1: labels must be between 0 and 1"):
        train(validation=(x, bad), patience=3)


def test_a_metric_that_is_nan_stops_the_run():
    metrics = {"spread": lambda model, x, labels, *, key: jnp.log(-1.0 - 0 * x[:, 0])}
    with pytest.raises(DivergedError, match="the spread is nan after epoch 1"):
        train(validation=(x, labels), metrics=metrics)


def test_an_interrupt_carries_what_was_learnt():
    old = signal.signal(signal.SIGINT, signal.default_int_handler)
    with pytest.raises(Interrupted) as caught:
        train(callback=lambda report: signal.raise_signal(signal.SIGINT) if report.epoch == 2 else None)
    signal.signal(signal.SIGINT, old)
    two = train(epochs=2)
    assert caught.value.fitted.cancelled
    assert equal(caught.value.fitted.model, two.model)
    assert equal(caught.value.fitted.state, two.state)
    np.testing.assert_array_equal(caught.value.fitted.history["loss"], two.history["loss"])


def test_the_mean_loss_of_very_many_steps_keeps_its_digits():
    rule = descent(lambda w, x, *, key: 0 * w + 0.1 + 0 * x, optax.sgd(0.1))
    fitted = train(jnp.zeros(()), rule, (np.zeros(200_000, np.float32),), batch_size=1, epochs=1)
    assert fitted.history["loss"][0] == pytest.approx(0.1, rel=1e-6)


def test_plain_lines_show_progress_where_there_is_no_terminal(monkeypatch, capsys):
    progress = importlib.import_module("neuraxis.engine.progress")
    monkeypatch.setattr(progress, "_SECONDS_BETWEEN_LINES", 0.0)
    train(progress="digits", epochs=1)
    assert "digits: " in (lines := capsys.readouterr().err)
    assert "loss " in lines
    assert "s left" in lines
