import jax
import pytest


@pytest.fixture(autouse=True)
def precision_left_to_the_models():
    """Energies ask for full precision themselves: "the energy never rises" must hold whatever the process is set to."""
    with jax.default_matmul_precision("tensorfloat32"):
        yield
