import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.energy.partition_function import exact_samples, log_partition_function
from neuraxis.energy.rbm import RBM
from neuraxis.errors import InputError


@pytest.mark.parametrize(("visible", "hidden"), [(6, 3), (3, 6)])
def test_counts_every_state(enumerated, visible, hidden):
    s = enumerated(visible, hidden, temperature=0.7, scale=2.0)
    np.testing.assert_allclose(log_partition_function(RBM(*s.parameters)), s.log_partition, rtol=1e-6)


def test_in_blocks_and_without_overflow():
    """2¹³ states in two blocks; without weights every unit is alone: ln Z = Σ ln(1 + e^{b/T}) + Σ ln(1 + e^{c/T})."""
    b, c = np.full(30, 40.0), np.linspace(-50, 50, 13)
    found = log_partition_function(RBM(np.zeros((30, 13)), b, c, temperature=0.5))
    np.testing.assert_allclose(found, np.sum(np.logaddexp(0, b / 0.5)) + np.sum(np.logaddexp(0, c / 0.5)), rtol=1e-6)


def test_its_gradient_is_the_mean_of_the_units(enumerated):
    s = enumerated(6, 3)
    gradient = jax.grad(log_partition_function)(RBM(*map(jnp.asarray, s.parameters)))
    np.testing.assert_allclose(gradient.weight, s.v.T @ s.joint @ s.h, atol=1e-5)
    np.testing.assert_allclose(gradient.visible_bias, s.joint.sum(1) @ s.v, atol=1e-5)


@pytest.mark.parametrize(("visible", "hidden"), [(6, 3), (3, 6)])
def test_exact_samples_have_the_distribution_of_the_machine(enumerated, visible, hidden):
    s = enumerated(visible, hidden, temperature=1.5)
    v = np.asarray(exact_samples(RBM(*s.parameters), 40_000, key=jax.random.key(0)))
    found = np.bincount(v.astype(int) @ (2 ** np.arange(visible)[::-1]), minlength=2**visible) / len(v)
    np.testing.assert_allclose(found, s.joint.sum(1), atol=0.01)  # 4 standard errors


@pytest.mark.usefixtures("as_user")
def test_bad_input_is_refused():
    with pytest.raises(InputError, match=r"at most 20 units .* 21 visible and 22 hidden .* annealed_importance"):
        log_partition_function(RBM(np.zeros((21, 22))))
    with pytest.raises(InputError, match=r"at most 20 units .* a GibbsChain draws samples"):
        exact_samples(RBM(np.zeros((21, 22))), 3, key=jax.random.key(0))
    with pytest.raises(InputError, match="count must be an integer"):
        exact_samples(RBM(np.zeros((3, 2))), 0, key=jax.random.key(0))
    with pytest.raises(InputError, match="key must be"):
        exact_samples(RBM(np.zeros((3, 2))), 1, key=None)
    with pytest.raises(InputError, match="rbm must be an RBM"):
        log_partition_function(np.zeros((3, 2)))
