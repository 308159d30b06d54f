"""Group normalisation by the kernel in C++ against the same equation in JAX, with all derivatives."""

import ctypes
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.functions import group_normalization as module
from neuraxis.functions.activations import identity, relu, silu
from neuraxis.functions.group_normalization import group_norm
from neuraxis.kernels import build

HAS_KERNEL = module._has_kernel(jnp.zeros(1))
needs_kernel = pytest.mark.skipif(not HAS_KERNEL, reason="no C++ compiler, no AVX2, or several devices")
random = np.random.default_rng(0)
# images, places and channels, groups: channels beside a vector's, one place, one group, one channel per group, runs
CASES = [((2, 9, 12), 3), ((3, 1, 20), 2), ((1, 700, 16), 1), ((2, 5, 33), 33), ((1, 2, 3, 40), 5)]


def draw(shape, groups):
    """Return x, γ, β and ε."""
    size = shape[-1]
    x = random.normal(1.0, 3.0, shape)
    return tuple(jnp.asarray(a, jnp.float32) for a in (x, random.uniform(0.5, 2, size), random.normal(size=size), 0.3))


def plain(*arguments, groups, activation):
    return module._plain(*arguments, groups=groups, with_silu=activation is silu)


def ours(*arguments, groups, activation):
    x, gamma, beta, epsilon = arguments
    return group_norm(x, gamma, beta, groups, epsilon, activation)


def both(groups, activation=silu):
    return partial(ours, groups=groups, activation=activation), partial(plain, groups=groups, activation=activation)


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-5 * np.abs(np.asarray(b)).max(initial=1e-30))


@needs_kernel
@pytest.mark.parametrize("activation", [identity, silu])
@pytest.mark.parametrize(("shape", "groups"), CASES)
def test_value_and_gradients_are_those_of_the_equation(shape, groups, activation):
    arguments, dy = draw(shape, groups), jnp.asarray(random.normal(size=shape), jnp.float32)
    (a, pull_a), (b, pull_b) = (jax.vjp(jax.jit(f), *arguments) for f in both(groups, activation))
    close(a, b)
    jax.tree.map(close, pull_a(dy), pull_b(dy))


@needs_kernel
def test_silu_is_right_for_all_numbers():
    gamma = jnp.asarray([0.0, 1.0, 30.0, 1e3, 1e30, 0.0, 0.0, 0.0], jnp.float32)
    beta = jnp.asarray([0.0, 0.0, 0.0, 0.0, 0.0, 300.0, -300.0, np.nan], jnp.float32)
    x = jnp.asarray(random.normal(size=(1, 50, 8)), jnp.float32)
    y = group_norm(x, gamma, beta, 8, 1e-5)
    np.testing.assert_allclose(group_norm(x, gamma, beta, 8, 1e-5, silu), silu(y), rtol=1e-6, atol=1e-30)
    gradient = jax.grad(lambda x: group_norm(x, gamma, beta, 8, 1e-5, silu)[..., :7].sum())(x)
    assert not np.isnan(gradient[..., :7]).any()


@needs_kernel
def test_other_activations_are_applied_after_it():
    x, gamma, beta, epsilon = draw((2, 9, 12), 3)
    y = group_norm(x, gamma, beta, 3, epsilon)
    np.testing.assert_array_equal(group_norm(x, gamma, beta, 3, epsilon, relu), relu(y))


@needs_kernel
def test_nothing_cancels_and_bad_numbers_stay_in_their_image():
    x, gamma, beta, epsilon = draw((2, 300, 12), 3)
    far = x / 3 + 1e6
    near = jnp.asarray(np.asarray(far, float) - 1e6, jnp.float32)  # exactly what is left of x at that distance
    pair = (group_norm(a, gamma, beta, 3, epsilon) for a in (far, near))
    np.testing.assert_allclose(*pair, atol=1e-4)
    broken = group_norm(x.at[1, 0, 0].set(np.nan), gamma, beta, 3, epsilon, silu)
    np.testing.assert_array_equal(broken[0], group_norm(x, gamma, beta, 3, epsilon, silu)[0])
    assert np.isnan(broken[1, :, :4]).all()
    assert not np.isnan(broken[1, :, 4:]).any()


