import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.robust import (
    APGD,
    FGSM,
    L2,
    PGD,
    AttackEnsemble,
    Bisection,
    DeepFool,
    LInf,
    MultiTargeted,
    Square,
    auto_attack,
    margin,
    robust_accuracy,
)
from neuraxis.robust.blocks import _size
from tests.robust.models import COUNT, DUALS, KEY, distances, labels, model, x

truth = distances(x, labels, DUALS["LInf"])
EPSILON = float(np.median(truth)) * 1.0001
THREAT = LInf(EPSILON, low=0.0, high=1.0)
wrong = np.array(labels)
wrong[0] = (wrong[0] + 1) % 4  # an example that is misclassified as it is


@pytest.fixture(scope="module")
def found():
    attacks = {
        "FGSM": FGSM(THREAT, loss=margin),
        "PGD": MultiTargeted(PGD(THREAT, 10, loss=margin)),
        "DeepFool": DeepFool(THREAT),
        "all": AttackEnsemble(
            {"FGSM": FGSM(THREAT, loss=margin), "DeepFool": DeepFool(THREAT), "Square": Square(THREAT, 50)}
        ),
    }
    return robust_accuracy(model, attacks, x, wrong, key=KEY, batch_size=5)


def test_accuracies_are_those_of_the_closed_form(found):
    breakable = truth < EPSILON
    breakable[0] = False
    assert found.clean_accuracy == (COUNT - 1) / COUNT
    outcome = found.attacks["PGD"]
    np.testing.assert_array_equal(outcome.broken, breakable)
    assert outcome.accuracy == (COUNT - 1 - breakable.sum()) / COUNT
    assert outcome.success_rate == breakable.sum() / (COUNT - 1)
    assert found.accuracy == outcome.accuracy
    np.testing.assert_array_equal(outcome.images[~breakable & (wrong != labels)], np.asarray(x)[0:1])


def test_norms_are_those_of_what_was_broken(found):
    outcome = found.attacks["DeepFool"]
    # It overshoots by 2 %, and what lies beyond ε is not counted.
    np.testing.assert_array_equal(outcome.broken, (truth * 1.0205 < EPSILON) & (wrong == labels))
    np.testing.assert_allclose(outcome.norms[outcome.broken], truth[outcome.broken] * 1.02, rtol=5e-3)
    assert np.isnan(outcome.norms[~outcome.broken]).all()
    assert outcome.median_norm == np.median(outcome.norms[outcome.broken])
    assert outcome.mean_norm == np.mean(outcome.norms[outcome.broken])


def test_an_ensemble_is_never_above_its_parts(found):
    ensemble = found.attacks["all"]
    assert list(ensemble.parts) == ["FGSM", "DeepFool", "Square"]
    left = list(ensemble.parts.values())
    assert left == sorted(left, reverse=True)
    assert left[0] == found.attacks["FGSM"].accuracy
    assert ensemble.accuracy == left[-1] <= min(found.attacks[name].accuracy for name in ("FGSM", "DeepFool"))
    assert found.warnings == ()


class Recorded(eqx.Module):
    """Does nothing but say how many it was called for."""

    threat: LInf
    seen: list = eqx.field(static=True)
    gives: float = 0.0

    uses_gradient = False

    def __call__(self, model, x, labels, *, targets=None, key=None):
        self.seen.append((len(x), np.shape(self.threat.epsilon), key))
        return x + self.gives


def test_blocks_are_of_few_sizes_and_each_example_keeps_its_epsilon():
    seen = []
    of_each = LInf(jnp.linspace(0.01, 0.02, COUNT), low=0.0, high=1.0)
    outcome = robust_accuracy(model, Recorded(of_each, seen), x, labels, key=KEY, batch_size=8).attacks["Recorded"]
    assert [count for count, _, _ in seen] == [8, 8]  # the last four of twelve, filled up
    assert [shape for _, shape, _ in seen] == [(8,), (8,)]
    assert seen[0][2] != seen[1][2]
    assert outcome.accuracy == 1
    seen.clear()
    robust_accuracy(model, Recorded(THREAT, seen), x[:9], labels[:9], batch_size=8)
    assert [count for count, _, _ in seen] == [8, 8]
    assert [key for _, _, key in seen] == [None, None]
    assert [_size(count, 250) for count in (250, 64, 63, 1)] == [250, 250, 63, 63]


def test_only_what_stands_is_attacked_on():
    seen = []
    ensemble = AttackEnsemble({"PGD": MultiTargeted(PGD(THREAT, 10, loss=margin)), "next": Recorded(THREAT, seen)})
    images = ensemble(model, x, labels, key=KEY)
    fell = np.argmax(model(images), -1) != labels
    assert fell.sum() == COUNT // 2
    assert [count for count, _, _ in seen] == [COUNT]  # six, filled up
    np.testing.assert_array_equal(images[~fell], x[~fell])


