"""Asynchronous sweeps of a Hopfield network of 2000 neurons, in float32.

One call sweeps twenty states once each: ten stored patterns with a tenth of the neurons flipped, as in recall, and ten
random states, in which almost half of the neurons flip. All sides compute the field of each state anew, and their
results are compared before anything is timed (with an odd number of patterns no field is 0, where rounding would
decide).
"""

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.harness import Workload
from neuraxis.energy.hopfield import Hopfield


def workload(quick: bool) -> Workload:
    """Against NumPy in three ways: a field that is carried along, a product for each neuron, and a search for flips."""
    size = 200 if quick else 2000
    random = np.random.default_rng(0)
    patterns = random.choice([-1, 1], (size // 10 + 1, size)).astype(np.float32)
    network = Hopfield.store(patterns)
    weights = np.asarray(network.weights)
    flipped = patterns[:10] * np.where(random.random((10, size)) < 0.1, -1, 1)
    states = [*flipped.astype(np.float32), *random.choice([-1, 1], (10, size)).astype(np.float32)]
    order = random.permutation(size)
    device_states, device_order = [jnp.asarray(x) for x in states], jnp.asarray(order)

    def ours():
        return jax.block_until_ready([network.sweep(x, device_order) for x in device_states])

    def numpy(sweep):
        return lambda: [sweep(weights, x.copy(), order) for x in states]

    sweeps = {"NumPy, field carried": _carry_field, "NumPy, dot per neuron": _dot, "NumPy, flips searched": _search}
    peers = {name: numpy(sweep) for name, sweep in sweeps.items()}
    for name, peer in peers.items():
        if not np.array_equal(ours(), peer()):
            raise AssertionError(f"{name} ends in other states than neuraxis")
    title = f"Hopfield asynchronous sweep, {size} neurons, 20 states"
    return Workload(title, "hopfield", ours, peers, targets=dict.fromkeys(peers, 1.5))


def _carry_field(W, x, order):
    """Compute the field once and add a row of weights at each flip."""
    field = x @ W
    for i in order.tolist():
        state = x.item(i)
        if state * field.item(i) < 0:
            field -= (2 * state) * W[i]
            x[i] = -state
    return x


def _dot(W, x, order):
    """Compute the field of each neuron when its turn comes."""
    for i in order.tolist():
        if x[i] * (W[i] @ x) < 0:
            x[i] = -x[i]
    return x


def _search(W, x, order):
    """Carry the field, and look for the next neuron that flips instead of visiting each."""
    field = x @ W
    position = 0
    while position < len(order):
        rest = order[position:]
        unstable = x[rest] * field[rest] < 0
        turn = int(unstable.argmax())
        if not unstable[turn]:
            break
        i = rest[turn]
        field -= (2 * x[i]) * W[i]
        x[i] = -x[i]
        position += turn + 1
    return x
