import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.linalg import expm

from neuraxis.errors import InputError
from neuraxis.functions import linear_scan, linear_scan_parallel, linear_scan_sequential, matrix_scan

FORMS = [linear_scan_sequential, linear_scan_parallel]
random = np.random.default_rng(0)
A = random.uniform(0, 1, (2, 6, 3)).astype(np.float32)
B = random.normal(size=A.shape).astype(np.float32)
H0 = random.normal(size=(2, 3)).astype(np.float32)

forms = pytest.mark.parametrize("scan", FORMS)


def by_loop(a, b, h0):
    h, states = h0, []
    for t in range(b.shape[-2]):
        h = a[..., t, :] * h + b[..., t, :]
        states.append(h)
    return np.stack(states, axis=-2)


@forms
def test_is_the_recurrence_from_any_state(scan):
    np.testing.assert_allclose(scan(A, B, H0), by_loop(A, B, H0), atol=1e-6)
    np.testing.assert_allclose(scan(A, B), by_loop(A, B, 0 * H0), atol=1e-6)
    np.testing.assert_allclose(scan(-A, B, H0), by_loop(-A, B, H0), atol=1e-6)


@forms
def test_what_stays_the_same_is_given_once(scan):
    for a in (A[0, 0], A[:, :1], np.float32(0.5), A[0]):
        whole = np.broadcast_to(a, B.shape)
        np.testing.assert_allclose(scan(a, B, H0[0]), by_loop(whole, B, np.broadcast_to(H0[0], H0.shape)), atol=1e-6)
    np.testing.assert_allclose(scan(A, B[:, :1], H0), by_loop(A, np.broadcast_to(B[:, :1], B.shape), H0), atol=1e-6)


@forms
def test_no_step_and_one(scan):
    assert scan(A[:, :0], B[:, :0], H0).shape == (2, 0, 3)
    assert scan(0.5, B[:, :0], H0).shape == (2, 0, 3)
    np.testing.assert_allclose(scan(A[:, :1], B[:, :1], H0)[:, 0], A[:, 0] * H0 + B[:, 0], atol=1e-6)


def derivatives(scan, a, b, h0):
    """Gradient, forward derivative, and second derivatives forwards over backwards and backwards twice."""

    def loss(*arguments):
        return jnp.sum(jnp.sin(scan(*arguments)))

    gradient = jax.grad(loss, (0, 1, 2))

    def along(*arguments):
        return sum(jnp.vdot(g, jnp.cos(x)) for g, x in zip(gradient(*arguments), (a, b, h0), strict=True))

    direction = jax.tree.map(jnp.cos, (a, b, h0))
    forwards, second = (jax.jvp(f, (a, b, h0), direction) for f in (scan, gradient))
    return gradient(a, b, h0), forwards, second, jax.grad(along, (0, 1, 2))(a, b, h0)


def in_jax(product):
    def scan(a, b, h):
        states = []
        for t in range(b.shape[1]):
            h = product(h, a[:, t] if a.ndim == b.ndim else a) + b[:, t]
            states.append(h)
        return jnp.stack(states, axis=1)

    return scan


@pytest.mark.parametrize(
    ("scan", "product", "a"),
    [
        (linear_scan_sequential, jnp.multiply, A[:, :4]),
        (linear_scan_parallel, jnp.multiply, A[:, :4]),
        (linear_scan_sequential, jnp.multiply, A[0, 0]),
        (matrix_scan, jnp.matmul, A[0, :3]),
    ],
    ids=["sequential", "parallel", "the same factors", "matrix"],
)
def test_derivatives_in_both_modes_and_of_second_order(scan, product, a):
    """Against what JAX makes of a loop that is written out."""
    all_of = jax.jit(derivatives, static_argnums=0)
    found, expected = (all_of(f, a, B[:, :4], H0) for f in (scan, in_jax(product)))
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-5), found, expected)


def test_both_forms_agree_over_65536_steps():
    """Also where factors are almost 1, and where they are 0: no logarithm is taken."""
    steps = 2**16
    a = np.array([0.0, 1e-30, 0.5, 0.999, 1 - 2**-23, 1.0], np.float32) * np.ones((steps, 1), np.float32)
    a[::7] = random.uniform(0, 1, (len(a[::7]), 6))
    b = ((1 - a) * random.normal(size=a.shape)).astype(np.float32)
    one, other = (np.asarray(scan(a, b, 3.0)) for scan in FORMS)
    assert np.all(np.isfinite(one))
    np.testing.assert_allclose(one, other, atol=1e-5)
    np.testing.assert_allclose(one[:100], by_loop(a[:100], b[:100], np.full(6, 3.0, np.float32)), atol=1e-5)


def test_chooses_by_the_platform():
    np.testing.assert_array_equal(linear_scan(A, B, H0), linear_scan_sequential(A, B, H0))  # the tests run on a CPU


def test_half_precision_is_calculated_with_in_single():
    a, b = (jnp.asarray(x, jnp.bfloat16) for x in (A, B))
    h = linear_scan(a, b)
    assert h.dtype == jnp.bfloat16
    exact = by_loop(*(np.asarray(x, np.float32) for x in (a, b)), 0 * H0)
    np.testing.assert_array_equal(h, jnp.asarray(exact).astype(jnp.bfloat16))


def test_vmap_over_factors_alone():
    found = jax.vmap(linear_scan_parallel, (0, None, None))(A, B[0], H0[0])
    np.testing.assert_allclose(found, by_loop(A, np.stack([B[0]] * 2), np.stack([H0[0]] * 2)), atol=1e-6)


def test_a_matrix_keeps_the_legendre_memory():
    """In 24 dimensions, where a diagonal form is lost, against the same recurrence in double precision."""
    q, window = 24, 60.0
    i, j = np.arange(q)[:, None], np.arange(q)
    generator = np.zeros((q + 1, q + 1))
    generator[:q, :q] = (2 * i + 1) * np.where(i < j, -1.0, (-1.0) ** (i - j + 1)) / window
    generator[:q, q:] = (2 * i + 1) * (-1.0) ** i / window
    step = expm(generator)
    matrix, entry = step[:q, :q].T, step[:q, q]
    u = random.normal(size=(300, 1))
    h, expected = np.zeros(q), []
    for now in u:
        h = h @ matrix + now * entry
        expected.append(h)
    found = matrix_scan(matrix.astype(np.float32), (u * entry).astype(np.float32))
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((A[0, 0], B[0, 0]), r"b must have shape \(…, time, feature\), but has shape \(3,\)"),
        ((A[:, :4], B), r"a and b must broadcast with each other, but have shapes \(2, 4, 3\) and \(2, 6, 3\)"),
        ((A, B, H0[:, :2]), r"h0 must broadcast to the state's shape \(2, 3\), but has shape \(2, 2\)"),
        ((A, B, np.zeros((5, 2, 3))), "h0 must broadcast"),
        ((A + 0j, B), "a must contain real numbers"),
        ((A, "b"), "b must be an array of numbers"),
        ((A, B, None), "h0 must be an array of numbers"),
    ],
)
def test_bad_input(as_user, arguments, message):
    with pytest.raises(InputError, match=message):
        linear_scan(*arguments)


@pytest.mark.parametrize("matrix", [np.eye(4), np.ones(3), np.ones((3, 2)), 0.5])
def test_what_is_no_matrix_of_that_size(as_user, matrix):
    with pytest.raises(InputError, match=r"matrix must have shape \(3, 3\) where b has shape"):
        matrix_scan(matrix, B)
