"""Decoders that are learnt from an error alone, in steps and in time."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from neuraxis.engine import ClosedLoop, fit, simulate
from neuraxis.experiment import Session
from neuraxis.experiments.population_coding.representation import GRID, ensemble, root_mean_square
from neuraxis.neurons import Synapse
from neuraxis.population import PES, Decoded, OnlinePES

_BATCH = 10
_EPOCH = 1000  # examples between two measurements
_FREQUENCY = 0.7  # of the signal of the run in time [Hz], which does not repeat within ten seconds


def square(x: Any) -> Any:
    """What is learnt."""
    return x**2


def in_steps(
    key: jax.Array, examples: jax.Array, settings: Any, session: Session
) -> tuple[dict[str, float], dict[str, Any]]:
    """Let the rule learn x², beside the solved decoders."""
    population = ensemble(key, settings)
    solved = population.decode(square, noise=settings.noise)(GRID)
    epochs = -(-settings.examples // _EPOCH)
    x = jax.random.uniform(examples, (epochs * _EPOCH, 1), minval=-1, maxval=1)
    untaught = Decoded(population, jnp.zeros((settings.neurons, 1)))
    fitted = fit(
        untaught,
        PES(settings.learning_rate),
        (x, square(x)),
        epochs=epochs,
        steps=_EPOCH // _BATCH,
        batch_size=_BATCH,
        key=examples,
        validation=(GRID, square(GRID)),
        **session.training("PES", "pes"),
    )
    learnt = fitted.model(GRID)
    metrics = {
        "solved_rms_error": (error := root_mean_square(solved - square(GRID))),
        "pes_rms_error": (own := root_mean_square(learnt - square(GRID))),
        "pes_over_solved": own / error,
        "pes_distance": root_mean_square(learnt - solved),
    }
    curve = np.sqrt(fitted.history["validation_loss"])
    return metrics, {"pes_examples": _EPOCH * np.arange(1, epochs + 1), "pes_curve": curve}


def in_time(key: jax.Array, settings: Any) -> tuple[dict[str, float], dict[str, Any]]:
    """Let a spiking ensemble learn x² while it runs, from the difference between its own output and the target."""
    population = ensemble(key, settings)
    solved = population.decode(square, noise=settings.noise)
    online = OnlinePES(
        Decoded(population, jnp.zeros((settings.neurons, 1))), settings.online_learning_rate, Synapse(5.0)
    )
    loop = ClosedLoop(online, jnp.zeros(1), lambda last, given: (given[0], last - given[1]))
    seconds, state, curve, errors = int(settings.online_duration / 1000), None, [], []
    for second in range(seconds):
        times = 1000 * second + np.arange(1000.0)
        x = np.sin(2e-3 * np.pi * _FREQUENCY * times)[:, None].astype(np.float32)
        trace = simulate(loop, (x, square(x)), dt=1.0, state=state)
        state = trace.state
        errors.append(root_mean_square(trace.record - square(x)))
        curve.append(root_mean_square(online.learnt(state[0])(GRID) - square(GRID)))
    metrics = {
        "online_rms_error": curve[-1],
        "online_over_solved": curve[-1] / root_mean_square(solved(GRID) - square(GRID)),
        "online_output_rms_error": errors[-1],
    }
    return metrics, {"online_curve": curve, "online_errors": errors}
