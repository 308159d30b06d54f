"""Population dynamics: spiking neurons as integrator, oscillator, Lorenz attractor and delay line.

A population that decodes τ_s f(y) + y from its own activities, and feeds that back through synapses of time constant
τ_s, follows dy/dt = f(y). With f = 0 it integrates its input and holds the result; its drift reflects the error with
which the identity is decoded, and falls as neurons are added. With a rotation it oscillates, at a frequency that may be
one of its inputs. With the Lorenz equations it is chaotic, so it follows their exact solution only for a short time,
but stays on their attractor. With the linear system that best approximates a pure delay, it holds the last θ ms of a
signal.

Sources: C. Eliasmith and C. H. Anderson, Neural Engineering (2003), chapter 8; E. N. Lorenz, J. Atmos. Sci. 20:130
(1963); A. R. Voelker and C. Eliasmith, Neural Computation 30:569 (2018).
"""

from dataclasses import dataclass

from neuraxis import check, plots
from neuraxis.errors import InputError
from neuraxis.experiment import Claim, Result, check_range, check_settings, check_some, check_steps
from neuraxis.experiments.population_dynamics import delay, figures, integrator, lorenz, oscillators
from neuraxis.experiments.shared import memory
from neuraxis.experiments.shared.stages import stages

PLACE = ("Population coding", 3)
EQUATIONS = r"""
\tau_s \frac{dy}{dt} = -y + g(y) + \tau_s u
= -y + \tau_s f(y) + y + \tau_s u
\quad\Longrightarrow\quad \frac{dy}{dt} = f(y) + u
"""


@dataclass(frozen=True)
class Settings:
    """Settings of the experiment."""

    sizes: tuple[int, ...] = (100, 200, 1000)
    """Neurons of the integrators."""
    ensembles: int = 3
    """Random integrators of each size."""
    neurons: int = 1000
    """Neurons of each oscillator and of the delay."""
    lorenz_neurons: int = 2000
    """Neurons of the Lorenz attractor."""
    tau_s: float = 100.0
    """Time constant of the synapses [ms]."""
    noise: float = 0.005
    """Noise on the activities assumed by the decoders, as a fraction of the largest activity."""
    dt: float = 1.0
    """Length of a step [ms]."""
    frequency: float = 1.0
    """Frequency of the oscillator; the controlled one reaches twice this [Hz]."""
    duration: float = 10_000.0
    """Simulated time of the oscillators and of the delay [ms]."""
    lorenz_tau_s: float = 200.0
    """Time constant of the synapses of the Lorenz attractor [ms]."""
    lorenz_unit: float = 4000.0
    """Duration of the time unit of the Lorenz equations [ms]."""
    lorenz_units: float = 60.0
    """Simulated time of the Lorenz attractor [time units of the equations]."""
    theta: float = 500.0
    """Delay θ [ms]."""
    order: int = 6
    """Dimensions of the delay."""
    bandwidth: float = 2.0
    """Highest frequency of the signal that is delayed [Hz]."""
    seed: int = 0
    """Seed for the populations and the signal."""

    def __post_init__(self):
        check_settings(self)
        check_some(sizes=self.sizes)
        check.whole(ensembles=self.ensembles, neurons=self.neurons, lorenz_neurons=self.lorenz_neurons)
        check.whole(order=self.order, **{f"sizes[{i}]": size for i, size in enumerate(self.sizes)})
        check.positive(tau_s=self.tau_s, noise=self.noise, dt=self.dt, frequency=self.frequency, theta=self.theta)
        check.positive(bandwidth=self.bandwidth)
        check_range(self.dt, 1e6, tau_s=self.tau_s, lorenz_tau_s=self.lorenz_tau_s, theta=self.theta)
        check_range(10, 1e4, lorenz_units=self.lorenz_units)
        check_steps(self.dt, 100, duration=self.duration, lorenz_unit=self.lorenz_unit)
        if self.duration < 4 * self.theta:
            raise InputError(f"duration must be at least 4 theta = {4 * self.theta:g} ms, but is {self.duration:g} ms")
        check_range(0.3, self.duration / 1000 * self.bandwidth, bandwidth=self.bandwidth)

    def memory(self) -> float:
        """Estimate the minimum memory of a run [bytes]."""
        decoding = 1.0 * memory.NUMBER * max((2500 + n) * n for n in (*self.sizes, self.neurons, self.lorenz_neurons))
        return max(decoding, memory.simulation(self.lorenz_unit * self.lorenz_units, self.dt, 6))


QUICK = Settings(sizes=(100,), ensembles=1, neurons=400, lorenz_neurons=600, duration=4000.0, lorenz_units=20.0)

_CLAIMS = (
    Claim("oscillator_frequency_error_percent", "<=", 1.0, quick=2.0),
    Claim("controlled_frequency_error_percent", "<=", 3.0, quick=6.0),
    Claim("lorenz_spread_error_percent", "<=", 10.0, quick=50.0),
    Claim("lorenz_followed_units", ">=", 1.0, quick=0.5),
    Claim("delay_nrmse", "<=", 0.15, quick=0.3),
    Claim("delay_correlation", ">=", 0.98, quick=0.95),
)


def run(settings: Settings) -> Result:
    """Build the populations, let them run, and measure them against what they are to follow."""
    systems = (integrator.measure, oscillators.measure, oscillators.measure_controlled, lorenz.measure, delay.measure)
    parts = [measure(settings) for measure in stages("populations", systems)]
    metrics = {name: value for found, _ in parts for name, value in found.items()}
    arrays = {name: array for _, found in parts for name, array in found.items()}
    drifts = tuple(
        Claim(f"integrator_drift_{size}_neurons", "<=", integrator.LARGEST_DRIFT[size])
        for size in settings.sizes
        if size in integrator.LARGEST_DRIFT
    )
    return Result(metrics, (*drifts, *_CLAIMS), arrays)


def plot(result: Result) -> dict[str, plots.Figure]:
    """Draw what the populations did."""
    return figures.draw(result.arrays)
