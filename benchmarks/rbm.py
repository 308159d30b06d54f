"""An epoch of a restricted Boltzmann machine on 60 000 binary images of 28×28, by persistent contrastive divergence."""

import jax
import numpy as np

from benchmarks._training import epochs
from benchmarks.harness import Workload
from neuraxis.energy import RBM, persistent_contrastive_divergence
from neuraxis.engine import gradient_descent

BATCH_SIZE, HIDDEN, RATE = 100, 256, 0.05


def workload(quick: bool) -> Workload:
    """Both do PCD-1 with as many chains as there are images in a batch, plain gradient descent, in single precision.

    Ours is `fit`'s epoch, with the images in a new order, from bytes. scikit-learn's is its `fit` with one iteration,
    in the order given; `partial_fit` would calculate in double precision.
    """
    from sklearn.neural_network import BernoulliRBM

    count = 1000 if quick else 60_000
    bits = (np.random.default_rng(0).random((count, 784)) < 0.13).astype(np.uint8)
    floats = bits.astype(np.float32)
    theirs = BernoulliRBM(HIDDEN, learning_rate=RATE, batch_size=BATCH_SIZE, n_iter=1, random_state=0)
    rule = persistent_contrastive_divergence(gradient_descent(RATE), BATCH_SIZE)
    model = RBM.for_data(bits, HIDDEN, key=jax.random.key(0))
    return Workload(
        title=f"RBM epoch, 784×{HIDDEN}, PCD-1, batch {BATCH_SIZE}",
        experiment="rbm",
        ours=epochs(model, rule, (bits,), BATCH_SIZE),
        peers={"scikit-learn, BernoulliRBM": lambda: theirs.fit(floats)},
        targets={"scikit-learn, BernoulliRBM": 2.5},
    )
