import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.energy.rbm import RBM, log_odds
from neuraxis.errors import InputError


@pytest.fixture(scope="module", params=[1.0, 2.5], ids=["T=1", "T=2.5"])
def pair(request, enumerated):
    """A machine, and all its states."""
    states = enumerated(5, 3, request.param)
    return RBM(*states.parameters), states


def test_energy(pair):
    rbm, s = pair
    v, h = np.repeat(s.v, len(s.h), axis=0), np.tile(s.h, (len(s.v), 1))
    np.testing.assert_allclose(rbm.energy(v, h), s.energy.ravel(), rtol=1e-5, atol=1e-5)


def test_free_energy_sums_over_the_hidden_units(pair):
    rbm, s = pair
    marginal = s.joint.sum(1)
    free = np.asarray(rbm.free_energy(s.v))
    np.testing.assert_allclose(np.exp(-free / rbm.temperature - s.log_partition), marginal, rtol=1e-5)
    np.testing.assert_allclose(rbm.log_probability(s.v, s.log_partition), np.log(marginal), atol=1e-5)


def test_conditional_probabilities(pair):
    rbm, s = pair
    hidden = s.joint @ s.h / s.joint.sum(1, keepdims=True)
    visible = s.joint.T @ s.v / s.joint.sum(0)[:, None]
    np.testing.assert_allclose(rbm.hidden_probability(s.v), hidden, rtol=1e-5)
    np.testing.assert_allclose(rbm.visible_probability(s.h), visible, rtol=1e-5)


