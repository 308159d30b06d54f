"""The figures of the experiment with the Hodgkin–Huxley neuron."""

import numpy as np

from neuraxis import plots


def spike(trace) -> plots.Figure:
    """Draw the spike and its gates."""
    fig, (top, bottom) = plots.figure(
        2,
        1,
        height=5.0,
        ratios=(3.0, 2.0),
        sharex=True,
        caption="Spikes in response to a current step. Sodium channels open at once (m) and inactivate again (h); the "
        "slower opening of potassium channels (n) ends the spike and causes the undershoot after it.",
    )
    top.plot(trace["time"], trace["v"], color=plots.COLORS["blue"])
    top.set(title="Membrane potential", ylabel="V [mV]", xlim=(0, 40))
    names = {"m": "m, opens Na⁺", "h": "h, closes Na⁺", "n": "n, opens K⁺"}
    for (gate, label), color in zip(names.items(), ("orange", "green", "purple"), strict=True):
        bottom.plot(trace["time"], trace[gate], color=plots.COLORS[color], label=label)
    bottom.set(title="Gates", xlabel="time [ms]", ylabel="open fraction", ylim=(0, 1.3), yticks=(0, 0.5, 1))
    plots.legend(bottom, ncols=3, loc="upper right")
    return fig


def firing(firing, metrics) -> plots.Figure:
    """Draw the f–I curve."""
    fig, ax = plots.figure(
        caption="Firing frequency under a constant current. Between the two thresholds a current step causes one "
        "spike; above the second, firing is repetitive, and starts at a frequency far from zero. Spikes become "
        "smaller as the current grows; if they rise and fall by less than 20 mV, they no longer count as spikes."
    )
    ax.plot(firing["current"], firing["frequency"], "o-", color=plots.COLORS["blue"], markersize=3)
    marks = (
        ("single_spike_current_ua", "one spike", "green"),
        ("repetitive_current_ua", "repetitive firing", "orange"),
    )
    for metric, label, color in marks:
        at = metrics[metric]
        ax.axvline(at, color=plots.COLORS[color], linestyle="--", label=f"{label} from {at:.2f} µA/cm²")
    ax.set(title="f–I curve", xlabel="current [µA/cm²]", ylabel="frequency [Hz]", xlim=(0, None), ylim=(0, None))
    plots.legend(ax, loc="lower center")
    return fig


def bifurcation(equilibrium, firing, metrics) -> plots.Figure:
    """Draw the equilibrium's stability and the amplitude of firing."""
    fig, (top, bottom) = plots.figure(
        2,
        1,
        height=6.0,
        ratios=(3.0, 2.0),
        sharex=True,
        caption="Bifurcations. The equilibrium is unstable between two Hopf bifurcations, where a pair of complex "
        "eigenvalues crosses the imaginary axis; there the potential oscillates between the two dotted lines.",
    )
    current, growth = equilibrium["current"], equilibrium["growth"]
    for stable, style in ((True, "-"), (False, "--")):
        v = np.where((growth < 0) == stable, equilibrium["v"], np.nan)
        label = f"{'stable' if stable else 'unstable'} equilibrium"
        top.plot(current, v, style, color=plots.COLORS["blue"], label=label)
    for edge, label in (("low", "range of V after a step from rest"), ("high", None)):
        top.plot(firing["current"], firing[edge], "o:", color=plots.COLORS["orange"], markersize=3, label=label)
    top.set(title="Equilibrium and firing", ylabel="V [mV]")
    plots.legend(top, loc="upper right")
    bottom.plot(current, growth, color=plots.COLORS["blue"])
    bottom.axhline(0, color=plots.COLORS["grey"], linewidth=1)
    for name, place in (("1", (8, -14)), ("2", (-8, -14))):
        at = metrics[f"hopf_current_{name}_ua"]
        bottom.plot(at, 0, "o", color=plots.COLORS["orange"])
        text = f"I{'₁' if name == '1' else '₂'} = {at:.2f}"
        align = "left" if name == "1" else "right"
        bottom.annotate(text, (at, 0), xytext=place, textcoords="offset points", ha=align, fontsize=9)
    bottom.set(title="Largest real part of the eigenvalues", xlabel="current [µA/cm²]", ylabel="growth rate [1/ms]")
    return fig


def accuracy(accuracy) -> plots.Figure:
    """Draw the errors of the spike times against the step."""
    fig, ax = plots.figure(
        caption="Largest error of a spike time within 100 ms, compared with an adaptive solver at a tolerance of "
        "1e-9. The error of exponential Euler falls with the step, that of the Runge–Kutta method with its fourth "
        "power, down to the accuracy of the reference."
    )
    ax.loglog(accuracy["dt"], accuracy["exponential_euler"], "o-", label="exponential Euler")
    ax.loglog(accuracy["dt"], accuracy["rk4"], "s-", label="Runge–Kutta, order 4")
    ax.axhline(0.05, color=plots.COLORS["grey"], linestyle="--", linewidth=1, label="0.05 ms")
    ax.set(title="Accuracy of the integrators", xlabel="step dt [ms]", ylabel="spike time error [ms]")
    ax.set_xticks(accuracy["dt"], [f"{dt:g}" for dt in accuracy["dt"]])
    ax.set_xticks([], minor=True)
    plots.legend(ax)
    return fig


def fit(fit) -> plots.Figure:
    """Draw the voltage trace and the way to the conductances."""
    fig, (left, right) = plots.figure(
        1,
        2,
        width=9.0,
        caption="Channel densities recovered from a noisy voltage trace by gradient descent through the simulation. "
        "Left: the trace and the best fit. Right: trajectories from all starting points (grey) and of the best fit "
        "(blue).",
    )
    left.plot(fit["time"], fit["observed"], color=plots.COLORS["grey"], linewidth=3, alpha=0.5, label="observed")
    left.plot(fit["time"], fit["before"], color=plots.COLORS["orange"], linestyle="--", label="before")
    left.plot(fit["time"], fit["after"], color=plots.COLORS["blue"], linewidth=1, label="after")
    left.set(title="Voltage trace", xlabel="time [ms]", ylabel="V [mV]")
    plots.legend(left, loc="upper right")
    for i, (g_na, g_k) in enumerate(np.moveaxis(fit["path"], 0, -1)):
        best = i == fit["best"]
        color = plots.COLORS["blue" if best else "grey"]
        right.plot(g_na, g_k, color=color, alpha=1.0 if best else 0.5, zorder=3 if best else 2)
        right.plot(g_na[0], g_k[0], "o", color=color, markersize=4)
    right.plot(*fit["true"], "*", color=plots.COLORS["orange"], markersize=14, zorder=4, label="true")
    right.set(title="Conductances", xlabel="g_Na [mS/cm²]", ylabel="g_K [mS/cm²]")
    plots.legend(right, loc="lower right")
    return fig
