"""Where kernels apply."""

import jax


def is_one_cpu() -> bool:
    """Return whether programs run on one CPU device, and arrays have no types that say how they are distributed.

    Only XLA's own operations can be distributed over several devices.
    """
    return jax.default_backend() == "cpu" and jax.device_count() == 1 and jax.sharding.get_abstract_mesh().empty