def test_the_energy_gap_is_the_logit_of_the_conditional_probability(pair):
    """And the difference of two energies: the gap of unit 0 is between states that differ in it alone."""
    rbm, s = pair
    for gap, p in ((rbm.hidden_gap(s.v), rbm.hidden_probability(s.v)), (rbm.visible_gap(s.h), None)):
        p = rbm.visible_probability(s.h) if p is None else p
        odds = np.log(np.asarray(p, float) / (1 - np.asarray(p, float)))
        np.testing.assert_allclose(np.asarray(gap) / rbm.temperature, odds, atol=1e-4)
    off, on = s.energy[:, : len(s.h) // 2], s.energy[:, len(s.h) // 2 :]
    np.testing.assert_allclose(np.asarray(rbm.hidden_gap(s.v))[:, 0], (off - on)[:, 0], atol=1e-5)
    off, on = s.energy[: len(s.v) // 2], s.energy[len(s.v) // 2 :]
    np.testing.assert_allclose(np.asarray(rbm.visible_gap(s.h))[:, 0], (off - on)[0], atol=1e-5)


def test_temperature_divides_the_energy(pair):
    rbm, s = pair
    cool = rbm.at_temperature_one()
    np.testing.assert_allclose(cool.free_energy(s.v), np.asarray(rbm.free_energy(s.v)) / rbm.temperature, atol=1e-5)
    np.testing.assert_allclose(cool.hidden_probability(s.v), rbm.hidden_probability(s.v), atol=1e-6)


def test_a_sweep_of_gibbs_sampling_keeps_the_distribution(pair):
    rbm, s = pair
    drawn = np.random.default_rng(1).choice(len(s.v), 40_000, p=s.joint.sum(1))
    v = np.asarray(rbm.gibbs(s.v[drawn], key=jax.random.key(0)))
    found = np.bincount(v.astype(int) @ (2 ** np.arange(5)[::-1]), minlength=32) / len(v)
    np.testing.assert_allclose(found, s.joint.sum(1), atol=0.01)  # 4 standard errors


def test_pseudo_log_likelihood_is_that_of_one_unit_times_their_number(pair):
    rbm, s = pair
    log_p = np.log(s.joint.sum(1)).reshape((2,) * 5)
    given_rest = [log_p - np.logaddexp(log_p, np.flip(log_p, axis)) for axis in range(5)]
    every = 5 * np.stack([terms.ravel() for terms in given_rest], axis=-1)
    keys = jax.random.split(jax.random.key(0), 60)
    drawn = np.asarray(jax.vmap(lambda key: rbm.pseudo_log_likelihood(s.v, key=key))(keys))
    assert np.all(np.min(np.abs(drawn[..., None] - every), axis=-1) < 1e-4)
    nearest = np.argmin(np.abs(drawn[..., None] - every), axis=-1)
    assert set(nearest.ravel()) == set(range(5))


def test_for_data_begins_with_the_base_rates():
    x = np.random.default_rng(0).random((500, 4)) < (0.1, 0.5, 0.9, 0.0)
    rbm = RBM.for_data(x, 3, key=jax.random.key(0))
    share = (x.sum(0) + 1) / 502
    np.testing.assert_allclose(1 / (1 + np.exp(-np.asarray(rbm.visible_bias))), share, rtol=1e-5)
    np.testing.assert_array_equal(log_odds(x.astype(np.uint8)), rbm.visible_bias)
    assert rbm.weight.shape == (4, 3)
    assert not np.any(rbm.hidden_bias)


@pytest.mark.usefixtures("as_user")
def test_units_may_be_truth_values_integers_and_lists(pair):
    rbm, s = pair
    expected = np.asarray(rbm.free_energy(s.v[5]))
    for v in (s.v[5].astype(bool), s.v[5].astype(np.uint8), [int(i) for i in s.v[5]]):
        np.testing.assert_array_equal(rbm.free_energy(v), expected)


def test_grey_units_give_nan_where_they_cannot_be_seen(pair):
    rbm, _ = pair
    assert np.isnan(jax.jit(lambda v: rbm.free_energy(v))(jnp.array([0, 1, 0.5, 0, 1])))


rbm = RBM(np.ones((4, 2)))
MANY = np.ones((1, 4))


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            lambda: rbm.free_energy([0, 1, 0.25, 1]),
            r"v must contain 0 and 1 only, .* 0 to 1 and contains 0.25; .* >= 0.5",
        ),
        (lambda: rbm.free_energy([0, 255, 0, 17]), "v must contain 0 and 1 only, but ranges from 0 to 255;"),
        (lambda: rbm.hidden_gap([-1, 1, 1, -1]), "v must contain 0 and 1 only, but ranges from -1 to 1"),
        (lambda: rbm.free_energy([0, np.nan, 0, 1]), "v must be finite, but contains nan at index"),
        (lambda: rbm.free_energy([0, 1, 0]), r"v must have shape \(…, 4\), but has shape \(3,\)"),
        (lambda: rbm.visible_gap([0, 1, 0]), r"h must have shape \(…, 2\)"),
        (lambda: rbm.free_energy("0101"), "v must"),
        (lambda: rbm.free_energy([1j, 0, 0, 0]), "v must contain real numbers"),
        (lambda: RBM(np.ones(3)), "weight must have shape"),
        (lambda: RBM(np.ones((3, 0))), "weight must have shape"),
        (lambda: RBM([[np.nan]]), "weight must be finite"),
        (lambda: RBM("W"), "weight must be"),
        (lambda: RBM(np.ones((3, 2)), np.ones(2)), r"visible_bias must have shape \(3,\), but has shape \(2,\)"),
        (lambda: RBM(np.ones((3, 2)), None, np.ones(3)), r"hidden_bias must have shape \(2,\)"),
        (lambda: RBM(np.ones((3, 2)), [0, np.inf, 0]), "visible_bias must be finite"),
        (lambda: RBM(np.ones((3, 2)), temperature=0.0), "temperature must be positive"),
        (lambda: RBM(np.ones((3, 2)), temperature=-1), "temperature must be positive"),
        (lambda: RBM(np.ones((3, 2)), temperature=[1.0, 2.0]), "temperature must be one number"),
        (lambda: RBM(np.ones((3, 2)), temperature="hot"), "temperature must be"),
        (lambda: RBM.for_data(MANY, 0, key=jax.random.key(0)), "hidden_size must be an integer"),
        (lambda: RBM.for_data(MANY, 2, key=0), "key must be"),
        (lambda: RBM.for_data(MANY / 3, 2, key=jax.random.key(0)), "x must contain 0 and 1 only"),
        (lambda: RBM.for_data(np.ones((0, 4)), 2, key=jax.random.key(0)), "x must have shape"),
        (lambda: log_odds(np.ones(4)), "x must have shape"),
        (lambda: rbm.gibbs(MANY, key=None), "key must be"),
        (lambda: rbm.pseudo_log_likelihood(MANY, key=3), "key must be"),
        (lambda: rbm.log_probability(MANY, "Z"), "log_partition must be"),
    ],
)
def test_bad_input_is_refused(wrong, message):
    with pytest.raises(InputError, match=message):
        wrong()