@needs_kernel
def test_forward_mode_and_second_derivatives_are_those_of_the_equation():
    arguments = draw((2, 5, 6), 3)
    directions = tuple(jnp.asarray(random.normal(size=a.shape), jnp.float32) for a in arguments)

    def derivatives(f):
        energy = lambda *a: jnp.sum(jnp.tanh(f(*a)) ** 2)
        gradient = jax.grad(energy, range(4))
        along = lambda *a: jax.jvp(energy, a, directions)[1]
        return (
            jax.jvp(f, arguments, directions),
            jax.jvp(gradient, arguments, directions),  # forward over reverse
            jax.grad(along, range(4))(*arguments),  # reverse over forward
            jax.grad(lambda *a: sum(map(jnp.vdot, gradient(*a), directions)), range(4))(*arguments),
            jax.jvp(along, arguments, directions),  # forward over forward
        )

    a, b = (jax.jit(partial(derivatives, f))() for f in both(3))
    jax.tree.map(close, a, b)


@needs_kernel
@pytest.mark.parametrize("axes", [(0, None, None, None), (None, 0, None, None), (1, 0, 0, None)])
def test_batches_of_calls(axes):
    arguments = [jnp.stack([a, 2 * a, a - 1], axis) if axis is not None else a
                 for a, axis in zip(draw((2, 5, 6), 3), axes, strict=True)]  # fmt: skip
    f, g = (jax.vmap(jax.value_and_grad(lambda *a, f=f: jnp.sum(f(*a) ** 2), range(4)), axes) for f in both(3))
    jax.tree.map(close, f(*arguments), g(*arguments))
    f, g = (jax.grad(lambda *a, f=f: jnp.sum(jax.vmap(f, axes)(*a) ** 2), range(4)) for f in both(3))
    jax.tree.map(close, f(*arguments), g(*arguments))
    f, g = (jax.vmap(lambda *a, f=f: jax.jvp(f, a, a)[1], axes) for f in both(3))
    close(f(*arguments), g(*arguments))


@needs_kernel
def test_a_batch_of_no_calls():
    x, *others = draw((2, 5, 6), 3)
    f = both(3)[0]
    assert jax.vmap(lambda x: f(x, *others))(x[None][:0]).shape == (0, 2, 5, 6)
    assert jax.vmap(jax.grad(lambda x: f(x, *others).sum()))(x[None][:0]).shape == (0, 2, 5, 6)


@needs_kernel
@pytest.mark.slow  # compiles it
def test_the_kernel_is_right_with_narrow_vectors(tmp_path):
    flags = (*build._FLAGS, "-mavx2", "-mfma", "-mno-avx512f")
    library = ctypes.CDLL(str(build._compile(Path(build.__file__).with_name("group_norm.cc"), tmp_path, flags)))
    for name in module._KERNELS:
        jax.ffi.register_ffi_target(f"{name}_avx2", jax.ffi.pycapsule(getattr(library, name)), platform="cpu")
    for shape, groups in CASES[:4]:
        arguments = draw(shape, groups)
        call = lambda name, like, *a: jax.ffi.ffi_call(f"{name}_avx2", like)(*a, groups=np.int64(groups), silu=True)  # noqa: B023
        y = call(module._KERNELS[0], arguments[0], *arguments)
        close(y, plain(*arguments, groups=groups, activation=silu))
        x, gamma, beta, epsilon = arguments
        expected = module._plain_gradient(x, gamma, beta, epsilon, y, groups=groups, with_silu=True)
        jax.tree.map(close, tuple(call(module._KERNELS[1], expected, *arguments, y)), expected)


@needs_kernel
def test_several_devices_and_other_precisions_are_left_to_xla(monkeypatch):
    x, gamma, beta, epsilon = draw((2, 5, 6), 3)

    def calls(x):  # traced anew each time
        return "ffi_call" in str(jax.make_jaxpr(lambda x: group_norm(x, gamma, beta, 3, epsilon))(x))

    assert calls(x)
    assert calls(x.astype(jnp.bfloat16))  # computed in single precision
    with jax.enable_x64(True):
        assert not calls(x.astype(float))
    monkeypatch.setattr(jax, "device_count", lambda: 2)
    assert not calls(x)


@pytest.mark.usefixtures("as_user")
def test_bad_input_is_refused():
    x, gamma, beta, epsilon = draw((2, 5, 6), 3)
    with pytest.raises(InputError, match=r"x must have places and channels in 4 groups, but has shape \(2, 5, 6\)"):
        group_norm(x, gamma, beta, 4, epsilon)
    with pytest.raises(InputError, match="epsilon must"):
        group_norm(x, gamma, beta, 3, 0.0)
    with pytest.raises(InputError, match=r"beta must have shape \(6,\), but has shape \(5,\)"):
        group_norm(x, gamma, beta[:5], 3, epsilon)
