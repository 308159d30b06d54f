"""Adversarial attack: a change that you hardly see turns your digit into another one, for the network.

Two networks begin as the same and learn to read digits, one as usual, the other from digits that an attack has changed
(adversarial training). All the while your digit is attacked: each step follows the gradient of the loss uphill, and no
pixel may change by more than ε. Watch how probable the right answer is while the attack goes on: in the usual network
it breaks down, in the other it holds.

Raise ε and find out how much each network bears. With α = 1 the first step uses up ε at once: the fast gradient
sign method; many small steps find more. Draw another digit, and tell the attack which one it is. What you draw is cut
out, scaled and centred as the data are.

The price: compare how many unchanged test digits (ε = 0) the two networks read.
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
BATCHES = 30  # of learning in one step
LEARNING = 40  # steps for which the networks learn
LONGEST = 40  # steps of an attack
HELD = 15  # steps that the end of an attack stays to be looked at
DIGITS = data.load("digits").scaled().flat()
TRIED = DIGITS.test_x[:100], DIGITS.test_y[:100]  # test digits that are attacked as well
PLAIN = descent(loss, optax.adam(optax.cosine_decay_schedule(1e-2, BATCHES * LEARNING)))
TRAINED_AT = 0.25  # ε of the adversarial training, which grows to it over the first half
ROBUST = adversarial_training(
    PLAIN,
    PGD(LInf(TRAINED_AT, low=0.0, high=1.0), steps=3, step_size=0.4),
    lambda batches: jnp.minimum(1.0, 2 * (batches + 1) / (BATCHES * LEARNING)),
)


@dataclass(frozen=True)
class Controls:
    """What can be moved."""

    digit: str = handwriting("02ef700009e9f20008a5f000000ba000005f200003e8000008e5583003efff90")
    """Your digit."""
    label: int = slider(2, 0, 9, symbol="y")
    """Which digit that is."""
    epsilon: float = slider(0.1, 0.0, 0.6, symbol="ε")
    """Largest change of a pixel (from paper to ink is 1)."""
    step_size: float = slider(0.05, 0.02, 1.0, symbol="α")
    """Length of a step, as a share of ε."""
    again: int = button()
    """Attack again."""


class Learner(NamedTuple):
    """A network and what Adam remembers."""

    network: MLP
    optimizer: Any


class Attack(NamedTuple):
    """What an attack does to both networks, step by step."""

    images: np.ndarray  # (2, steps, 64)
    answers: np.ndarray  # (2, steps, 10): probabilities
    kept: np.ndarray  # (2,): share of the tried test digits that are still read at its end


class State(NamedTuple):
    """Both networks, the attack on them, and the step of it that is shown."""

    plain: Learner
    robust: Learner
    learnt: int  # steps
    attack: Attack
    shown: int
    key: jax.Array
    asked: tuple


def asks(controls):
    """Give what the attack depends on."""
    return controls.digit, controls.label, controls.epsilon, controls.step_size, controls.again


@eqx.filter_jit
def climb(network, x, labels, epsilon, step_size):
    """Go uphill on E from images x (n, 64); give the first at each step, its answers, and the share of others read."""
    threat = LInf(epsilon, low=0.0, high=1.0)

    def once(changed, _):
        slope = jax.grad(lambda each: jnp.sum(loss(network, each, labels)))(changed)
        changed = threat.project(changed + step_size * epsilon * jnp.sign(slope), x)
        return changed, changed[0]

    last, images = jax.lax.scan(once, x, length=LONGEST)
    images = jnp.concatenate([x[:1], images])
    return images, softmax(network(images)), jnp.mean(jnp.argmax(network(last[1:]), axis=-1) == labels[1:])


def attack(networks, controls):
    """Attack the drawn digit, and with it some test digits."""
    x = np.concatenate([handwritten(controls.digit).reshape(1, 64), TRIED[0]])
    labels = np.concatenate([[controls.label], TRIED[1]])
    epsilon, step_size = jnp.asarray(controls.epsilon), jnp.asarray(controls.step_size)
    found = [climb(network, x, labels, epsilon, step_size) for network in networks]
    return Attack(*(np.stack(each) for each in zip(*found, strict=True)))


def start(controls, key):
    """Begin with two equal networks."""
    network = MLP((64, 256, 10), key=key)
    plain, robust = Learner(network, PLAIN.init(network)), Learner(network, ROBUST.init(network))
    return State(plain, robust, 0, attack((network, network), controls), LONGEST, key, asks(controls))


def learn(learner, rule, key):
    """Learn from some batches."""
    examples = DIGITS.train_x, DIGITS.train_y
    how = {"steps": BATCHES, "batch_size": 64, "progress": None}
    fitted = fit(learner.network, rule, examples, key=key, state=learner.optimizer, **how)
    return Learner(fitted.model, fitted.state)


def step(state, controls):
    """Learn and attack at once; when all is learnt, show the attack step by step, over and over."""
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
    """Give what is shown: the images and answers of both networks so far, (2, steps, …)."""
    end = min(state.shown, LONGEST) + 1
    return state.attack.images[:, :end], state.attack.answers[:, :end]


def picture(state, controls):
    """Draw the digit before and after, both answers, and how they came about."""
    images, answers = now(state)
    changes = 0.5 + (images[:, -1] - images[:, 0]) / (2 * max(controls.epsilon, 1e-3))
    learning = f" (learning: {100 * state.learnt // LEARNING} %)" if state.learnt < LEARNING else ""
    names = [text for digit in DIGITS.classes for text in (digit, f"{digit}′")]
    bars = [
        Plot(
            [Bars(each[[0, -1]].T.ravel(), names, highlighted=2 * int(np.argmax(each[-1])) + 1)],
            "Digit, before and after (′) the attack",
            "Probability",
            f"{name}: reads {np.argmax(each[0])}, under attack {np.argmax(each[-1])}",
            y_range=(0.0, 1.0),
            height=0.9,
        )
        for name, each in zip(("Usual training", "Adversarial training"), answers, strict=True)
    ]
    curves = [
        Line(np.arange(answers.shape[1]), each[:, state.asked[1]], name, head=True)
        for name, each in zip(("usual training", "adversarial training"), answers, strict=True)
    ]
    return (
        Images(
            np.stack([images[0, 0], images[0, -1], changes[0], images[1, -1], changes[1]]).reshape(-1, 8, 8),
            ["your digit", "usual", "its change/ε", "robust", "its change/ε"],
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
    """Tell what both networks read now, and how many test digits."""
    _, answers = now(state)
    plain, robust = answers[:, -1]
    return {
        "Learnt [%]": 100 * state.learnt / LEARNING,
        "Step of the attack": answers.shape[1] - 1,
        "Usual network reads": int(np.argmax(plain)),
        "Robust network reads": int(np.argmax(robust)),
        "Probability of y, usual network": plain[state.asked[1]],
        "Probability of y, robust network": robust[state.asked[1]],
        "Test digits read under attack, usual [%]": 100 * state.attack.kept[0],
        "Test digits read under attack, robust [%]": 100 * state.attack.kept[1],
    }


def measures(state, controls):
    """Tell what share of the test digits is read under attack, and whether your digit is, which both read before."""
    if state.learnt < LEARNING or state.shown < LONGEST or state.asked != asks(controls):
        return {}
    plain, robust = state.attack.kept
    shares = {"plain_pgd": float(plain), "robust_pgd": float(robust)}
    read = np.argmax(state.attack.answers, axis=-1) == controls.label
    return shares | ({"robust_reads": float(read[1, -1]), "epsilon": controls.epsilon} if read[:, 0].all() else {})


PRESETS = {
    "Szegedy 2014: a change that you hardly see": {},
    "Goodfellow 2015: one step as long as ε": {"step_size": 1.0},
    "Madry 2018: the robust network holds": {"epsilon": 0.18},
    "Beyond what was trained for": {"epsilon": 0.45},
}

MISSIONS = (
    Mission(
        "Find an ε at which the usual network reads at most a tenth of the test digits, but the robust one still at "
        "least 70 % of them.",
        (Claim("plain_pgd", "<=", 0.1), Claim("robust_pgd", ">=", 0.7)),
    ),
    Mission(
        "Draw a digit that both networks read, and fool the robust one with an ε of at most 0.15.",
        (Claim("robust_reads", "<=", 0.0), Claim("epsilon", "<=", 0.15)),
    ),
)
