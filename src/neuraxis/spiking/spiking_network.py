"""Networks of integrate-and-fire neurons that send each other spikes."""

from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int, PyTree, UInt32

from neuraxis import check
from neuraxis.engine.dynamics import prepared
from neuraxis.errors import InputError
from neuraxis.neurons.synaptic_lif import SynapticMembrane, per_receptor
from neuraxis.spiking.bits import WORD, pack, unpack
from neuraxis.spiking.connections import Connections
from neuraxis.spiking.external import ExternalInput, check_entries
from neuraxis.spiking.firing import end_step
from neuraxis.spiking.firing_rule import FiringRule
from neuraxis.spiking.membrane import AdaptiveMembrane
from neuraxis.spiking.step_length import check_dt, check_step

_BYTES = 12  # of memory per slot: a run holds its initial, current and next state


class NetworkState(NamedTuple):
    """State of a network. Populations are slices of the last axis; leading axes are independent copies."""

    v: Float[Array, "*lead neuron"]  # membrane potential
    charge: Float[Array, "*lead receptor neuron"]  # area q of the synaptic input yet to come; the input is s = q/τ_s
    refractory: Int[Array, "*lead neuron"]  # remaining steps for which v is held
    pending: Float[Array, "*lead slot receptor neuron"] | None  # ring buffer (see `end_step`); None without delays
    clock: Int[Array, ""]  # number of steps so far
    fired: UInt32[Array, "*lead word"]  # spikes of the last step: bit i of word k stands for neuron 32 k + i
    adaptation: PyTree = None  # variables of an `AdaptiveMembrane`


