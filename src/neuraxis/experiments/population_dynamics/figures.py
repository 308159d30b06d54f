"""Figures of the populations."""

from typing import Any

import numpy as np

from neuraxis import plots
from neuraxis.experiments.population_dynamics import delay, integrator

_GREY = plots.COLORS["grey"]


def draw(arrays: dict[str, Any]) -> dict[str, plots.Figure]:
    """Draw all of them."""
    return {
        "integrator": _integrator(arrays),
        "oscillator": _oscillator(arrays),
        "controlled": _controlled(arrays),
        "lorenz": _lorenz(arrays),
        "lorenz-time": _lorenz_time(arrays),
        "delay": _delay(arrays),
    }


def _integrator(a: dict[str, Any]) -> plots.Figure:
    sizes = list(a["integrator_y"])
    fig, axes = plots.figure(
        1, len(sizes), height=3.4, sharey=True,
        caption="Integrators of spiking neurons receive an input for 0.5 s (shaded) and none afterwards. The value "
        "that they hold drifts towards the nearest stable value of the decoded function; dotted: the ideal value. "
        "The largest drift is over all ensembles of this size, in 3.75 s.",
    )  # fmt: skip
    for ax, size in zip(np.atleast_1d(axes), sizes, strict=True):
        ax.plot(a["integrator_times"], a["integrator_y"][size], linewidth=1.0)
        for value in integrator.HELD:
            ax.axhline(value, color=_GREY, linestyle=":", linewidth=0.8)
        ax.axvspan(0, a["integrator_rise"], color="#EEEEEE", zorder=0)
        drift = a["integrator_drifts"][size].max()
        ax.set(title=f"{size} neurons", xlabel="time [s]", ylim=(-1, 1.12))
        ax.text(0.97, 0.97, f"largest drift {drift:.3f}", transform=ax.transAxes, ha="right", va="top", fontsize=9)
    np.atleast_1d(axes)[0].set_ylabel("y")
    return fig


def _oscillator(a: dict[str, Any]) -> plots.Figure:
    fig, (phase, time) = plots.figure(
        1, 2, height=3.4, width_ratios=(1.0, 1.7),
        caption="An oscillator of spiking neurons, which starts at half of its amplitude and approaches the circle of "
        "radius 1 (dotted): both dimensions against each other, and the first 4 s of both over time.",
    )  # fmt: skip
    y, times = a["oscillator"], a["oscillator_times"]
    angle = np.linspace(0, 2 * np.pi, 200)
    phase.plot(*y.T, linewidth=0.8)
    phase.plot(np.cos(angle), np.sin(angle), color="black", linestyle=":", linewidth=1.2)
    phase.set(title="Phase plane", xlabel="$y_1$", ylabel="$y_2$", aspect="equal")
    shown = times <= 4
    for j in range(2):
        time.plot(times[shown], y[shown, j], label=f"$y_{j + 1}$")
    time.set(title="Over time", xlabel="time [s]", ylabel="y", ylim=(-1.2, 1.6))
    plots.legend(time, loc="upper right", ncols=2)
    return fig


def _controlled(a: dict[str, Any]) -> plots.Figure:
    fig, (given, found) = plots.figure(
        2, 1, height=4.4, ratios=(1.0, 1.6), sharex=True,
        caption="A controlled oscillator: one of the three dimensions that the population represents is an input, the "
        "frequency, which sets the speed and direction of the other two. Numbers are measured frequencies, with the "
        "specified ones in brackets.",
    )  # fmt: skip
    times = a["oscillator_times"][: len(a["controlled"])]
    given.plot(times, a["controlled_u"], color=plots.COLORS["orange"])
    given.set(title="Input", ylabel="fraction of the\nlargest frequency", ylim=(-1.2, 1.2))
    for j in range(2):
        found.plot(times, a["controlled"][:, j], label=f"$y_{j + 1}$", linewidth=1.2)
    edges = np.linspace(0, times[-1], len(a["controlled_found"]) + 1)
    for left, right, measured, wanted in zip(
        edges[:-1], edges[1:], a["controlled_found"], a["controlled_wanted"], strict=True
    ):
        found.text(
            (left + right) / 2, 1.28, f"{measured:.2f} Hz ({wanted:g})".replace("-", "−"), ha="center", fontsize=9
        )
        found.axvline(right, color=_GREY, linewidth=0.8)
    found.set(title="Oscillation", xlabel="time [s]", ylabel="y", ylim=(-1.75, 1.6))
    plots.legend(found, loc="lower right", ncols=2)
    return fig


