import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import linprog, minimize

from neuraxis.errors import InputError
from neuraxis.robust import FGSM, L2, PGD, LInf, MultiTargeted, with_epsilon
from neuraxis.robust.threat_models import for_examples

KEY = jax.random.key(0)
RANGE = {"low": -0.5, "high": 1.0}
ORDERS = {LInf: np.inf, L2: 2}
x = jax.random.uniform(KEY, (6, 3, 2), minval=-0.5, maxval=1.0)
delta = jax.random.normal(jax.random.key(1), x.shape)


def norms(delta, order):
    return np.linalg.norm(np.asarray(delta).reshape(len(delta), -1), order, axis=1)


@pytest.mark.parametrize("kind", [LInf, L2])
def test_norms(kind):
    threat = kind(1.0, **RANGE)
    np.testing.assert_allclose(threat.norm(delta), norms(delta, ORDERS[kind]), rtol=1e-6)
    np.testing.assert_allclose(threat.dual_norm(delta), norms(delta, {LInf: 1, L2: 2}[kind]), rtol=1e-6)


@pytest.mark.parametrize("kind", [LInf, L2])
def test_steepest_is_where_a_slope_rises_most(kind):
    threat = kind(1.0, **RANGE)
    direction = threat.steepest(delta)
    np.testing.assert_allclose(threat.norm(direction), 1, rtol=1e-5)
    np.testing.assert_allclose(jnp.sum(direction * delta, (1, 2)), threat.dual_norm(delta), rtol=1e-5)
    assert not jnp.any(threat.steepest(jnp.zeros_like(delta)))
    tiny = jnp.full_like(delta, 1e-30)  # whose square is 0 in single precision
    np.testing.assert_allclose(threat.norm(threat.steepest(tiny)), 1, rtol=1e-5)


@pytest.mark.parametrize("epsilon", [0.0, 0.3, np.linspace(0, 2, 6), np.inf])
@pytest.mark.parametrize("kind", [LInf, L2])
def test_projection_lies_in_ball_and_range(kind, epsilon):
    threat = kind(epsilon, **RANGE)
    moved = np.asarray(threat.project(x + delta, x))
    assert np.all(norms(moved - x, ORDERS[kind]) <= np.broadcast_to(epsilon, 6) + 1e-6)
    assert moved.min() >= -0.5
    assert moved.max() <= 1.0
    np.testing.assert_allclose(threat.project(moved, x), moved, atol=1e-6)


def test_projection_is_the_nearest_point_of_the_ball():
    np.testing.assert_allclose(LInf(0.3, **RANGE).into_ball(delta), np.clip(delta, -0.3, 0.3))
    expected = np.asarray(delta) * np.minimum(1, 0.3 / norms(delta, 2))[:, None, None]
    np.testing.assert_allclose(L2(0.3, **RANGE).into_ball(delta), expected, rtol=1e-5)


@pytest.mark.parametrize("kind", [LInf, L2])
def test_random_starts_fill_the_ball(kind):
    threat = kind(jnp.asarray([0.0, 0.1, 0.2]), low=-10, high=10)
    center = jnp.zeros((3, 2))
    starts = jax.vmap(lambda key: threat.random_start(center, key))(jax.random.split(KEY, 2000))
    sizes = np.stack([norms(start, ORDERS[kind]) for start in np.asarray(starts)])
    assert np.all(sizes <= np.array([0.0, 0.1, 0.2]) * (1 + 1e-5))
    assert np.all(sizes.max(0) >= np.array([0.0, 0.099, 0.198]))
    np.testing.assert_allclose(np.mean(starts, 0), 0, atol=0.01)


@pytest.mark.parametrize("gap", [0.05, 0.8, 50.0])
def test_to_plane_is_the_smallest_step_within_the_range(gap):
    """By linear programming for ℓ∞, and by sequential quadratic programming for ℓ2."""
    gaps = jnp.full(len(x), gap)
    found = {kind: np.asarray(kind(1.0, **RANGE).to_plane(x, delta, gaps)).reshape(6, -1) for kind in ORDERS}
    for i in range(6):
        w, at = np.asarray(delta[i], float).ravel(), np.asarray(x[i], float).ravel()
        ends = np.stack([-0.5 - at, 1.0 - at], axis=1)
        most = np.sum(np.where(w > 0, w * ends[:, 1], w * ends[:, 0]))
        for kind, step in found.items():
            np.testing.assert_allclose(w @ step[i], min(gap, most), rtol=1e-4, err_msg=str(kind))
            assert np.all(step[i] >= ends[:, 0] - 1e-6)
            assert np.all(step[i] <= ends[:, 1] + 1e-6)
        if gap < most:
            both = np.concatenate([np.eye(6), -np.eye(6)])
            best = linprog(
                [*[0] * 6, 1],
                A_ub=np.column_stack([both, -np.ones(12)]),
                b_ub=np.zeros(12),
                A_eq=[[*w, 0]],
                b_eq=[gap],
                bounds=[*ends, (0, None)],
            )
            np.testing.assert_allclose(np.abs(found[LInf][i]).max(), best.fun, rtol=1e-4)
            there = {"type": "eq", "fun": lambda d, w=w: w @ d - gap}
            best = minimize(lambda d: d @ d, np.zeros(6), bounds=ends, constraints=there, method="SLSQP")
            np.testing.assert_allclose(np.sum(found[L2][i] ** 2), best.fun, rtol=1e-3)


def test_epsilon_is_replaced_everywhere():
    attack = MultiTargeted(PGD(LInf(np.array([0.1, 0.2, 0.3]), **RANGE)))
    assert with_epsilon(attack, 0.5).attack.threat.epsilon == 0.5
    np.testing.assert_array_equal(for_examples(attack, np.array([2, 0])).threat.epsilon, np.float32([0.3, 0.1]))
    assert for_examples(FGSM(LInf(0.1, **RANGE)), np.array([2, 0])).threat.epsilon == 0.1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LInf(-0.1, low=0, high=1), "epsilon must not be negative, but is -0.1"),
        (lambda: L2(np.array([0.1, np.nan]), low=0, high=1), "epsilon must not be negative, but is nan"),
        (lambda: LInf("0.1", low=0, high=1), "epsilon must be a number or one for each example, but is '0.1'"),
        (lambda: LInf(0.1j, low=0, high=1), "epsilon must be a number"),
        (lambda: LInf(np.ones((2, 2)), low=0, high=1), r"epsilon must be one number .* has shape \(2, 2\)"),
        (lambda: LInf(0.1, low=1, high=0), "low must be smaller than high, but they are 1 and 0"),
        (lambda: LInf(0.1, low=[0, 0], high=1), "low must be one number"),
        (lambda: LInf(0.1, low=0, high=np.inf), "high must be finite"),
        (lambda: LInf(0.1, low="0", high=1), "low must be a number"),
    ],
)
def test_bad_threats_are_refused(as_user, make, message):
    with pytest.raises(InputError, match=message):
        make()
