"""The machine with many hidden units: its likelihood from both sides, what it draws, and what it completes."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, PRNGKeyArray

from neuraxis.energy import RBM, GibbsChain, persistent_contrastive_divergence
from neuraxis.engine import Trace, fit, gradient_descent, predict, simulate
from neuraxis.experiment import Session
from neuraxis.experiments.rbm.binary import Both, Found, annealed, batches, estimates
from neuraxis.experiments.shared import scorer
from neuraxis.experiments.shared.images import Images

_SHOWN = 10  # chains that are followed, and images that are completed in the figure
_LOOKS = 20  # at a completion on its way; what is shown and measured is the mean of the second half of them
_AT_ONCE = 10_000  # training images whose likelihood is measured


def measure(key: PRNGKeyArray, images: Images, settings: Any, session: Session) -> Found:
    """Train, draw, anneal and complete."""
    keys = jax.random.split(key, 4)
    model, history = _train(keys[0], images, settings, session)
    drawn = _draw(keys[1], model, settings)
    units, label = drawn.pop("units")[: settings.annealing_chains], "large machine" if session.progress else None
    both = annealed(keys[2], model, images, units, settings.annealing_steps, label)
    metrics = _likelihood(model, images, both)
    judge = scorer.load(images.name, progress=session.progress)
    scores = scorer.table(judge, {"binary test images": images.test[0][1::2], "RBM": drawn["samples"]})
    completed, errors = _complete(keys[3], model, images, judge, settings)
    arrays = {
        "history": history,
        "large": estimates(both),
        "filters": np.asarray(model.weight).T,
        "scores": scores,
        **drawn,
        **completed,
    }
    return Found(model, {**metrics, **errors, **scores["RBM"].metrics()}, arrays)


def _train(key: PRNGKeyArray, images: Images, settings: Any, session: Session) -> tuple[RBM, dict[str, np.ndarray]]:
    key_model, key_fit = jax.random.split(key)
    epochs = math.ceil(settings.steps / batches(images, settings))
    rate = optax.linear_schedule(settings.learning_rate, 0.0, epochs * batches(images, settings))
    fitted = fit(
        RBM.for_data(images.train[0], settings.hidden_size, key=key_model),
        persistent_contrastive_divergence(
            gradient_descent(rate), settings.chains, settings.sweeps, centring=settings.centring
        ),
        images.train[:1],
        epochs=epochs,
        batch_size=settings.batch_size,
        key=key_fit,
        validation=images.validation[:1],
        **session.training(f"rbm: {settings.hidden_size} hidden units", "checkpoint-large"),
    )
    return fitted.model, fitted.history


def _draw(key: PRNGKeyArray, model: RBM, settings: Any) -> dict[str, Any]:
    """Let chains run from noise; give their units, what these are drawn from, and the first chains on their way."""
    noise, own, last = jax.random.split(key, 3)
    start = jax.random.bernoulli(noise, 0.5, (settings.samples, len(model.visible_bias))).astype(model.dtype)
    trace = _run(GibbsChain(model), start, settings.sample_sweeps, own, record=_first_chains)
    shown = np.unique(np.geomspace(1, settings.sample_sweeps, 7).astype(int))
    return {
        "units": trace.state,
        "samples": np.asarray(model.visible_probability(model.sample_hidden(trace.state, key=last))),
        "strip": np.concatenate([np.asarray(start[None, :_SHOWN]), np.asarray(trace.record)[shown - 1]]),
        "sweeps": [0, *shown.tolist()],
    }


def _run(chain: GibbsChain, start: Array, sweeps: int, key: PRNGKeyArray, **record: Any) -> Trace:
    # Its step takes a key, which the protocol of a dynamics leaves open.
    return simulate(chain, state=start, steps=sweeps, key=key, **record)  # pyright: ignore[reportArgumentType]


def _first_chains(state: Array, probability: Array) -> Array:
    return probability[:_SHOWN]


def _likelihood(model: RBM, images: Images, both: Both) -> dict[str, Any]:
    """Return the mean of ln P over the test images, and over training images, by both estimates of ln Z."""
    seen = {"": images.test[0], "training_": images.train[0][:_AT_ONCE]}
    metrics = {
        f"{part}log_likelihood_{name}": jnp.mean(model.log_probability(x, found.log_partition))
        for part, x in seen.items()
        for name, found in both._asdict().items()
    }
    return metrics | {f"standard_error_{name}": found.standard_error for name, found in both._asdict().items()}


def _complete(
    key: PRNGKeyArray, model: RBM, images: Images, judge: scorer.Scorer, settings: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Hide the lower half of test images, and let chains fill it in; compare with what pixels are most of the time."""
    x, labels = (part[: settings.samples] for part in images.test)
    x, rates = x.astype(np.float32), images.train[0].mean(0, dtype=np.float32)
    known = np.arange(images.size) < images.size // 2
    begin, own = jax.random.split(key)
    start = jnp.where(known, x, jax.random.uniform(begin, x.shape) < rates)
    sweeps = settings.sample_sweeps
    trace = _run(GibbsChain(model, known), start, sweeps, own, record=_probability, every=sweeps // _LOOKS)
    found = np.asarray(trace.record)
    mean, guess = found[len(found) // 2 :].mean(0), np.where(known, x, rates)
    wrong = lambda p: np.mean((p >= 0.5)[:, ~known] != x[:, ~known])
    classes = lambda p: np.argmax(predict(judge.network, p.reshape(-1, *judge.test.shape[1:])), axis=-1)
    recognised = lambda p: np.mean(classes(p) == labels)
    metrics = {
        "completion_error": wrong(mean),
        "completion_error_over_base_rates": wrong(mean) / wrong(guess),
        "completion_recognised": recognised(mean),
        "completion_recognised_of_base_rates": recognised(guess),
        "recognised": recognised(x),
    }
    shown = [int(np.flatnonzero(labels == c)[0]) for c in np.unique(labels)][:_SHOWN]
    completed = {"original": x, "known": np.where(known, x, 0.5), "sample": found[-1], "mean": mean}
    return {"completed": {name: rows[shown] for name, rows in completed.items()}}, metrics


def _probability(state: Array, probability: Array) -> Array:
    return probability
