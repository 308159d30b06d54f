"""Machines whose partition function can be counted: three ways to learn, and annealing against the exact value."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, PRNGKeyArray

from neuraxis.energy import (
    RBM,
    contrastive_divergence,
    exact_samples,
    log_partition_function,
    persistent_contrastive_divergence,
)
from neuraxis.engine import fit, gradient_descent
from neuraxis.experiment import Session
from neuraxis.experiments.rbm.binary import Found, annealed, batches, estimates
from neuraxis.experiments.shared.images import Images

_WATCHED = 400  # held-out images whose exact likelihood is measured after every epoch, in one batch
NAMES = {"cd": "CD-1", "pcd": "PCD-1", "centred": "PCD-1, centred"}


def measure(key: PRNGKeyArray, images: Images, settings: Any, session: Session) -> Found:
    """Train by three rules, and anneal the last machine."""
    keys, test = jax.random.split(key, 4), images.test[0]
    metrics, curves, model = {}, {}, None
    for name, rule in _rules(images, settings).items():
        model, curves[name] = _train(keys[0], name, rule, images, settings, session)
        metrics[f"small_{name}_log_likelihood"] = jnp.mean(model.log_probability(test, log_partition_function(model)))
    better = lambda a, b: metrics[f"small_{a}_log_likelihood"] - metrics[f"small_{b}_log_likelihood"]
    metrics |= {"pcd_over_cd": better("pcd", "cd"), "centred_over_pcd": better("centred", "pcd")}
    assert model is not None
    exact = log_partition_function(model)
    samples = exact_samples(model, settings.annealing_chains, key=keys[1])
    label = "small machine" if session.progress else None
    both = annealed(keys[2], model, images, samples, settings.small_annealing_steps, label)
    for name, found in both._asdict().items():
        metrics[f"small_{name}_error"] = jnp.abs(found.log_partition - exact)
        metrics[f"small_{name}_standard_error"] = found.standard_error
    return Found(model, metrics, {"curves": curves, "small": {**estimates(both), "exact": float(exact)}})


def _rules(images: Images, settings: Any) -> dict[str, Any]:
    steps = math.ceil(settings.small_steps / batches(images, settings)) * batches(images, settings)
    descent = gradient_descent(optax.linear_schedule(settings.small_learning_rate, 0.0, steps))
    return {
        "cd": contrastive_divergence(descent),
        "pcd": persistent_contrastive_divergence(descent, settings.chains),
        "centred": persistent_contrastive_divergence(descent, settings.chains, centring=settings.centring),
    }


def _train(key, name, rule, images, settings, session) -> tuple[RBM, np.ndarray]:
    key_model, key_fit = jax.random.split(key)
    fitted = fit(
        RBM.for_data(images.train[0], settings.small_size, key=key_model),
        rule,
        images.train[:1],
        epochs=math.ceil(settings.small_steps / batches(images, settings)),
        batch_size=settings.batch_size,
        key=key_fit,
        validation=(images.validation[0][:_WATCHED],),
        metrics={"log_likelihood": _log_likelihood},
        **session.training(f"rbm: {settings.small_size} hidden units, {NAMES[name]}", f"checkpoint-{name}"),
    )
    return fitted.model, fitted.history["log_likelihood"]


def _log_likelihood(model: RBM, v: Array, *, key: PRNGKeyArray) -> Array:
    return model.log_probability(v, log_partition_function(model))
