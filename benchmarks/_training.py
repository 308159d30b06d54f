"""Our side of a benchmark of training: epochs of `fit`, without its bookkeeping between them."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import optax

from neuraxis.engine.minibatch import Task, advance, fits_one_program, next_epoch, shuffle, split


def epochs(model, loss: Callable, data: tuple, optimizer: optax.GradientTransformation, batch_size: int) -> Callable:
    """Give a function that trains the model for one epoch more, and returns when it is done."""
    parameters, statistics, static = split(eqx.nn.inference_mode(model, value=False))
    task = Task(loss, static, optimizer, tuple(map(jnp.asarray, data)), batch_size, None)
    position = task.begin(parameters, statistics, keep_best=False)
    key = jax.random.key(0)
    one_program = fits_one_program(task, position, shuffle(task, key), key)

    def epoch() -> None:
        nonlocal position
        position = advance(task, next_epoch(position, None), shuffle(task, key), key, task.batches, one_program)
        jax.block_until_ready(position)

    return epoch
