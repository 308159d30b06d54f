import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st

from neuraxis.energy import Hopfield
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


def test_a_state_at_which_the_gradient_is_infinite_is_stopped_and_not_called_settled():
    """A further step would make the state infinite, where the gradient is 0."""
    settled = relax(lambda x: jnp.sum(jnp.log(x), axis=-1), jnp.array([[1.0, 2.0], [-3.0, 1.0]]), step_size=1.0)
    np.testing.assert_array_equal(settled.converged, False)
    np.testing.assert_array_equal(settled.x[0], [0.0, 1.5])
    assert np.isfinite(settled.x).all()


def test_an_overshooting_step_is_not_called_settled():
    assert not relax(bowl, np.array([3.0, 2.0]), step_size=2.0, max_steps=20).converged


def counted(energy):
    """Return the energy, and a list that grows by one whenever JAX traces it."""
    traces = []

    def watched(*arguments):
        traces.append(None)
        return energy(*arguments)

    return watched, traces


class Spring(eqx.Module):
    """½ k (x − c)² with a number for k."""

    stiffness: float = 1.0

    def energy(self, x, center):
        return 0.5 * self.stiffness * jnp.sum((x - center) ** 2, axis=-1)


@pytest.mark.parametrize("steps", [None, 3])
def test_new_numbers_do_not_compile_anew(steps):
    energy, traces = counted(lambda x, parts: parts["k"] * jnp.sum((x - parts["center"]) ** 2, axis=-1))
    counts = []
    for k, start, size in ((1.0, 0.0, 0.1), (2.0, 1.0, 0.2), (np.float64(0.5), 2.0, jnp.asarray(0.1))):
        parts = {"k": k, "center": np.full(2, start)}
        ended = relax(energy, np.full(2, 1 - start), parts, step_size=size, rtol=start, atol=k, steps=steps)
        counts.append(len(traces))
        assert ended.x.dtype == jnp.float32
    assert counts[0] == counts[1] == counts[2] > 0


def test_a_module_with_new_numbers_does_not_compile_anew():
    traces = []

    class Traced(Spring):
        def energy(self, x, center):
            traces.append(None)
            return super().energy(x, center)

    def run(stiffness, center):
        relax(Traced(stiffness).energy, np.array([0.1, 0.2]), center, step_size=0.05)
        return len(traces)

    assert run(1.0, 3.0) == run(2.0, 4.0) > 0


def test_a_fixed_number_of_steps():
    x = np.array([[3.0, 2.0], [0.0, -1.0]])
    walked = relax(bowl, x, step_size=0.1, steps=5)
    for _ in range(5):
        x = x - 0.1 * (x @ A - B)
    np.testing.assert_allclose(walked.x, x, rtol=1e-5)
    np.testing.assert_allclose(walked.energy, bowl(x), rtol=1e-5)
    np.testing.assert_array_equal(walked.steps, 5)
    assert not np.any(walked.converged)
    assert np.all(relax(bowl, x, step_size=0.4, steps=80).converged)


def test_the_derivative_of_steps_is_that_of_a_python_loop():
    start, c = jnp.array([0.5, 1.4]), jnp.array([0.3, -0.2])

    def energy(x, c):
        return double_well(x) + jnp.sum(c * x * x)

    def ours(start, c, size, scale):
        return jnp.sum(relax(lambda x, c: scale * energy(x, c), start, c, step_size=size, steps=4).x ** 3)

    def loop(start, c, size, scale):
        for _ in range(4):
            start = start - size * scale * jax.grad(energy)(start, c)
        return jnp.sum(start**3)

    places = (start, c, 0.1, 2.0)
    for mine, its in zip(*(jax.grad(f, (0, 1, 2, 3))(*places) for f in (ours, loop)), strict=True):
        np.testing.assert_allclose(mine, its, rtol=1e-5)


def quadratic(x, A, b):
    return 0.5 * jnp.sum((x @ A) * x, axis=-1) - jnp.sum(x * b, axis=-1)


def test_the_derivative_at_rest_of_a_quadratic_is_the_inverse():
    """X = A⁻¹b, so dx/db = A⁻¹ and dx/dA_ij = −(A⁻¹)_i x_j; the form (x A xᵀ)/2 sees the symmetric part of A."""
    inverse = scipy.linalg.inv(A)
    x = inverse @ B
    by_a = -(np.einsum("ki,j->kij", inverse, x) + np.einsum("kj,i->kij", inverse, x)) / 2

    def at_rest(A, b, start):
        return relax(quadratic, start, A, b, step_size=0.4, rtol=0.0, atol=1e-6).x

    start = jnp.ones(2)
    for jacobian in (jax.jacfwd, jax.jacrev):
        found = jax.jit(jacobian(at_rest, (0, 1, 2)))(jnp.asarray(A), jnp.asarray(B), start)
        for mine, closed_form in zip(found, (by_a, inverse, np.zeros((2, 2))), strict=True):
            np.testing.assert_allclose(mine, closed_form, atol=1e-4)
    each = jax.vmap(jax.grad(lambda b: at_rest(jnp.asarray(A), b, start)[0]))(jnp.stack([jnp.asarray(B), jnp.ones(2)]))
    np.testing.assert_allclose(each, [inverse[0]] * 2, atol=1e-4)


