import jax
import pytest


@pytest.fixture(autouse=True)
def full_products():
    """Compare what is calculated, and not how a GPU rounds products: to three digits unless told not to."""
    with jax.default_matmul_precision("float32"):
        yield
