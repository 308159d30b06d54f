"""Hinton, Neural Computation 14:1771 (2002): contrastive divergence makes digits likely for a Boltzmann machine.

A batch takes one step of Gibbs sampling. With 12 hidden units, the likelihood that it raises can be calculated exactly.
"""

import jax
import numpy as np

from neuraxis import RBM, contrastive_divergence, data, fit, momentum
from neuraxis.energy import log_partition_function

digits = data.load("digits").scaled().flat()
x, test = digits.train_x >= 0.5, digits.test_x >= 0.5  # units are 0 or 1
begun = RBM.for_data(x, hidden_size=12, key=jax.random.key(0))
rule = contrastive_divergence(momentum(0.1, 0.5), k=1)
learnt = fit(begun, rule, (x,), steps=900, batch_size=50, key=jax.random.key(1), progress=None).model
for name, rbm in (("before", begun), ("after", learnt)):
    log_likelihood = np.mean(rbm.log_probability(test, log_partition_function(rbm)))
    print(f"{name} learning: ln p = {log_likelihood:.0f} nats per test image")