class Curve(eqx.Module):
    """Σ ln cosh(k x) + ½ x² − b·x, with a number and an array in its fields."""

    k: float | jax.Array
    b: jax.Array

    def energy(self, x):
        return jnp.sum(jnp.logaddexp(self.k * x, -self.k * x) + 0.5 * x**2 - self.b * x, axis=-1)


def test_the_derivative_at_rest_agrees_with_finite_differences():
    with jax.enable_x64(True):
        start, b = np.zeros((2, 3)), np.array([[0.5, -1.0, 2.0], [0.1, 0.2, 4.0]])

        def at_rest(k, b):
            x = relax(Curve(k, b).energy, start, step_size=0.2, rtol=0.0, atol=1e-12).x
            return jnp.sum(jnp.sin(x) * jnp.arange(1.0, 7.0).reshape(2, 3))

        by_k, by_b = jax.grad(at_rest, (0, 1))(1.5, jnp.asarray(b))
        slope = lambda change: (at_rest(*change(1e-5)) - at_rest(*change(-1e-5))) / 2e-5
        np.testing.assert_allclose(by_k, slope(lambda h: (1.5 + h, jnp.asarray(b))), rtol=1e-7)
        for place in np.ndindex(2, 3):
            moved = lambda h, place=place: (1.5, jnp.asarray(b).at[place].add(h))
            np.testing.assert_allclose(by_b[place], slope(moved), rtol=1e-7)
        second = jax.grad(jax.grad(at_rest))(1.5, jnp.asarray(b))
        by_k_at = lambda k: jax.grad(at_rest)(k, jnp.asarray(b))
        np.testing.assert_allclose(second, (by_k_at(1.5 + 1e-5) - by_k_at(1.5 - 1e-5)) / 2e-5, rtol=1e-6)


def test_the_derivative_is_by_what_a_function_holds_too():
    inverse = scipy.linalg.inv(A)
    first = lambda b: relax(lambda x: quadratic(x, A, b), np.ones(2), step_size=0.4, rtol=0.0).x[0]
    np.testing.assert_allclose(jax.grad(first)(jnp.asarray(B)), inverse[0], atol=1e-4)
    np.testing.assert_allclose(jax.jvp(first, (jnp.asarray(B),), (jnp.ones(2),))[1], inverse[0].sum(), atol=1e-4)


def test_a_state_that_has_not_settled_has_no_derivative_and_leaves_the_others_theirs():
    start = jnp.array([[0.9, 1.1], [0.01, 0.5]])

    def settle(c, start):  # each entry tends to the root of x³ − x + c = 0 near 1
        energy = lambda x, c: double_well(x) + jnp.sum(c * x, axis=-1)
        return relax(energy, start, c, step_size=0.1, max_steps=40, rtol=1e-3, atol=0.0)

    c = jnp.full((2, 2), 0.1)
    ended = settle(c, start)
    np.testing.assert_array_equal(ended.converged, [True, False])
    expected = -1 / (3 * ended.x[0] ** 2 - 1)
    moved = jax.jvp(lambda c: settle(c, start).x, (c,), (jnp.ones_like(c),))[1]
    np.testing.assert_allclose(moved[0], expected, rtol=1e-5)
    assert np.all(np.isnan(moved[1]))
    for part in jax.grad(lambda c, start: jnp.sum(settle(c, start).x), (0, 1))(c, start):
        assert np.all(np.isnan(part[1]))
        assert np.all(np.isfinite(part[0]))

    def only_settled(c):
        ended = settle(c, start)
        return jnp.sum(jnp.where(ended.converged[:, None], ended.x, 0))

    np.testing.assert_allclose(jax.grad(only_settled)(c), np.stack([expected, np.zeros(2)]), rtol=1e-5)


