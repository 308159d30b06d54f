import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis import LIF
from neuraxis.values import compiled, is_traced, is_value


class Scale(eqx.Module):
    factor: float | jax.Array = 2.0
    times: int = 1
    function: object = jnp.sin

    def __call__(self, x):
        for _ in range(self.times):
            x = self.function(self.factor * x)
        return x


@pytest.mark.parametrize("number", [1.5, np.float64(1.5), np.float32(1.5), jnp.asarray(1.5), np.ones(2)])
def test_numbers_and_arrays_are_values(number):
    assert is_value(number)


@pytest.mark.parametrize("static", [1, True, None, "sum", jnp.sin, np.int64(1)])
def test_what_decides_a_program_is_not_a_value(static):
    assert not is_value(static)


def test_another_number_runs_the_same_program_and_another_integer_a_new_one():
    traced = []

    @compiled
    def apply(model, x, *, shift):
        traced.append(model)
        return model(x) + shift

    x = jnp.ones(3)
    for factor, shift in ((2.0, 0.0), (3.0, 1.0), (np.float64(4.0), 2.0)):
        np.testing.assert_allclose(apply(Scale(factor), x, shift=shift), np.sin(float(factor) * np.ones(3)) + shift)
    assert len(traced) == 1
    apply(Scale(times=2), x, shift=0.0)
    apply(Scale(function=jnp.cos), x, shift=0.0)
    assert len(traced) == 3


def test_true_and_one_are_two_programs():
    show = compiled(lambda flag: (type(flag).__name__, jnp.zeros(())))
    assert [show(flag)[0] for flag in (1, True, 1)] == ["int", "bool", "int"]


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16, jnp.float32])
@pytest.mark.parametrize("number", [2.0, np.float64(2.0)])
def test_a_number_does_not_change_the_precision_of_what_it_meets(dtype, number):
    assert compiled(lambda model, x: model(x))(Scale(number), jnp.ones(2, dtype)).dtype == dtype


def test_works_inside_of_transformations():
    apply = compiled(lambda model, x: model(x))
    x = jnp.linspace(0.0, 1.0, 3)
    slope = jax.jit(jax.vmap(jax.grad(lambda x, factor: apply(Scale(factor), x)), in_axes=(0, None)))(x, 3.0)
    np.testing.assert_allclose(slope, 3 * np.cos(3 * x), rtol=1e-6)


def test_knows_whether_jax_is_tracing():
    found = []
    look = lambda x: found.append(is_traced()) or x
    jax.jit(look)(1.0)
    jax.grad(look)(1.0)
    jax.vmap(look)(jnp.ones(2))
    look(1.0)
    assert found == [True, True, True, False]


def test_a_function_that_counts_its_own_calls_is_traced_once():
    calls = []
    apply = compiled(lambda function, x: function(x))

    def counting(x):
        calls.append(x)
        return 2 * x

    for _ in range(3):
        assert apply(counting, 1.5) == 3
    assert len(calls) == 1


def test_what_changed_is_compiled_anew_and_what_was_made_again_is_not():
    traced = []
    factor = [1.0]

    @compiled
    def apply(function, x):
        traced.append(function)
        return function(x)

    def make():
        return lambda x: factor[0] * x

    assert [apply(make(), 2.0), apply(make(), 3.0)] == [2, 3]
    assert len(traced) == 1
    factor[0] = 10.0
    assert apply(make(), 2.0) == 20


def test_what_is_handed_over_is_gone_and_the_rest_stays():
    scaled = compiled(lambda scale, parts, shift: (scale * parts[0] + shift, parts[1]), hands_over=1)
    scale, x, shift = jnp.asarray(2.0), jnp.ones(3), jnp.zeros(3)
    found, text = scaled(scale, (x, "static"), shift)
    np.testing.assert_array_equal(found, [2, 2, 2])
    assert text == "static"
    assert (scale.is_deleted(), x.is_deleted(), shift.is_deleted()) == (False, True, False)


def test_a_model_is_written_with_all_its_values():
    assert repr(LIF(tau_m=10.0)) == "LIF(tau_m=10.0, tau_ref=2.0)"