def test_what_left_the_ball_or_the_range_is_not_counted():
    for gives in (0.2, 5.0):
        attack = Recorded(THREAT, [], gives)
        constant = lambda x: jnp.stack([jnp.zeros(len(x)), 100 * (x[:, 0, 0, 0] - x[:, 0, 0, 0].clip(0, 0.75))], -1)
        assert robust_accuracy(constant, attack, x, jnp.zeros(COUNT, int)).accuracy == 1


def test_bisection_finds_the_smallest_epsilon():
    threat = L2(1.0, low=0.0, high=1.0)
    attack = Bisection(FGSM(threat, loss=margin), halvings=10)
    images = attack(model, x, labels)
    norms = np.asarray(threat.norm(images - x))
    exact = distances(x, labels, DUALS["L2"])
    assert np.all(np.argmax(model(images), -1) != labels)
    assert np.all(norms >= exact * 0.999)
    assert np.median(norms / exact) < 1.01  # where the likeliest other class is the nearest
    same = Bisection(FGSM(L2(1e-3, low=0.0, high=1.0)), halvings=1)(model, x, labels)
    np.testing.assert_array_equal(same, x)  # where it never succeeds


class Loud(eqx.Module):
    """A model whose logits are so far apart that the softmax is 0 or 1."""

    def __call__(self, x, *, key=None):
        return 1e6 * model(x)


def test_gradient_masking_is_said_in_words():
    threat = LInf(2 * truth.astype(np.float32), low=0.0, high=1.0)
    flat = lambda x: jax.lax.stop_gradient(model(x))
    attacks = {"PGD": PGD(threat, random_start=False), "Square": Square(threat, 200)}
    found = robust_accuracy(flat, attacks, x, labels, key=KEY)
    assert found.attacks["PGD"].accuracy == 1 > found.attacks["Square"].accuracy
    first, second = found.warnings
    assert first.startswith("gradient masking: of 12 correctly classified images, 12 withstand the gradient-based")
    assert "0 up to rounding at 100 %" in second
    loud = robust_accuracy(Loud(), FGSM(threat), x, labels)
    assert len(loud.warnings) == 1
    assert "use dlr or margin" in loud.warnings[0]


def test_auto_attack_is_the_standard_one():
    ensemble = auto_attack(THREAT)
    assert ensemble.names == ("APGD-CE", "APGD-T", "FAB-T", "Square")
    ce, targeted, fab, square = ensemble.attacks
    assert (ce.steps, targeted.attack.steps, targeted.classes, fab.attack.steps, fab.classes) == (100, 100, 9, 100, 9)
    assert square.queries == 5000
    assert ensemble.uses_gradient
    assert not square.uses_gradient
    assert auto_attack(THREAT, classes=3).attacks[1].attack.loss is margin


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: robust_accuracy(model, {}, x, labels), "attacks must name at least one attack, but are empty"),
        (lambda: robust_accuracy(model, 3, x, labels), r"attacks\['int'\] must be .* Attack, but is 3"),
        (lambda: robust_accuracy(model, PGD, x, labels), "must be an object, but is the class PGD itself"),
        (lambda: robust_accuracy(model, FGSM(THREAT), x, labels, batch_size=0), "batch_size must be an integer"),
        (lambda: robust_accuracy(model, FGSM(THREAT), x, labels + 1), "labels must be between 0 and 3"),
        (lambda: robust_accuracy(model, PGD(THREAT), x, labels), "key must be one random key"),
        (lambda: robust_accuracy(model, FGSM(THREAT), 2 * x, labels), "x must be between 0 and 1"),
        (lambda: jax.jit(lambda x: robust_accuracy(model, FGSM(THREAT), x, labels))(x), "not possible under jit"),
        (lambda: AttackEnsemble({}), "attacks must be one or more attacks by name, but are {}"),
        (lambda: AttackEnsemble([FGSM(THREAT)]), "attacks must be one or more attacks by name"),
        (
            lambda: AttackEnsemble({"a": FGSM(THREAT), "b": APGD(L2(0.1, low=0, high=1))}),
            "the same threat model, but that of a",
        ),
        (lambda: AttackEnsemble({"a": FGSM(THREAT)})(model, x, labels, targets=labels), "an ensemble takes no targets"),
        (lambda: Bisection(FGSM(LInf(np.inf, low=0, high=1))), "epsilon must be finite"),
        (lambda: Bisection(FGSM(THREAT), 0), "halvings must be an integer"),
        (lambda: auto_attack(THREAT, classes=1), "classes must be an integer of at least 2"),
    ],
)
def test_what_cannot_be_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
