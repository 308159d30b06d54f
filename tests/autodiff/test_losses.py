import jax
import numpy as np
import pytest

from neuraxis.autodiff import Var, cross_entropy, squared_error
from neuraxis.errors import InputError
from neuraxis.functions import losses

random = np.random.default_rng(0)
Z = random.normal(size=(2, 4, 5)).astype(np.float32)
T = np.asarray(jax.nn.softmax(random.normal(size=(2, 4, 5)))).astype(np.float32)


@pytest.mark.parametrize(
    ("tape", "reference"),
    [(squared_error, losses.squared_error), (cross_entropy, losses.categorical_cross_entropy_with_logits)],
)
def test_value_and_gradient_are_those_of_the_library(tape, reference):
    z = Var(Z)
    loss = tape(z, T)
    loss.backward()
    value, gradient = jax.value_and_grad(lambda z: reference(z, T).mean())(Z)
    np.testing.assert_allclose(loss.val, value, rtol=1e-5)
    np.testing.assert_allclose(z.grad, gradient, rtol=1e-4, atol=1e-7)


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize("loss", [squared_error, cross_entropy])
def test_shapes_that_would_broadcast_unseen_are_refused(loss):
    with pytest.raises(InputError, match=r"the same shape, but have \(4, 1\) and \(4,\)"):
        loss(Var(np.ones((4, 1))), np.ones(4))


@pytest.mark.usefixtures("as_user")
def test_no_examples_have_no_mean():
    for loss in (squared_error, cross_entropy):
        with pytest.raises(
            InputError, match=r"needs at least one example, but outputs and targets have shape \(0, 3\)"
        ):
            loss(Var(np.ones((0, 3))), np.ones((0, 3)))


def test_lists_and_whole_numbers_are_targets():
    assert squared_error(Var([[1.0, 2.0]]), [[0, 0]]).val == 2.5
