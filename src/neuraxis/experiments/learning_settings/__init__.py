"""Learning settings: the same lines learn from numbers, classes, no targets, or a reward.

What is to be learnt is specified by data and a loss, and nothing else. Four small networks are trained by one function,
with the same optimiser, batch size and learning rate:

Regression: targets are numbers, the output is used directly, and the loss is the squared error. Classification: targets
are classes, and the loss is the cross-entropy of a softmax. Unsupervised: there are no targets; the network
reconstructs its input from a code of two numbers, and discovers the kinds of digits by itself. Reinforcement: there is
only a reward of 1 for every step that a pole on a cart stays upright. The gradient of the expected reward is estimated
from played episodes (REINFORCE), with the mean return of the other episodes as the baseline, and an episode's loss is
again a cross-entropy: that of the actions chosen, weighted by how well the episode went afterwards.

Sources: Bishop, Pattern Recognition and Machine Learning (2006), section 5.2; Hinton & Salakhutdinov, Science 313:504
(2006); Williams, Machine Learning 8:229 (1992); Barto, Sutton & Anderson, IEEE Trans. SMC 13:834 (1983).
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from neuraxis import check, data, plots
from neuraxis.data import Dataset
from neuraxis.engine import Fitted, descent, evaluate, fit
from neuraxis.errors import InputError
from neuraxis.experiment import Claim, Result, Session, check_settings
from neuraxis.experiments.learning_settings import figures, tasks
from neuraxis.experiments.learning_settings.tasks import STEPS, Task
from neuraxis.experiments.shared import memory

PLACE = ("Feedforward networks and learning", 12)
EQUATIONS = r"""
\nabla\, \mathbb{E}\Bigl[\sum_t r_t\Bigr] = \mathbb{E}\Bigl[\sum_t (G_t - b_t)\, \nabla \ln \pi(a_t|s_t)\Bigr], \qquad
G_t = \sum_{k \ge t} \gamma^{k-t} r_k, \quad \gamma = 1
"""


@dataclass(frozen=True)
class Settings:
    """Settings of the experiment."""

    hidden_sizes: tuple[int, ...] = (64,)
    """Neurons in each hidden layer of all networks; of the autoencoder, on both sides of its code."""
    batch_size: int = 32
    """Examples, or episodes, per training step."""
    learning_rate: float = 0.01
    """Initial learning rate; it decays to 0 along a cosine."""
    samples: int = 200
    """Points of the curve for regression."""
    noise: float = 0.1
    """Standard deviation of the noise on these points."""
    episodes: int = 96
    """Episodes in an epoch of reinforcement learning."""
    discount: float = 0.99
    """Discount factor of rewards per step."""
    regression_epochs: int = 300
    """Epochs over the points of the curve."""
    classification_epochs: int = 30
    """Epochs over the digits with their labels."""
    unsupervised_epochs: int = 100
    """Epochs over the digits without their labels."""
    reinforcement_epochs: int = 60
    """Epochs over the episodes, which are played anew each time."""
    fresh_episodes: int = 200
    """Episodes for the final evaluation of the policy."""
    seed: int = 0
    """Seed for weights, order, noise and random actions."""

    def __post_init__(self):
        check_settings(self)
        for size in self.hidden_sizes:
            check.whole(hidden_sizes=size)
        check.whole(batch_size=self.batch_size, samples=self.samples, episodes=self.episodes)
        check.whole(regression_epochs=self.regression_epochs, classification_epochs=self.classification_epochs)
        check.whole(unsupervised_epochs=self.unsupervised_epochs, reinforcement_epochs=self.reinforcement_epochs)
        check.whole(fresh_episodes=self.fresh_episodes)
        check.positive(learning_rate=self.learning_rate, discount=self.discount)
        check.not_negative(noise=self.noise)
        if self.discount > 1:
            raise InputError(f"discount must be at most 1, but is {self.discount}")

    def memory(self) -> float:
        """Estimate the minimum memory of a run [bytes]."""
        sizes = (64, *self.hidden_sizes, *self.hidden_sizes, 64)
        weights = sum((a + 1.0) * b for a, b in pairwise(sizes))
        steps = 500 * max(self.episodes, self.fresh_episodes)  # of the longest episodes
        return memory.NUMBER * (4 * weights + max(10 * steps, self.samples))


QUICK = Settings(classification_epochs=10, reinforcement_epochs=15, fresh_episodes=100)

_CLAIMS = (
    Claim("regression_rms_error", "<=", 0.1),
    Claim("classification_accuracy", ">=", 0.95),
    Claim("unsupervised_error_relative_to_pca", "<=", 0.75),
    Claim("reinforcement_steps_held", ">=", 475.0),
)


def run(settings: Settings, session: Session = Session()) -> Result:
    """Learn in the four settings, and measure each."""
    digits = data.load("digits").scaled().flat()
    by_name = _tasks(settings, digits)
    fitted = {name: _learn(name, task, settings, session) for name, task in by_name.items()}
    models = {name: f.model for name, f in fitted.items()}
    histories = {name: f.history for name, f in fitted.items()}
    pca_error = _pca_error(digits)
    metrics = {
        "regression_rms_error": math.sqrt(2 * histories["regression"]["validation_loss"][-1]),
        "classification_accuracy": float(histories["classification"]["accuracy"][-1]),
        "unsupervised_error": float(histories["unsupervised"]["validation_loss"][-1]),
        "unsupervised_error_of_pca": pca_error,
        "unsupervised_error_relative_to_pca": float(histories["unsupervised"]["validation_loss"][-1] / pca_error),
        "reinforcement_steps_held": _steps_held(by_name["reinforcement"], models["reinforcement"], settings),
    }
    arrays = {"histories": histories, "pca_error": pca_error, "noise": settings.noise}
    arrays |= _outcomes(by_name, models, digits, settings)
    return Result(metrics, _CLAIMS, arrays, model=models, data=f"{digits.description}, a noisy curve, a cart-pole")


def _tasks(settings: Settings, digits: Dataset) -> dict[str, Task]:
    s, sizes, seed = settings, settings.hidden_sizes, settings.seed
    return {
        "regression": tasks.regression(sizes, s.samples, s.noise, s.regression_epochs, seed),
        "classification": tasks.classification_task(sizes, digits, s.classification_epochs, seed),
        "unsupervised": tasks.unsupervised(sizes, digits, s.unsupervised_epochs, seed),
        "reinforcement": tasks.reinforcement(sizes, s.episodes, s.discount, s.reinforcement_epochs, seed),
    }


def _learn(name: str, task: Task, settings: Settings, session: Session) -> Fitted:
    """Learn, in whatever setting: the task's data and loss are all that differs."""
    steps = task.epochs * math.ceil(len(task.data[0]) / settings.batch_size)
    return fit(
        task.model,
        descent(task.loss, optax.adam(optax.cosine_decay_schedule(settings.learning_rate, steps))),
        task.data,
        epochs=task.epochs,
        batch_size=settings.batch_size,
        key=jax.random.fold_in(jax.random.key(settings.seed), 1),
        validation=task.held_out,
        metrics=task.metrics,
        **session.training(name, f"checkpoint-{name}"),
    )


