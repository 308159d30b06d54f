"""Decoders of an ensemble by regularised least squares: ours, SciPy's and Nengo's."""

import statistics
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg

from benchmarks import _nengo
from benchmarks.harness import Workload
from neuraxis.population import Ensemble, solve_decoders

_NOISE = 0.1


def solving(quick: bool, *, double: bool, target: float) -> Workload:
    """Build all sides, ours in double or single precision, and compare what they find."""
    nengo = _nengo.load()

    neurons, points = (100, 200) if quick else (1000, 2000)
    ensemble = Ensemble(neurons, 2, key=jax.random.key(0))
    x = jax.random.uniform(jax.random.key(1), (points, 2), minval=-0.7, maxval=0.7)
    H, X = np.asarray(ensemble.rates(x), float), np.asarray(x, float)
    with jax.enable_x64(double):
        known = tuple(jnp.asarray(a, float) for a in (H, X))
    solver = nengo.solvers.LstsqL2(reg=_NOISE)

    def ours():
        with jax.enable_x64(double):
            return jax.block_until_ready(solve_decoders(*known, _NOISE))

    peers = {"SciPy": lambda: _by_scipy(H, X), "Nengo": lambda: solver(H, X)[0]}
    _agree(peers["SciPy"](), {"neuraxis": ours(), "Nengo": peers["Nengo"]()}, 1e-5)
    if not double:
        narrow = H.astype(np.float32), X.astype(np.float32)
        peers["SciPy, float32"] = lambda: _by_scipy(*narrow)
        # In single precision SciPy loses what we win back by solving once more for what is left.
        _agree(peers["SciPy"](), {"SciPy in float32": peers["SciPy, float32"]()}, 1e-2)
    precision = "float64" if double else "float32"
    return Workload(
        title=f"decoders of {neurons} neurons at {points} points, {precision}",
        experiment="population-coding",
        ours=_alone(ours),
        peers={name: _alone(solve) for name, solve in peers.items()},
        targets={"SciPy": target},
    )


def _alone(solve: Callable[[], object]) -> Callable[[], float]:
    """Time calls that follow each other, after a pause and a call that is not counted.

    The threads of NumPy's and SciPy's BLAS wait busily for a while after a call, and would slow whoever comes next.
    """

    def timed() -> float:
        time.sleep(0.2)
        solve()
        times = []
        for _ in range(5):
            began = time.perf_counter()
            solve()
            times.append(time.perf_counter() - began)
        return statistics.median(times)

    return timed


def _by_scipy(H: np.ndarray, X: np.ndarray) -> np.ndarray:
    gram = H.T @ H
    gram[np.diag_indices_from(gram)] += len(H) * (_NOISE * H.max()) ** 2
    factor = scipy.linalg.cho_factor(gram, overwrite_a=True, check_finite=False)
    return scipy.linalg.cho_solve(factor, H.T @ X, check_finite=False)


def _agree(expected: np.ndarray, solutions: dict[str, np.ndarray], tolerance: float) -> None:
    """Refuse to time what does not compute the same."""
    for name, found in solutions.items():
        error = np.linalg.norm(np.asarray(found) - expected) / np.linalg.norm(expected)
        if not error < tolerance:
            raise RuntimeError(f"the decoders of {name} differ by {error:.1e}")