def _lorenz(a: dict[str, Any]) -> plots.Figure:
    fig, axes = plots.figure(
        1, 2, height=3.6, subplot_kw={"projection": "3d"},
        caption="The Lorenz attractor in a population of spiking neurons (left), and the exact solution of the Lorenz "
        "equations (right), both for at most 30 units of time.",
    )  # fmt: skip
    shown = a["lorenz_times"] <= 30
    pairs = (("Population", a["lorenz"][shown]), ("Solution", a["lorenz_reference"]))
    for ax, (title, y), color in zip(axes, pairs, ("blue", "grey"), strict=True):
        ax.plot(*y.T, linewidth=0.6, color=plots.COLORS[color])
        ax.set(xlabel="x", ylabel="y", zlabel="z", xlim=(-25, 25), ylim=(-30, 30), zlim=(0, 50))
        ax.set_title(title, y=0.98)
        ax.set(xticks=(-20, 0, 20), yticks=(-20, 0, 20), zticks=(0, 20, 40))
        ax.view_init(elev=15, azim=-60)
        ax.set_box_aspect(None, zoom=0.85)
    return fig


def _lorenz_time(a: dict[str, Any]) -> plots.Figure:
    fig, axes = plots.figure(
        2, 1, height=4.2, sharex=True,
        caption="From the same initial state, population (blue) and exact solution (grey) agree at first, and then, "
        "since the system is chaotic, diverge on the same attractor.",
    )  # fmt: skip
    count = len(a["lorenz_solution"])
    for ax, j, name in zip(axes, (0, 2), "xz", strict=True):
        ax.plot(a["lorenz_times"][:count], a["lorenz_solution"][:, j], color=_GREY, label="solution")
        ax.plot(a["lorenz_times"][:count], a["lorenz"][:count, j], color=plots.COLORS["blue"], label="population")
        ax.set(ylabel=name, ylim=(-25, 32) if name == "x" else (0, 50))
    axes[-1].set_xlabel("time [units of the equations]")
    plots.legend(axes[0], loc="upper right", ncols=2)
    return fig


def _delay(a: dict[str, Any]) -> plots.Figure:
    theta = a["delay_theta"]
    fig, axes = plots.figure(
        len(delay.SHARES), 1, height=4.4, sharex=True,
        caption="A population of spiking neurons holds the last part of a signal in a few dimensions, from which the "
        "signal at any time within the delay can be read (blue); dotted: the delayed signal.",
    )  # fmt: skip
    times = a["delay_dt"] * np.arange(1, len(a["delay_signal"]) + 1) / 1000
    shown = times <= 6
    for ax, j, share in zip(axes, range(len(axes)), delay.SHARES, strict=True):
        ax.plot(times[shown], a["delay_signal"][shown], color="#BBBBBB", linewidth=1.0, label="signal")
        ax.plot(times[shown], a["delay_read"][shown, j], color=plots.COLORS["blue"], label="read")
        ax.plot(times[shown], a["delay_wanted"][shown, j], color="black", linestyle=":", linewidth=1.2, label="delayed")
        ax.set(title=f"{share * theta:g} ms before", ylabel="u", ylim=(-1.2, 1.7))
    axes[-1].set_xlabel("time [s]")
    plots.legend(axes[0], loc="upper right", ncols=3)
    return fig
