"""Adversarial attack: a hardly visible change of your digit makes a network misclassify it.

Two networks with the same initial weights learn to classify digits: one by standard training, the other by adversarial
training, on digits that an attack has perturbed. All the while your digit is attacked: each step follows the sign of
the gradient of the loss uphill, and no pixel may change by more than ε. Watch the probability of the true class during
the attack: it collapses in the standard network and holds in the robust one.

Raise ε and find out how much each network withstands. With α = 1 the first step already uses up ε, as in the fast
gradient sign method; many small steps find stronger perturbations. Draw another digit, and set y to its class. Your
drawing is cropped, scaled and centred like the training images.

Robustness has a price: compare the accuracy of the two networks on clean test digits (ε = 0).
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from neuraxis import MLP, PGD, LInf, adversarial_training, data, descent, fit
from neuraxis.app.lab import Bars, Images, Line, Mission, Plot, button, handwriting, handwritten, slider
from neuraxis.experiment import Claim
from neuraxis.feedforward.classification import loss
from neuraxis.functions.activations import softmax

EXPERIMENT = "adversarial-attack"

EQUATIONS = (
    r"x \leftarrow \Pi_\varepsilon \left(x + \alpha \, \varepsilon \, \mathrm{sign}(\nabla_x E(x, y))\right)",
    r"\Pi_\varepsilon: \quad |x_i - x^0_i| \le \varepsilon, \quad 0 \le x_i \le 1",
)

STEPS = 0.7
BATCHES = 30  # per step of the page
LEARNING = 40  # steps for which the networks are trained
LONGEST = 40  # steps of an attack
HELD = 15  # steps for which the result of an attack is shown
DIGITS = data.load("digits").scaled().flat()
TRIED = DIGITS.test_x[:100], DIGITS.test_y[:100]  # attacked together with your digit
PLAIN = descent(loss, optax.adam(optax.cosine_decay_schedule(1e-2, BATCHES * LEARNING)))
TRAINED_AT = 0.25  # ε of adversarial training, reached after half of it
ROBUST = adversarial_training(
    PLAIN,
    PGD(LInf(TRAINED_AT, low=0.0, high=1.0), steps=3, step_size=0.4),
    lambda batches: jnp.minimum(1.0, 2 * (batches + 1) / (BATCHES * LEARNING)),
)


@dataclass(frozen=True)
class Controls:
    """Controls of the page."""

    digit: str = handwriting("02ef700009e9f20008a5f000000ba000005f200003e8000008e5583003efff90")
    """Your digit."""
    label: int = slider(2, 0, 9, symbol="y")
    """Class of your digit."""
    epsilon: float = slider(0.1, 0.0, 0.6, symbol="ε")
    """Maximum change of a pixel."""
    step_size: float = slider(0.05, 0.02, 1.0, symbol="α")
    """Step size / ε."""
    again: int = button()
    """Attack again."""


class Learner(NamedTuple):
    """A network, and the state of its training."""

    network: MLP
    optimizer: Any


class Attack(NamedTuple):
    """An attack on both networks, step by step."""

    images: np.ndarray  # (2, steps, 64)
    answers: np.ndarray  # (2, steps, 10): class probabilities
    kept: np.ndarray  # (2,): accuracy on the attacked test digits at the end


class State(NamedTuple):
    """Both networks, the attack on them, and the step of the attack that is shown."""

    plain: Learner
    robust: Learner
    learnt: int  # steps of training
    attack: Attack
    shown: int
    key: jax.Array
    asked: tuple


def asks(controls):
    """Return the controls that the attack depends on."""
    return controls.digit, controls.label, controls.epsilon, controls.step_size, controls.again


@eqx.filter_jit
def climb(network, x, labels, epsilon, step_size):
    """Attack images x (n, 64); return the first at each step, its class probabilities, and the accuracy on the rest."""
    threat = LInf(epsilon, low=0.0, high=1.0)

    def once(changed, _):
        slope = jax.grad(lambda each: jnp.sum(loss(network, each, labels)))(changed)
        changed = threat.project(changed + step_size * epsilon * jnp.sign(slope), x)
        return changed, changed[0]

    last, images = jax.lax.scan(once, x, length=LONGEST)
    images = jnp.concatenate([x[:1], images])
    return images, softmax(network(images)), jnp.mean(jnp.argmax(network(last[1:]), axis=-1) == labels[1:])


def attack(networks, controls):
    """Attack the drawn digit together with some test digits."""
    x = np.concatenate([handwritten(controls.digit).reshape(1, 64), TRIED[0]])
    labels = np.concatenate([[controls.label], TRIED[1]])
    epsilon, step_size = jnp.asarray(controls.epsilon), jnp.asarray(controls.step_size)
    found = [climb(network, x, labels, epsilon, step_size) for network in networks]
    return Attack(*(np.stack(each) for each in zip(*found, strict=True)))


def start(controls, key):
    """Start with two networks of the same random weights."""
    network = MLP((64, 256, 10), key=key)
    plain, robust = Learner(network, PLAIN.init(network)), Learner(network, ROBUST.init(network))
    return State(plain, robust, 0, attack((network, network), controls), LONGEST, key, asks(controls))


def learn(learner, rule, key):
    """Train on a few batches."""
    examples = DIGITS.train_x, DIGITS.train_y
    how = {"steps": BATCHES, "batch_size": 64, "progress": None}
    fitted = fit(learner.network, rule, examples, key=key, state=learner.optimizer, **how)
    return Learner(fitted.model, fitted.state)


def step(state, controls):
    """Train, and attack at once; after training, show the attack step by step, again and again."""
    plain, robust, key, learnt, shown = state.plain, state.robust, state.key, state.learnt, state.shown + 1
    if learnt < LEARNING:
        key, now = jax.random.split(key)
        plain, robust = learn(plain, PLAIN, now), learn(robust, ROBUST, now)
        learnt, shown = learnt + 1, LONGEST
    elif state.asked == asks(controls):
        return state._replace(shown=shown % (LONGEST + HELD))
    else:
        shown = 0
    found = attack((plain.network, robust.network), controls)
    return State(plain, robust, learnt, found, shown, key, asks(controls))


def now(state):
    """Return the images and class probabilities of both networks up to the step shown, (2, steps, …)."""
    end = min(state.shown, LONGEST) + 1
    return state.attack.images[:, :end], state.attack.answers[:, :end]


def picture(state, controls):
    """Draw the digit before and after the attack, and the class probabilities of both networks."""
    images, answers = now(state)
    changes = 0.5 + (images[:, -1] - images[:, 0]) / (2 * max(controls.epsilon, 1e-3))
    learning = f" (training: {100 * state.learnt // LEARNING} %)" if state.learnt < LEARNING else ""
    names = [text for digit in DIGITS.classes for text in (digit, f"{digit}′")]
    bars = [
        Plot(
            [Bars(each[[0, -1]].T.ravel(), names, highlighted=2 * int(np.argmax(each[-1])) + 1)],
            "Class, before and after (′) the attack",
            "Probability",
            f"{name}: predicts {np.argmax(each[0])}, under attack {np.argmax(each[-1])}",
            y_range=(0.0, 1.0),
            height=0.9,
        )
        for name, each in zip(("Standard training", "Adversarial training"), answers, strict=True)
    ]
    curves = [
        Line(np.arange(answers.shape[1]), each[:, state.asked[1]], name, head=True)
        for name, each in zip(("standard training", "adversarial training"), answers, strict=True)
    ]
    return (
        Images(
            np.stack([images[0, 0], images[0, -1], changes[0], images[1, -1], changes[1]]).reshape(-1, 8, 8),
            ["your digit", "standard", "change / ε", "robust", "change / ε"],
            title=f"Your digit under attack{learning}",
            range=(0.0, 1.0),
            columns=5,
            height=1.1,
        ),
        *bars,
        Plot(
            curves,
            "Step of the attack",
            "Probability of y",
            x_range=(0, LONGEST + 1),
            y_range=(-0.05, 1.4),
            height=0.9,
        ),
    )


def numbers(state, controls):
    """Return the predictions of both networks, and their accuracy under attack."""
    _, answers = now(state)
    plain, robust = answers[:, -1]
    return {
        "Training completed [%]": 100 * state.learnt / LEARNING,
        "Step of the attack": answers.shape[1] - 1,
        "Prediction, standard network": int(np.argmax(plain)),
        "Prediction, robust network": int(np.argmax(robust)),
        "Probability of y, standard network": plain[state.asked[1]],
        "Probability of y, robust network": robust[state.asked[1]],
        "Accuracy under attack, standard [%]": 100 * state.attack.kept[0],
        "Accuracy under attack, robust [%]": 100 * state.attack.kept[1],
    }


def measures(state, controls):
    """Return the accuracies under attack, and whether a digit that both networks recognise withstands the attack."""
    if state.learnt < LEARNING or state.shown < LONGEST or state.asked != asks(controls):
        return {}
    plain, robust = state.attack.kept
    shares = {"plain_pgd": float(plain), "robust_pgd": float(robust)}
    read = np.argmax(state.attack.answers, axis=-1) == controls.label
    return shares | ({"robust_reads": float(read[1, -1]), "epsilon": controls.epsilon} if read[:, 0].all() else {})


PRESETS = {
    "Szegedy et al. 2014: small perturbation": {},
    "Goodfellow et al. 2015: one step (FGSM)": {"step_size": 1.0},
    "Madry et al. 2018: adversarial training": {"epsilon": 0.18},
    "Beyond the ε of training": {"epsilon": 0.45},
}

MISSIONS = (
    Mission(
        "Find an ε at which the accuracy under attack is at most 10 % for the standard network, but at least 70 % for "
        "the robust one.",
        (Claim("plain_pgd", "<=", 0.1), Claim("robust_pgd", ">=", 0.7)),
    ),
    Mission(
        "Draw a digit that both networks classify correctly, and fool the robust one with ε ≤ 0.15.",
        (Claim("robust_reads", "<=", 0.0), Claim("epsilon", "<=", 0.15)),
    ),
)
