"""Diffusion of images: two U-Nets, one for DDPM and DDIM and one for flow matching, and what they draw."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from neuraxis.engine import averaged, descent, fit, predict, simulate
from neuraxis.experiment import Session
from neuraxis.experiments.shared import scorer as scorers
from neuraxis.experiments.shared.images import Images, load
from neuraxis.generative import Diffusion, Sampler, UNet, V, Velocity, cosine, ddim, ddpm, euler, straight

_WARMUP = 100  # training steps
_GUIDED_STEPS = 64  # of sampling, or all where there are fewer
_FRAMES, _SHOWN = 8, 4  # of the reverse process


class Found(NamedTuple):
    """The network for DDPM and DDIM, and what was measured."""

    network: UNet
    description: str
    metrics: dict[str, float]
    arrays: dict[str, Any]


def measure(key: jax.Array, settings: Any, session: Session) -> Found:
    """Train both networks, draw by all samplers, and let the scorer judge."""
    images = load(settings.data, settings.training_images, settings.seed, flat=False)
    judge = scorers.load(images.name, progress=session.progress)
    keys = jax.random.split(key, 4)
    diffusion = Diffusion(cosine(settings.times), V(), settings.label_dropout)
    flow = Diffusion(straight(settings.times), Velocity(), settings.label_dropout)
    network = _train(keys[0], diffusion, images, "v", settings, session)
    flowing = _train(keys[1], flow, images, "flow", settings, session)
    shape = images.train[0].shape[1:]
    steps = (*sorted(s for s in set(settings.sampling_steps) if s < settings.times), settings.times)
    ways = {
        "DDPM": (network, diffusion, ddpm),
        "DDIM": (network, diffusion, ddim),
        "flow matching": (flowing, flow, euler),
    }
    drawn = {
        name: [_draw(keys[2], Sampler(*way, shape=shape, steps=s), settings.samples) for s in steps]
        for name, way in ways.items()
    }
    sheets = {name: [each.images for each in found] for name, found in drawn.items()}
    curves = {name: dict(zip(steps, map(judge.scores, found), strict=True)) for name, found in sheets.items()}
    rows = scorers.table(judge, {name: found[-1] for name, found in sheets.items()})
    numbers, guided = _guide(keys[3], network, diffusion, shape, judge, settings)
    metrics = {
        **rows["DDPM"].metrics(),
        **{f"test_{name}": value for name, value in rows["test images"].metrics().items()},
        **numbers,
        **{
            f"{name.lower().replace(' ', '_')}_frechet_distance_{steps}": score.frechet_distance
            for name, curve in curves.items()
            for steps, score in curve.items()
        },
    }
    arrays = {
        "curves": curves,
        "drawn": {name: [sheet[:10] for sheet in found] for name, found in sheets.items()},
        "samples": sheets["DDPM"][-1][:60],
        "real": images.test[0][:60],
        "rows": rows,
        "guided": guided,
        "reverse": drawn["DDPM"][-1].frames,
    }
    return Found(network, images.description, metrics, arrays)


def _train(key: jax.Array, diffusion: Diffusion, images: Images, name: str, settings: Any, session: Session) -> UNet:
    """Minimise the loss on pixels from −1 to 1, in whole batches."""
    key_model, key_fit = jax.random.split(key)
    x, labels = images.train
    batch_size = min(settings.batch_size, len(x))
    batches = len(x) // batch_size
    epochs = math.ceil(settings.steps / batches)
    rate = optax.warmup_cosine_decay_schedule(0.0, settings.learning_rate, _WARMUP, max(epochs * batches, 2 * _WARMUP))
    network = UNet(x.shape[-1], settings.width, settings.multipliers, key=key_model, classes=len(images.classes))
    return fit(
        network,
        averaged(descent(diffusion.loss, optax.adam(rate)), _decay(settings.average)),
        (2 * x - 1, labels),
        epochs=epochs,
        steps=batches,
        batch_size=batch_size,
        key=key_fit,
        **session.training(f"diffusion: {name}", f"checkpoint-{name}"),
    ).model


def _decay(most: float) -> Callable[[Any], Any]:
    """Average over few steps in the beginning, when the weights are far from what they will be."""
    return lambda t: jnp.minimum(most, (1 + t) / (10 + t))


def _pixels(x: Any) -> np.ndarray:
    """Return pixels from 0 to 1 of what was drawn from −1 to 1, or a little beyond."""
    return np.clip((np.asarray(x) + 1) / 2, 0, 1)


def _guide(
    key: jax.Array, network: UNet, diffusion: Diffusion, shape: tuple[int, ...], judge: scorers.Scorer, settings: Any
) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Draw every class without guidance and with it, from the same noise, and let the scorer read what was drawn."""
    classes = network.classes
    labels = np.arange(settings.samples) % classes
    metrics, shown = {}, {}
    for name, strength in (("told", 1.0), ("guided", settings.guidance)):
        steps = min(_GUIDED_STEPS, settings.times)
        sampler = Sampler(network, diffusion, ddim, shape=shape, steps=steps, guidance=strength)
        images = _pixels(sampler.sample(settings.samples, labels, key=key))
        read = np.argmax(predict(judge.network, images), axis=-1)
        metrics[f"{name}_right"] = float(np.mean(read == labels))
        metrics[f"{name}_confidence"] = judge.scores(images).confidence
        shown[name] = images[: 2 * classes]
    return metrics, shown


class _Drawn(NamedTuple):
    """Images, and for a few of them the frames of the way there."""

    images: np.ndarray
    frames: dict[str, np.ndarray]


def _few(state: Any, clean: jax.Array) -> tuple[jax.Array, jax.Array]:
    return state.x[:_SHOWN], clean[:_SHOWN]


def _draw(key: jax.Array, sampler: Sampler, count: int) -> _Drawn:
    """Draw images, step by step: one program then serves all numbers of steps."""
    first, rest = jax.random.split(key)
    start = sampler.begin(count, key=first)
    trace = simulate(sampler, None, steps=sampler.steps, state=start, key=rest, record=_few, chunk=1)
    x, clean = trace.record
    every = max(1, sampler.steps // _FRAMES)
    frames = {
        "x": np.concatenate([np.asarray(start.x[None, :_SHOWN]), x[every - 1 :: every]]),
        "clean": clean[every - 1 :: every],
        "times": np.asarray(sampler.times[: sampler.steps + 1 : every]),
    }
    return _Drawn(_pixels(trace.state.x), frames)
