"""Universal approximation: networks within any distance of a function, built without training.

A theorem says that a network can approximate any continuous function arbitrarily well. Its proof is constructive: a
logistic neuron with a large weight is a step, two steps make a bump, and bumps as high as the function at their
midpoints add up to the function. In more than one dimension, a second layer detects where all coordinates lie beyond
their steps. Here networks are built for one function each of one, two and three variables and for ever smaller
distances, and the largest distance is measured: at points that fill the cube evenly, at points where steps rise, and
again at random points.

The number of neurons grows as the n-th power of 1/ε for n variables. That is why the theorem is not a practical recipe,
and why networks that learn where to put their steps are useful.

Sources: Cybenko, Mathematics of Control, Signals, and Systems 2:303 (1989); Hornik, Stinchcombe & White, Neural
Networks 2:359 (1989); Nielsen, Neural Networks and Deep Learning (2015), chapter 4, for the construction.
"""

from dataclasses import dataclass

import numpy as np

from neuraxis import check, plots
from neuraxis.experiment import Claim, Result, check_settings, check_some
from neuraxis.experiments.shared.stages import stages
from neuraxis.feedforward.step_network import bump, step_network
from neuraxis.feedforward.universal_approximation import approximate, sup_distance

PLACE = ("Feedforward networks and learning", 4)
EQUATIONS = r"""
G(x) = \sum_i f(a_i)\, P(x; b_i, \delta) = f(a_0) + \sum_{i \ge 1} \bigl(f(a_i) - f(a_{i-1})\bigr)\, H(x; b_i)
"""


@dataclass(frozen=True)
class Settings:
    """Settings of the experiment."""

    eps: tuple[float, ...] = (0.1, 0.06, 0.03, 0.02, 0.01)
    """Allowed distances ε of a network from the function."""
    points: int = 20_000
    """Random points at which each network is tested again."""
    cells: int = 10
    """Cells along each axis in the figures."""
    seed: int = 0
    """Seed for the random points."""

    def __post_init__(self):
        check_settings(self)
        check.positive(eps=np.asarray(self.eps, float))
        check_some(eps=self.eps)
        check.whole(points=self.points)
        check.whole(2, cells=self.cells)

    def memory(self) -> float:
        """Estimate the minimum memory of a run [bytes]."""
        return 8.0 * max(10.0 * self.points, 300.0 * self.cells**2, 1200.0 * self.cells)


QUICK = Settings(eps=(0.1, 0.03), points=2000)


def wave(x):
    """Of one variable: sin(2πx) e^(−x)."""
    return np.sin(2 * np.pi * x[..., 0]) * np.exp(-x[..., 0])


def saddle(x):
    """Of two variables: ½ sin(πx) cos(πy)."""
    return np.sin(np.pi * x[..., 0]) * np.cos(np.pi * x[..., 1]) / 2


def cloud(x):
    """Of three variables: 0.3 e^(−2‖x − ½‖²)."""
    return 0.3 * np.exp(-2 * np.sum((x - 0.5) ** 2, axis=-1))


FUNCTIONS = {1: wave, 2: saddle, 3: cloud}


def run(settings: Settings) -> Result:
    """Build a network for each function and distance, and measure how near it is."""
    random = np.random.default_rng(settings.seed)
    metrics, claims, needed = {}, [], {n: [] for n in FUNCTIONS}
    for n, f in stages("networks in 1, 2 and 3 dimensions", list(FUNCTIONS.items())):
        fresh = random.random((settings.points, n), np.float32)
        for eps in settings.eps:
            found = approximate(f, n, eps)
            name = f"{n}d_eps_{eps:g}".replace(".", "_")
            metrics[f"sup_error_{name}"] = max(found.sup_error, sup_distance(found.network, f, fresh))
            metrics[f"neurons_{name}"] = float(found.neurons)
            claims.append(Claim(f"sup_error_{name}", "<=", eps))
            needed[n].append(found.neurons)
    arrays = {"eps": np.array(settings.eps), "neurons": needed, **_pictures(settings.cells)}
    return Result(metrics, tuple(claims), arrays)


