"""Deep autoencoders: of clean images, of damaged ones, and with a code that can be drawn."""

import math
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from scipy.spatial import KDTree

from neuraxis.engine import descent, fit
from neuraxis.experiment import Session
from neuraxis.experiments.autoencoder.linear import error, network_of, some
from neuraxis.experiments.shared.images import Images
from neuraxis.functions.activations import logistic
from neuraxis.functions.principal_components import PrincipalComponents
from neuraxis.generative import Autoencoder, Denoising, GaussianNoise, MaskingNoise
from neuraxis.generative.reconstruction import bernoulli_cross_entropy

_NEIGHBOURS = 10
_GRID = 14  # codes along each side of the plane that are decoded


class Pixels(eqx.Module):
    """A network that gives logits, as one that gives pixels from 0 to 1."""

    network: Autoencoder

    def __call__(self, x: Any, *, key: Any = None) -> jax.Array:
        """Reconstruct x."""
        return logistic(self.network(x))


class Found(NamedTuple):
    """The network for clean images, and what was measured."""

    network: Autoencoder
    metrics: dict[str, float]
    arrays: dict[str, Any]


def measure(key: jax.Array, images: Images, pca: PrincipalComponents, settings: Any, session: Session) -> Found:
    """Train the four networks, and compare them with PCA."""
    keys, size = jax.random.split(key, 5), min(settings.code_size, images.size)
    x, closed = images.test[0], network_of(pca, size)
    plain = _train(keys[0], images, size, bernoulli_cross_entropy, "deep", settings, session)
    metrics = {"deep_error": error(Pixels(plain), x, x)}
    metrics["deep_error_over_pca"] = metrics["deep_error"] / error(closed, x, x)
    arrays: dict[str, Any] = {"deep": np.asarray(Pixels(plain)(some(images)))}
    corruptions = {"noise": GaussianNoise(settings.noise), "hidden": MaskingNoise(settings.hidden_pixels)}
    for k, (name, corruption) in zip(keys[1:3], corruptions.items(), strict=True):
        loss = Denoising(bernoulli_cross_entropy, corruption)
        restoring = Pixels(_train(k, images, size, loss, name, settings, session))
        models = {"restored": restoring, "plain": Pixels(plain), "pca": closed}
        damaged, shown = corruption(keys[3], x), corruption(keys[3], some(images))
        errors = {each: error(model, damaged, x) for each, model in models.items()}
        metrics |= {f"{name}_{each}_error": value for each, value in errors.items()}
        metrics |= {f"{name}_restored_over_{each}": errors["restored"] / errors[each] for each in ("plain", "pca")}
        arrays[name] = {"damaged": np.asarray(shown), **{each: np.asarray(m(shown)) for each, m in models.items()}}
    flat = _train(keys[4], images, 2, bernoulli_cross_entropy, "map", settings, session)
    metrics |= _compare_maps(flat, network_of(pca, 2), images)
    return Found(plain, metrics, arrays | _draw_map(flat, network_of(pca, 2), images))


def _train(
    key: jax.Array, images: Images, size: int, loss: Any, name: str, settings: Any, session: Session
) -> Autoencoder:
    key_model, key_fit = jax.random.split(key)
    batches = math.ceil(len(images.train[0]) / settings.batch_size)
    epochs = math.ceil(settings.steps / batches)
    return fit(
        Autoencoder((images.size, *settings.hidden_sizes, size), key=key_model),
        descent(loss, optax.adam(optax.cosine_decay_schedule(settings.learning_rate, epochs * batches))),
        images.train[:1],
        epochs=epochs,
        batch_size=settings.batch_size,
        key=key_fit,
        **session.training(f"autoencoder: {name}", f"checkpoint-{name}"),
    ).model


def _compare_maps(flat: Autoencoder, closed: Any, images: Images) -> dict[str, float]:
    """Compare the codes of two numbers with the first two principal components."""
    x, labels = images.test
    alike = {name: _alike(model.encode(x), labels) for name, model in (("map", flat), ("pca_map", closed))}
    return {
        "map_error": error(Pixels(flat), x, x),
        "map_error_over_pca": error(Pixels(flat), x, x) / error(closed, x, x),
        **{f"{name}_neighbours_alike": share for name, share in alike.items()},
        "map_neighbours_alike_over_pca": alike["map"] / alike["pca_map"],
    }


def _alike(codes: Any, labels: np.ndarray) -> float:
    """Give how many of the nearest neighbours of a code are of the same class, on average, as a share."""
    points = np.asarray(codes)
    nearest = np.asarray(KDTree(points).query(points, k=min(_NEIGHBOURS + 1, len(points)))[1])
    return float(np.mean(labels[nearest[:, 1:]] == labels[:, None]))


def _draw_map(flat: Autoencoder, closed: Any, images: Images) -> dict[str, Any]:
    """Give the codes of the test images, and what codes on a grid over their middle decode to."""
    x, labels = images.test
    codes = np.asarray(flat.encode(x))
    low, high = np.quantile(codes, (0.02, 0.98), axis=0)
    across, up = (np.linspace(low[i], high[i], _GRID) for i in range(2))
    grid = jnp.stack(jnp.meshgrid(jnp.asarray(across), jnp.asarray(up[::-1])), axis=-1)
    return {
        "codes": codes,
        "scores": np.asarray(closed.encode(x)),
        "labels": labels,
        "classes": images.classes,
        "grid": np.asarray(logistic(flat.decode(grid))),
        "corners": (low, high),
    }