def _pca_error(images: Dataset) -> float:
    """Get the error of the best straight code of as many numbers: the principal components of the training images."""
    mean = images.train_x.mean(axis=0)
    axes = np.linalg.svd(images.train_x - mean, full_matrices=False)[2][: tasks.CODE_SIZE]
    x = images.test_x - mean
    return float(0.5 * np.mean(np.sum((x - x @ axes.T @ axes) ** 2, axis=-1)))


def _steps_held(task: Task, policy: Any, settings: Settings) -> float:
    """Play episodes that begin in states not seen before, by chances not drawn before."""
    key_start, key_play = jax.random.split(jax.random.fold_in(jax.random.key(settings.seed), 2))
    start = task.loss.environment.draw_state((settings.fresh_episodes,), key=key_start)
    return evaluate(policy, task.metrics["steps_held"], (start,), key=key_play)


def _outcomes(by_name: dict[str, Task], models: dict, digits: Dataset, settings: Settings) -> dict[str, Any]:
    """Return what the four networks do now, and of the policy also what it did before."""
    dense, truth = by_name["regression"].held_out
    predicted = np.asarray(jnp.argmax(models["classification"](digits.test_x), axis=-1))
    task, key = by_name["reinforcement"], jax.random.fold_in(jax.random.key(settings.seed), 3)
    start = task.held_out[0][:5]
    episodes = {
        name: task.loss.play(policy, start, key=key)
        for name, policy in (("before", task.model), ("after", models["reinforcement"]))
    }
    return {
        "points": by_name["regression"].data,
        "curve": (dense[:, 0], truth[:, 0], np.asarray(models["regression"](dense))[:, 0]),
        "images": digits.test_x,
        "labels": digits.test_y,
        "predicted": predicted,
        "codes": tasks.code(models["unsupervised"], digits.test_x),
        "angles": {name: np.where(e.counts, np.rad2deg(e.state[..., 2]), np.nan) for name, e in episodes.items()},
        "seconds": np.arange(STEPS) * task.loss.dt / 1000,
    }


def plot(result: Result) -> dict[str, plots.Figure]:
    """Draw each setting's curve, and what was learnt."""
    return {"curves": figures.curves(result.arrays), "learnt": figures.learnt(result.arrays)}