def _pictures(cells: int) -> dict:
    """Evaluate small networks and their bumps for drawing."""
    middles = (np.arange(cells) + 0.5) / cells
    x = np.linspace(0, 1, 1201, dtype=np.float32)[:, None]
    heights = np.asarray(wave(middles[:, None]))
    side = np.linspace(0, 1, 241, dtype=np.float32)
    plane = np.stack(np.meshgrid(side, side, indexing="ij"), axis=-1)
    values = saddle(np.stack(np.meshgrid(middles, middles, indexing="ij"), axis=-1))
    single = np.zeros((cells, cells))
    single[cells // 2, cells // 3] = 1
    return {
        "x": x[:, 0],
        "rising": {w: np.asarray(bump(x[:, 0], 0.3, 0.4, w)) for w in (10, 30, 100, 1000)},
        "bumps": np.stack([step_network(row)(x)[:, 0] for row in np.diag(heights)]),
        "sum": np.asarray(step_network(heights)(x)[:, 0]),
        "wave": np.asarray(wave(x)),
        "bump_2d": np.asarray(step_network(single)(plane)[..., 0]),
        "sum_2d": np.asarray(step_network(values)(plane)[..., 0]),
        "saddle": np.asarray(saddle(plane)),
    }


def plot(result: Result) -> dict[str, plots.Figure]:
    """Draw the bumps in one and in two dimensions, and the neurons needed."""
    return {
        "bumps": _plot_bumps(result.arrays),
        "plane": _plot_plane(result.arrays),
        "neurons": _plot_neurons(result.arrays),
    }


def _plot_bumps(arrays: dict) -> plots.Figure:
    fig, (left, right) = plots.figure(
        1,
        2,
        caption="Left: the difference of two logistic neurons becomes a bump as their weight w grows. Right: bumps as "
        "high as the function at their midpoints, each in its own colour, and their sum, which is the network.",
        width=9.0,
        height=3.6,
    )
    x = arrays["x"]
    for (w, curve), color in zip(arrays["rising"].items(), ("grey", "sky", "green", "blue"), strict=True):
        left.plot(x, curve, color=plots.COLORS[color], label=f"w = {w}")
    left.set(xlabel="x", ylabel="P(x; 0.3, 0.4)", title="Two steps make a bump", ylim=(-0.05, 1.45))
    plots.legend(left, ncols=2, loc="upper center")
    colors = list(plots.COLORS.values())
    for i, curve in enumerate(arrays["bumps"]):
        right.fill_between(x, curve, color=colors[i % len(colors)], alpha=0.35, lw=0)
    right.plot(x, arrays["wave"], color=plots.COLORS["orange"], label="f")
    right.plot(x, arrays["sum"], color="#222222", lw=1.2, label="network: sum of the bumps")
    right.set(xlabel="x", ylabel="f(x)", title="Bumps add up to the function")
    plots.legend(right)
    return fig


def _plot_plane(arrays: dict) -> plots.Figure:
    fig, axes = plots.figure(
        1,
        3,
        caption="Two variables. Left: the bump of one cell, made from four ANDs of a step along x and a step along y. "
        "Middle: all bumps together, as high as the function at the midpoints of their cells. Right: the function, ½ "
        "sin πx cos πy.",
        width=9.5,
        height=3.3,
    )
    titles = {"bump_2d": "One bump", "sum_2d": "Network", "saddle": "Function"}
    for ax, (name, title) in zip(axes, titles.items(), strict=True):
        low, cmap = (0, "Blues") if name == "bump_2d" else (-0.5, "RdBu_r")
        limit = 1 if name == "bump_2d" else 0.5
        image = ax.imshow(arrays[name].T, origin="lower", extent=(0, 1, 0, 1), cmap=cmap, vmin=low, vmax=limit)
        fig.colorbar(image, ax=ax, shrink=0.75)
        ax.set(xlabel="x", ylabel="y", title=title)
        ax.grid(False)
    return fig


def _plot_neurons(arrays: dict) -> plots.Figure:
    fig, axes = plots.figure(
        caption="Neurons needed to come within ε of a function of n variables. The lines rise as ε⁻ⁿ.", height=4.0
    )
    eps = arrays["eps"]
    for (n, needed), color in zip(arrays["neurons"].items(), ("blue", "green", "orange"), strict=True):
        axes.loglog(eps, needed, "o", color=plots.COLORS[color], label=f"n = {n}")
        # Through the smallest distance, where what is added to the power law counts least.
        smallest = int(np.argmin(eps))
        line = needed[smallest] * (eps / eps[smallest]) ** -n
        axes.loglog(eps, line, color=plots.COLORS[color], lw=1, alpha=0.6, label=f"∝ ε⁻{'¹²³'[n - 1]}")
    axes.set(xlabel="largest distance ε", ylabel="hidden neurons")
    axes.invert_xaxis()
    ticks = sorted(set(eps.tolist()))
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    plots.legend(axes, loc="upper left")
    return fig
