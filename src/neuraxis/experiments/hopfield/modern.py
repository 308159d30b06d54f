"""Images in a modern Hopfield network: retrieved from noise and from a half."""

import jax
import numpy as np

from neuraxis import plots
from neuraxis.data import Dataset
from neuraxis.energy.hopfield import Hopfield
from neuraxis.energy.modern_hopfield import ModernHopfield
from neuraxis.engine.relax import relax


def measure(key: jax.Array, source: Dataset, *, images: int, noise: float, beta: float) -> tuple[dict, dict]:
    """Store images, and recall each from a noisy and from a half covered version; metrics and arrays."""
    shape = source.train_x.shape[1:]
    stored = source.train_x[: min(images, shape[0] * shape[1])]
    # With the mean image taken off and one length for all, no image is nearer to another one than to itself.
    mean = stored.mean(axis=0)
    centred = (stored - mean).reshape(len(stored), -1)
    contrast = np.sqrt(np.mean(centred**2, axis=-1, keepdims=True))
    patterns = centred / contrast
    memory = ModernHopfield(patterns, beta)
    noisy = patterns + noise * np.asarray(jax.random.normal(key, patterns.shape))
    covered = np.where(np.arange(patterns.shape[1]) < patterns.shape[1] // 2, patterns, 0)
    found = {}
    for name, cue in (("noise", noisy), ("half", covered)):
        found[name] = np.asarray(relax(memory.energy, cue, step_size=1.0, max_steps=100).x)
    distance = {name: np.sqrt(np.mean((x - patterns) ** 2, axis=-1)) for name, x in found.items()}
    signs = np.where(patterns > 0, 1, -1)
    metrics = {
        "modern_images_stored": len(stored),
        "modern_retrieved_from_noise": np.mean(distance["noise"] < 0.1),  # of a pattern's root mean square, 1
        "modern_retrieved_from_half": np.mean(distance["half"] < 0.1),
        "classical_images_kept": np.mean(np.all(Hopfield.store(signs).synchronous_step(signs) == signs, axis=-1)),
    }
    rows = (patterns, noisy, found["noise"], covered, found["half"])
    strip = [np.clip((x * contrast).reshape(stored.shape) + mean, 0, 1)[:10] for x in rows]
    return metrics, {"strip": strip}


def plot(arrays: dict) -> plots.Figure:
    """Draw ten of the images, what they are recalled from, and what is recalled."""
    fig, ax = plots.figure(
        caption="Ten of the images stored in a modern Hopfield network, as many as there are pixels; noisy and "
        "half-covered versions (covered by the mean image), and what is recalled from these.",
        height=4.2,
    )
    plots.show_strips(ax, arrays["strip"], ("stored", "noisy", "recalled", "half-covered", "recalled"), low=0.0)
    return fig