def test_a_valley_without_a_slope_along_it_has_no_derivative():
    """Every x with Σx = a is a minimum: where x settles depends on the way there."""
    valley = lambda x, a, tilt: jnp.sum(0.5 * (jnp.sum(x, axis=-1) - a) ** 2) + jnp.sum(tilt * x)
    ended = lambda a, tilt: relax(valley, np.array([1.0, 0.0]), a, tilt, step_size=0.1).x
    by_a, by_tilt = jax.jacfwd(ended, (0, 1))(2.0, jnp.zeros(2))
    np.testing.assert_allclose(by_a, 0.5, atol=1e-4)  # the nearest minimum
    assert np.all(np.isnan(by_tilt))


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"step_size": 0.0}, "step_size must be positive and finite, but is 0.0"),
        ({"step_size": -1.0}, "step_size must be positive"),
        ({"step_size": np.nan}, "step_size must be positive"),
        ({"step_size": 0.1, "rtol": -1.0}, "rtol must be finite and not negative"),
        ({"step_size": 0.1, "atol": -1.0}, "atol must be finite and not negative"),
        ({"step_size": 0.1, "max_steps": 0}, "max_steps must be an integer of at least 1"),
        ({"step_size": 0.1, "x": np.array([0.0, np.nan])}, r"x must be finite, but contains nan at index \(1,\)"),
        (
            {"step_size": 0.1, "energy": lambda x: jnp.sum(x) * jnp.ones(3)},
            r"per leading index .* returned shape \(3,\)",
        ),
        ({"step_size": 0.1, "energy": lambda x: (x, x)}, "must return one array of real numbers"),
        ({"step_size": 0.1, "energy": lambda x: jnp.sum(x) > 0}, "must return one array of real numbers"),
        ({"step_size": 0.1, "x": ()}, r"x must contain an array, but is \(\)"),
        ({"step_size": 0.1, "x": "rest"}, "x must be an array of numbers, but is 'rest'"),
        ({"step_size": 0.1, "energy": lambda: 0.0}, r"energy must be a function of \(argument 0\)"),
        (
            {"step_size": 0.1, "energy": lambda x: "a"},
            "an energy must return one array of real numbers, but returned 'a'",
        ),
        (
            {"step_size": 0.1, "energy": lambda x: float(x[0])},
            r"energy must be a function that JAX can trace",
        ),
        ({"step_size": 0.1, "energy": lambda x: jnp.sum(x @ jnp.ones(3))}, r"energy does not fit what .*float32\(2,\)"),
        ({"step_size": 0.1, "x": np.ones(2) * 1j}, "x must contain real numbers, but has dtype complex"),
        ({"step_size": 0.1, "steps": 0}, "steps must be an integer of at least 1, but is 0"),
        ({"step_size": 0.1, "steps": 2.0}, "steps must be an integer of at least 1, but is 2.0"),
        (
            {"step_size": 0.1, "energy": Hopfield(np.zeros((2, 2)))},
            r"must be a model's method, as in relax\(model.energy, x, …\), but is the Hopfield itself",
        ),
        ({"step_size": 0.1, "energy": 3.0}, "energy must be a function, but is 3.0"),
    ],
)
def test_bad_input_is_refused(arguments, message):
    arguments = {"energy": lambda x: jnp.sum(jnp.asarray(x) ** 2), "x": np.ones(2)} | arguments
    with pytest.raises(InputError, match=message):
        relax(arguments.pop("energy"), arguments.pop("x"), **arguments)


@pytest.mark.usefixtures("as_user")
def test_lists_are_states_and_arguments_and_complex_numbers_neither():
    settled = relax(lambda x, a: jnp.sum((x - a) ** 2, -1), [0, 0], [1.0, 2.0], step_size=0.4)
    np.testing.assert_allclose(settled.x, [1, 2], rtol=1e-4)
    with pytest.raises(InputError, match=r"arguments\[0\] must contain real numbers, but has dtype complex"):
        relax(lambda x, a: jnp.sum(x**2 * jnp.abs(a)), jnp.ones(2), 1j, step_size=0.1)


@pytest.mark.parametrize("steps", [None, 3])
def test_arguments_that_are_not_finite_are_refused(steps):
    with pytest.raises(InputError, match=r"arguments\[1\]\['b'\] must be finite, but contains nan at index \(1,\)"):
        relax(quadratic, np.ones(2), A, {"b": np.array([0.0, np.nan])}, step_size=0.1, steps=steps)
    with pytest.raises(InputError, match=r"arguments\[0\] must be finite, but is inf"):
        relax(lambda x, a: a * jnp.sum(x**2), np.ones(2), np.inf, step_size=0.1, steps=steps)


def test_the_derivative_multiplies_in_full_precision_where_relaxing_need_not():
    """GPUs would keep three digits, of which solving with H leaves fewer."""
    first = lambda b: relax(quadratic, jnp.ones(2), jnp.asarray(A), b, step_size=0.4).x[0]
    # In the program: not all of it shows where JAX 0.12 prints what it has traced.
    asks = lambda f: jax.jit(f).lower(jnp.asarray(B)).as_text().count("HIGHEST")
    assert asks(jax.grad(first)) > asks(first)


def test_an_energy_may_hold_another_relaxation():
    """Y settles at x/(1 + a), so ½(x − 1)² + y² has its minimum at 1/(1 + 2/(1 + a)²)."""
    inner = lambda y, x, a: jnp.sum((y - x) ** 2 + a * y**2) / 2

    def outer(x, a):
        y = relax(inner, jnp.zeros(1), x, a, step_size=0.3, rtol=1e-7).x
        return jnp.sum((x - 1) ** 2 / 2 + y**2)

    at_rest = lambda a: relax(outer, jnp.zeros(1), a, step_size=0.3, rtol=1e-6).x[0]
    x, slope = jax.value_and_grad(at_rest)(1.0)
    np.testing.assert_allclose(x, 2 / 3, rtol=1e-5)
    np.testing.assert_allclose(slope, 2 / 9, rtol=1e-4)  # 4/(1 + a)³ x²


def test_an_empty_batch_stays_empty():
    assert relax(bowl, np.zeros((0, 2)), step_size=0.1).converged.shape == (0,)