class SpikingNetwork(eqx.Module):
    """Integrate-and-fire neurons with connections and external input: a dynamics.

        τ_m dv_i/dt = v_rest − v_i + Σ_k s_ik + drive_i    outside the refractory period
        τ_k ds_ik/dt = −s_ik,   a spike of neuron j adds w_ji/τ_k to s_ik

    (`CurrentLIF`; for conductances see `ConductanceLIF`). Spikes are restricted to a time grid, as in other network
    simulators: they are detected at the end of a step and arrive at the end of one, potentials and synapses are
    integrated exactly in between, and refractory periods and delays are whole numbers of steps. Synaptic input is
    stored as charge q = τ s, to which a spike adds its weight w.

    In the step from t to t + dt, potentials (outside refractory periods) and charges advance to t + dt; then neurons at
    or above the threshold spike and are reset; then spikes whose delay ends now, and external spikes, are added to the
    charges.

    No spike is lost, however many neurons fire at once. Several copies of a network run along leading axes of the state
    (start with `init_state((copies, size))`), each with its own Poisson spikes. Under `vmap` over the state, copies
    share those spikes, unless the keys of the inputs are mapped over too.

    Raises:
        InputError: for connections or inputs to a receptor that the neurons do not have, parts of the wrong type, or
            fields for another number of neurons.

    Source: R. Brette et al., J. Comput. Neurosci. 23:349 (2007), for networks of this kind.
    """

    neuron: SynapticMembrane | AdaptiveMembrane
    connections: Connections
    external: tuple[ExternalInput, ...] = ()

    def __check_init__(self):
        if not _is_membrane(self.neuron):
            raise InputError(
                "neurons of a network must be like CurrentLIF() or ConductanceLIF(), with tau_s, tau_ref, v_threshold, "
                f"v_reset and advance, not {self.neuron!r}"
            )
        if not isinstance(self.connections, Connections):
            raise InputError(
                f"connections must come from `connect` or be DenseConnections, not {type(self.connections).__name__}"
            )
        if not isinstance(self.external, tuple) or not all(map(_is_input, self.external)):
            raise InputError(
                "external must be a tuple such as (PoissonInput(…), SpikeInput(…)), but is "
                f"{check.received(self.external)}"
            )
        receptors = len(per_receptor(self.neuron.tau_s))
        if self.connections.receptors != receptors:
            raise InputError(
                f"the connections must be made for the {receptors} receptors (tau_s) of the neurons, but are made for "
                f"{self.connections.receptors}"
            )
        for given in self.external:
            if not 0 <= given.receptor < receptors:
                raise InputError(f"receptor of an input must be from 0 to {receptors - 1}, but is {given.receptor}")
            if (check_size := getattr(given, "check_size", None)) is not None:
                check_size(self.size)
        names = ("tau_m", "tau_ref", "v_rest", "v_threshold", "v_reset", "g_leak")
        check_entries(self.size, **{name: getattr(self.neuron, name) for name in names if hasattr(self.neuron, name)})
        rows = {name: getattr(self.neuron, name) for name in ("tau_s", "v_reversal") if hasattr(self.neuron, name)}
        check_entries(self.size, **{name: per_receptor(values) for name, values in rows.items()})

    @property
    def size(self) -> int:
        """Number of neurons."""
        return self.connections.size

    def init_state(self, input_shape: tuple[int, ...] = ()) -> NetworkState:
        """Return the state with all neurons at the reset potential and no synaptic input, one copy per leading index.

        To start from other potentials, use `state._replace(v=...)`.

        Raises:
            InputError: for inputs to another number of neurons.
        """
        if not isinstance(input_shape, tuple) or not all(isinstance(n, int | np.integer) for n in input_shape):
            raise InputError(f"inputs must be one array, of shape (…, {self.size}), but are {input_shape}")
        if input_shape and input_shape[-1] not in (1, self.size):
            raise InputError(f"inputs must have shape (…, {self.size}), but have shape {input_shape}")
        lead = input_shape[:-1]
        receptors = self.connections.receptors
        depth = self.connections.depth
        slots = float(np.prod(lead, dtype=float)) * depth * receptors * self.size
        check.memory(f"the state, with {slots:.4g} slots for arriving spikes,", _BYTES * slots)
        zeros = jnp.zeros((*lead, depth, receptors, self.size))
        return NetworkState(
            v=jnp.broadcast_to(self.neuron.v_reset, (*lead, self.size)).astype(zeros.dtype),
            charge=zeros[..., 0, :, :],
            refractory=jnp.zeros((*lead, self.size), jnp.int32),
            pending=zeros if depth > 1 else None,
            clock=jnp.zeros((), jnp.int32),
            fired=pack(jnp.zeros((*lead, self.size), bool)),
            adaptation=self._init_adaptation((*lead, self.size)),
        )

    def prepare(self, dt: ArrayLike) -> "SpikingNetwork":
        """Check that steps have the length in which delays are counted, and prepare neurons and inputs for it.

        Raises:
            InputError: for a dt of another length, unless it is being traced.
        """
        check_step("the delays", self.connections.dt, dt)
        parts = self.neuron, self.external
        ready = prepared(parts, dt)
        return self if ready is parts else SpikingNetwork(ready[0], self.connections, ready[1])

    def step(
        self, state: NetworkState, drive: ArrayLike | None, dt: ArrayLike
    ) -> tuple[NetworkState, Float[Array, "*lead neuron"]]:
        """Advance by `dt` [ms] under an injected current `drive` (None: 0); the output is 1 for each spike, else 0.

        Raises:
            InputError: for a drive that does not broadcast to (…, neuron) or is not finite, a dt that is not that of
                the delays, or a state of another network.
        """
        if not isinstance(state, NetworkState):
            raise InputError(f"state must be that of a network, as init_state makes it, but is {check.received(state)}")
        self._check_state(state)
        current = check.floats("drive", 0.0 if drive is None else drive)
        check.fits(state.v.shape, drive=current)
        check.finite(drive=current)
        check_step("the delays", self.connections.dt, dt)
        neuron = self.neuron
        moved, adaptation = self._advance(state, current, dt)
        charge = state.charge * jnp.exp(-jnp.asarray(dt) / per_receptor(neuron.tau_s))
        held = jnp.floor(jnp.asarray(neuron.tau_ref) / dt + 0.5).astype(jnp.int32)
        rule = FiringRule(neuron.v_threshold, neuron.v_reset, held)
        v, refractory, charge, pending, spikes, fired = end_step(
            moved, state.v, state.refractory, rule, charge, state.pending, self.connections, state.clock
        )
        for place, given in enumerate(self.external):
            arrived = given.arrivals(state.clock, v.shape, dt, place)
            charge = charge.at[..., given.receptor, :].add(arrived)
        if isinstance(neuron, AdaptiveMembrane):
            adaptation = neuron.after_spike(adaptation, spikes != 0)
        return NetworkState(v, charge, refractory, pending, state.clock + 1, fired, adaptation), spikes

    def _init_adaptation(self, shape: tuple[int, ...]) -> PyTree:
        return self.neuron.init_adaptation(shape) if isinstance(self.neuron, AdaptiveMembrane) else None

    def _advance(self, state: NetworkState, drive: Array, dt: ArrayLike) -> tuple[Array, PyTree]:
        """Return potential and adaptation after `dt` without a spike."""
        if isinstance(self.neuron, AdaptiveMembrane):
            return self.neuron.advance(state.v, state.charge, drive, dt, state.adaptation)
        return self.neuron.advance(state.v, state.charge, drive, dt), None

    def _check_state(self, state: NetworkState) -> None:
        """Check that a state fits this network; else compiled code would access memory beyond it, or lose events."""
        lead, receptors, depth = np.shape(state.v)[:-1], self.connections.receptors, self.connections.depth
        expected = {
            "v": (*lead, self.size),
            "charge": (*lead, receptors, self.size),
            "refractory": (*lead, self.size),
            "pending": (*lead, depth, receptors, self.size) if depth > 1 else None,
            "fired": (*lead, -(-self.size // WORD)),
        }
        for name, shape in expected.items():
            part = getattr(state, name)
            found = None if part is None else np.shape(part)
            if found != shape:
                raise InputError(f"the state must be one of this network, with {name} of shape {shape}, not {found}")


def _is_membrane(neuron: Any) -> bool:
    # An `AdaptiveMembrane` has all members of a `SynapticMembrane`.
    return isinstance(neuron, SynapticMembrane) and not isinstance(neuron, type)


def _is_input(given: Any) -> bool:
    return isinstance(given, ExternalInput) and not isinstance(given, type)


def record_packed(state: NetworkState, spikes: Float[Array, "*lead neuron"]) -> UInt32[Array, "*lead word"]:
    """Record the spikes of a step as bits: one bit per neuron and step, in negligible time.

    The spikes of all neurons are taken from the state (`fired`): if `spikes` has the full shape, its values are not
    used. Those of a subset of neurons, such as `spikes[..., :100]`, are packed here. The last word is the number of the
    step, with which `packed_events` detects missing steps.
    """
    words = state.fired if spikes.shape == state.v.shape else pack(spikes)
    number = jnp.broadcast_to(state.clock.astype(words.dtype), (*words.shape[:-1], 1))
    return jnp.concatenate([words, number], axis=-1)


def packed_events(
    record: UInt32[ArrayLike, "time word"], dt: float | int
) -> tuple[Float[np.ndarray, " spike"], Int[np.ndarray, " spike"]]:
    """List the spikes that `record_packed` recorded, in order of time, as times [ms] and indices of neurons.

    The spikes of step i = 0, 1, … of the record are listed at its end, (i + 1) dt.

    Raises:
        InputError: for a record that is not (time, word) (if it has leading axes, select one copy, `record[:, copy]`),
            a record that omits steps, as with `simulate(…, every=10)`, or a dt that is not positive.
    """
    check_dt(dt)
    words = np.asarray(check.array("the packed record", record))
    if words.ndim != 2 or words.dtype != np.uint32 or not words.shape[1]:
        raise InputError(f"a packed record must be words (time, word), but has shape {words.shape} of {words.dtype}")
    if np.any(np.diff(words[:, -1]) != 1):
        raise InputError(
            "the record must contain every step, but omits some, and with them their spikes: record with every=1, or "
            "count spikes with Total(network)"
        )
    step, neuron = unpack(words[:, :-1])
    return (step + 1) * float(dt), neuron
