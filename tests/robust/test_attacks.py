"""What every attack must do, on an affine model, whose boundaries are known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.robust import APGD, FAB, L2, PGD, DeepFool, LInf, MultiTargeted, Square, dlr, margin
from neuraxis.robust.apgd import windows
from tests.robust.models import CLASSES, COUNT, DUALS, KEY, distances, labels, model, weight, x

KINDS = {"LInf": LInf, "L2": L2}


def fooled(found, targets=None):
    predicted = np.argmax(model(found), -1)
    return predicted != labels if targets is None else predicted == targets


def size(kind, found):
    return np.asarray(kind(1.0, low=0.0, high=1.0).norm(found - x))


@pytest.mark.parametrize("name", KINDS)
def test_the_distance_of_a_boundary_is_found(name):
    """Up to how far the attack overshoots: DeepFool by 2 %, FAB by 5 % of the 10 % that it steps back."""
    threat = KINDS[name](np.inf, low=0.0, high=1.0)
    truth = distances(x, labels, DUALS[name])
    for attack, most in ((DeepFool(threat), 1.025), (FAB(threat, steps=20), 1.006)):
        found = attack(model, x, labels)
        assert fooled(found).all()
        ratio = size(KINDS[name], found) / truth
        assert np.all((ratio > 1) & (ratio < most)), (attack, ratio)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("attack", [PGD, APGD])
def test_what_can_be_broken_is_broken_and_nothing_else(name, attack):
    """ε is a little above and a little below the distance of each example; the nearest class is not the likeliest."""
    truth = distances(x, labels, DUALS[name])
    how = {"steps": 20, "loss": margin}
    for factor in (0.98, 1.04):
        threat = KINDS[name](jnp.asarray(factor * truth, jnp.float32), low=0.0, high=1.0)
        found = MultiTargeted(attack(threat, **how))(model, x, labels, key=KEY)
        assert np.all(fooled(found) == (factor > 1)), (name, factor)
        assert np.all(size(KINDS[name], found) <= factor * truth * (1 + 1e-5) + 1e-6)


def test_targets_are_reached():
    targets = jnp.argsort(model(x), axis=-1)[:, -2]
    threat = LInf(0.3, low=0.0, high=1.0)
    for attack in (PGD(threat, 20), APGD(threat, 20, loss=dlr)):
        assert np.all(fooled(attack(model, x, labels, targets=targets, key=KEY), targets)), attack
    # These go to the boundary with the target, beyond which the label is left, for whatever class.
    for attack in (DeepFool(threat), FAB(threat, 10)):
        assert np.all(fooled(attack(model, x, labels, targets=targets))), attack


def test_pgd_follows_its_equation():
    """Against a loop in NumPy, on a target that is never reached, so that the last point is the best."""
    targets = (labels + 1) % CLASSES
    steps, epsilon = 5, 1e-3
    attack = PGD(LInf(epsilon, low=0.0, high=1.0), steps, 0.3, random_start=False)
    expected = np.asarray(x, float)
    for _ in range(steps):
        z = np.asarray(expected.reshape(COUNT, -1) @ weight + model.bias)
        p = np.exp(z - z.max(1, keepdims=True))
        slope = -(p / p.sum(1, keepdims=True) - np.eye(CLASSES)[np.asarray(targets)]) @ weight.T
        expected = np.clip(expected + 0.3 * epsilon * np.sign(slope).reshape(x.shape), x - epsilon, x + epsilon)
    np.testing.assert_allclose(attack(model, x, labels, targets=targets), expected, atol=1e-7)


def test_restarts_keep_the_best():
    threat = L2(0.9 * distances(x, labels, DUALS["L2"]), low=0.0, high=1.0)
    value = lambda found: np.asarray(margin(model(found), labels))
    once, often = (PGD(threat, 2, 0.1, restarts=n, loss=margin)(model, x, labels, key=KEY) for n in (1, 8))
    assert np.all(value(often) >= value(once) - 0.2)
    assert value(often).mean() > value(once).mean()
    fab = FAB(LInf(0.3, low=0.0, high=1.0), steps=3, restarts=3)
    assert fooled(fab(model, x, labels, key=KEY)).all()


def test_windows_of_apgd():
    """The checkpoints of the paper for 100 steps."""
    lengths = windows(100)
    assert list(np.flatnonzero(lengths) + 1) == [22, 41, 57, 70, 80, 87, 93, 99]
    assert list(lengths[lengths > 0]) == [22, 19, 16, 13, 10, 7, 6, 6]
    assert list(windows(1)) == [1]


def test_apgd_finds_its_step_size():
    """It comes to the top of a hill, around which steps of a constant size jump to and fro."""
    top = jnp.asarray([[0.1234, -0.2345, 0.3456]])
    hill = lambda x: jnp.stack([jnp.sum((x - top) ** 2, axis=-1), -1.0 * jnp.ones(len(x)), -2 * jnp.ones(len(x))], -1)
    start, truth = jnp.zeros((1, 3)), jnp.zeros(1, jnp.int32)
    threat = LInf(0.8, low=-2.0, high=2.0)
    distance = lambda attack: float(jnp.max(jnp.abs(attack(hill, start, truth, key=KEY) - top)))
    assert distance(APGD(threat, 60, loss=margin)) < 0.02 < 0.05 < distance(PGD(threat, 60, loss=margin))


def test_they_run_inside_of_a_program_in_double_precision():
    with jax.enable_x64(True):
        exact = jax.tree.map(lambda a: jnp.asarray(a, jnp.float64), model)
        attack = APGD(LInf(0.1, low=0.0, high=1.0), 5)
        found = jax.jit(lambda x, y: attack(exact, x, y, key=KEY))(jnp.asarray(x, jnp.float64), labels)
        assert found.dtype == jnp.float64
        assert np.all(np.abs(found - np.asarray(x, float)) <= 0.1 + 1e-12)


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda t: PGD(t, 0), "steps must be an integer of at least 1, but is 0"),
        (lambda t: PGD(t, restarts=0), "restarts must be an integer"),
        (lambda t: PGD(t, restarts=2, random_start=False), "restarts must be 1 without a random start, but is 2"),
        (lambda t: PGD(t, step_size=-1.0), "step_size must be positive"),
        (lambda t: PGD(t, random_start=1), "random_start must be True or False"),
        (lambda t: PGD(t)(model, x, labels), "key must be one random key, .* but is None"),
        (lambda t: PGD(LInf(np.inf, low=0, high=1))(model, x, labels, key=KEY), "epsilon must be finite"),
        (lambda t: APGD(t, 2.5), "steps must be an integer"),
        (lambda t: APGD(t, restarts=True), "restarts must be an integer"),
        (lambda t: APGD(t)(model, x, labels), "key must be one random key"),
        (lambda t: DeepFool(t, candidates=1), "candidates must be an integer of at least 2"),
        (lambda t: DeepFool(t, overshoot=-0.1), "overshoot must be finite and not negative"),
        (lambda t: FAB(t, beta=1.0), r"beta must lie in \[0, 1\)"),
        (lambda t: FAB(t, eta=0.0), "eta must be positive"),
        (lambda t: FAB(t, restarts=2)(model, x, labels), "key must be one random key"),
        (lambda t: MultiTargeted(t), "attack must be an Attack"),
        (lambda t: MultiTargeted(PGD(t), 0), "classes must be an integer"),
        (lambda t: MultiTargeted(PGD(t))(model, x, labels, targets=labels, key=KEY), "chooses its targets itself"),
        (lambda t: jax.jit(lambda x: MultiTargeted(PGD(t))(model, x, labels, key=KEY))(x), "not possible under jit"),
        (lambda t: Square(t, 0), "queries must be an integer"),
        (lambda t: Square(t, share=1.5), r"share must lie in \[0, 1\)"),
        (lambda t: Square(t)(model, x.reshape(COUNT, -1), labels, key=KEY), "Square needs images, .*Flatten"),
        (lambda t: Square(0.1), r"threat must be LInf\(…\) or L2\(…\), but is 0.1"),
    ],
)
def test_what_cannot_be_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call(LInf(0.1, low=0.0, high=1.0))
