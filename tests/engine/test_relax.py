import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st

from neuraxis.energy.hopfield import Hopfield
from neuraxis.engine.relax import relax
from neuraxis.errors import InputError

A = np.array([[2.0, 0.5], [0.5, 1.0]])
B = np.array([1.0, -3.0])


def bowl(x):
    """½ x A xᵀ − B xᵀ, with its minimum at A⁻¹B."""
    return 0.5 * jnp.sum((x @ A) * x, axis=-1) - x @ B


def double_well(x):
    """Minima at ±1 in each entry."""
    return jnp.sum((x**2 - 1) ** 2, axis=-1) / 4


@settings(deadline=None, max_examples=10)
@given(start=st.lists(st.floats(-10, 10, width=32), min_size=2, max_size=2))
def test_finds_the_minimum_of_a_quadratic(start):
    settled = relax(bowl, np.array(start), step_size=0.4)
    assert settled.converged
    np.testing.assert_allclose(settled.x, scipy.linalg.solve(A, B), atol=1e-4)
    np.testing.assert_allclose(settled.energy, bowl(settled.x), rtol=1e-6)


def test_steps_are_explicit_euler():
    x = np.array([3.0, 2.0])
    for _ in range(5):
        x = x - 0.1 * (x @ A - B)
    taken = relax(bowl, np.array([3.0, 2.0]), step_size=0.1, max_steps=5)
    np.testing.assert_allclose(taken.x, x, rtol=1e-5)
    assert taken.steps == 5
    assert not taken.converged


def test_stops_at_the_first_state_that_passes_the_test():
    exact = {"step_size": 0.1, "rtol": 1e-2, "atol": 1e-3}
    settled = relax(bowl, np.array([3.0, 2.0]), **exact)

    def rms(v):
        return np.sqrt(np.mean(np.square(v)))

    def passes(x):
        return rms(jax.grad(bowl)(x)) <= 1e-3 + 1e-2 * rms(x)

    before = relax(bowl, np.array([3.0, 2.0]), **exact, max_steps=int(settled.steps) - 1)
    assert passes(settled.x)
    assert settled.converged
    assert not passes(before.x)
    assert not before.converged


def test_a_start_at_rest_takes_no_step():
    settled = relax(double_well, jnp.ones(3), step_size=0.1)
    assert settled.steps == 0
    assert settled.converged


def test_each_member_of_a_batch_ends_where_it_would_alone():
    x = jax.random.normal(jax.random.key(0), (2, 3, 4))
    whole = relax(double_well, x, step_size=0.1)
    assert whole.energy.shape == whole.steps.shape == whole.converged.shape == (2, 3)
    assert len(np.unique(whole.steps)) > 1
    alone = [[relax(double_well, x[i, j], step_size=0.1) for j in range(3)] for i in range(2)]
    for i in range(2):
        for j in range(3):
            np.testing.assert_array_equal(alone[i][j].x, whole.x[i, j])
            assert alone[i][j].steps == whole.steps[i, j]
    mapped = jax.vmap(lambda x: relax(double_well, x, step_size=0.1))(x[0])
    np.testing.assert_array_equal(mapped.x, whole.x[0])


def test_any_tree_of_arrays_can_settle():
    def energy(state):
        return jnp.sum((state["a"] - 1) ** 2, axis=-1) + jnp.sum((state["b"] + 2) ** 2, axis=(-2, -1))

    settled = relax(energy, {"a": np.zeros((5, 2)), "b": np.zeros((5, 3, 3))}, step_size=0.25)
    assert np.all(settled.converged)
    assert settled.steps.shape == (5,)
    np.testing.assert_allclose(settled.x["a"], 1, atol=1e-4)
    np.testing.assert_allclose(settled.x["b"], -2, atol=1e-4)


def test_energies_of_single_numbers_settle_one_by_one():
    settled = relax(lambda x: (x - 3) ** 2, np.array([0.0, 3.0]), step_size=0.25)
    np.testing.assert_allclose(settled.x, 3, atol=1e-4)
    assert settled.steps[1] == 0 < settled.steps[0]


def test_works_in_double_precision_and_on_integers():
    assert relax(bowl, np.array([1, 2]), step_size=0.4).x.dtype == jnp.float32
    with jax.enable_x64(True):
        settled = relax(bowl, np.array([1, 2]), step_size=0.4, rtol=0.0, atol=1e-13)
        assert settled.x.dtype == jnp.float64
        np.testing.assert_allclose(settled.x, scipy.linalg.solve(A, B), atol=1e-12)


def test_an_energy_without_a_bottom_is_not_called_settled():
    falling = relax(lambda x: -jnp.sum(x**2, axis=-1), jnp.ones(2), step_size=1.0)
    assert not falling.converged
    assert falling.steps < 1000  # it ends when numbers overflow, not at the last step


def test_an_overshooting_step_is_not_called_settled():
    assert not relax(bowl, np.array([3.0, 2.0]), step_size=2.0, max_steps=20).converged


def test_a_model_with_new_weights_does_not_compile_anew():
    traces = []

    class Traced(Hopfield):
        def energy(self, x):
            traces.append(None)
            return super().energy(x) + jnp.sum(x**4, axis=-1)

    def run(weight):
        network = Traced(np.array([[0, weight], [weight, 0]]))
        relax(network.energy, np.array([0.1, 0.2]), step_size=0.05)
        return len(traces)

    first = run(1.0)
    checked_only = 1  # the check of the energy's shape traces it once in each call
    assert run(2.0) == first + checked_only


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"step_size": 0.0}, "step_size must be positive and finite, but is 0.0"),
        ({"step_size": -1.0}, "step_size must be positive"),
        ({"step_size": np.nan}, "step_size must be positive"),
        ({"step_size": 0.1, "rtol": -1.0}, "rtol must be finite and not negative"),
        ({"step_size": 0.1, "atol": -1.0}, "atol must be finite and not negative"),
        ({"step_size": 0.1, "max_steps": 0}, "max_steps must be a whole number of at least 1"),
        ({"step_size": 0.1, "x": np.array([0.0, np.nan])}, r"x must be finite, but holds nan at index \(1,\)"),
        ({"step_size": 0.1, "energy": lambda x: jnp.sum(x) * jnp.ones(3)}, r"per leading index .* gave shape \(3,\)"),
        ({"step_size": 0.1, "energy": lambda x: (x, x)}, "must give one array of real numbers"),
        ({"step_size": 0.1, "energy": lambda x: jnp.sum(x) > 0}, "must give one array of real numbers"),
        ({"step_size": 0.1, "x": ()}, "for a state of shape nothing"),
    ],
)
def test_bad_input_is_refused(arguments, message):
    arguments = {"energy": lambda x: jnp.sum(jnp.asarray(x) ** 2), "x": np.ones(2)} | arguments
    with pytest.raises(InputError, match=message):
        relax(arguments.pop("energy"), arguments.pop("x"), **arguments)
