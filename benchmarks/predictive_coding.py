"""Training steps of a predictive-coding network on images of 28×28: relaxation, local change of the weights, Adam."""

import jax
import numpy as np
import optax

from benchmarks._training import epochs
from benchmarks.harness import Workload
from neuraxis.energy import PredictiveCoding, StateRelaxation, local_learning

BATCH_SIZE, SIZES, STEPS, STEP_SIZE, RATE = 64, (10, 256, 256, 784), 20, 0.1, 1e-3


def workload(quick: bool) -> Workload:
    """Both relax the values of ReLU nodes for 20 steps from where the layers predict each other, and then take Adam.

    Ours is `fit`. PyTorch does it in two ways: as programs for predictive coding do, with the gradient of the energy by
    autograd in every step; and by hand, in place, with the product of the weights and the images taken once for all
    steps. Data are in memory, in a new order for every epoch.
    """
    import torch

    random = np.random.default_rng(0)
    count = BATCH_SIZE * (4 if quick else 60)
    x = random.random((count, SIZES[-1]), np.float32)
    t = np.eye(SIZES[0], dtype=np.float32)[random.integers(0, SIZES[0], count)]
    images, targets = torch.from_numpy(x), torch.from_numpy(t)
    rule = local_learning(optax.adam(RATE), StateRelaxation(STEPS, STEP_SIZE))
    net = PredictiveCoding(SIZES, key=jax.random.key(0))

    def torch_epochs(relaxed_step, fused: bool):
        parameters = [torch.nn.Parameter(torch.tensor(np.array(p))) for p in (*net.weights, *net.biases)]
        optimizer = torch.optim.Adam(parameters, RATE, fused=fused)

        def epoch():
            for index in torch.randperm(count).split(BATCH_SIZE):
                relaxed_step(parameters[:3], parameters[3:], images[index], targets[index])
                optimizer.step()

        return epoch

    return Workload(
        title=f"predictive coding, training steps of {STEPS} of relaxation, 784-256-256-10, batch {BATCH_SIZE}",
        experiment="predictive-coding",
        ours=epochs(net, rule, (x, t), BATCH_SIZE),
        peers={
            "PyTorch, autograd": torch_epochs(_by_autograd, fused=False),
            "PyTorch, by hand, Adam(fused=True)": torch_epochs(_by_hand, fused=True),
        },
        targets={"PyTorch, autograd": 3.0},
    )


def _by_autograd(weights, biases, top, bottom):
    """Leave the gradients with the parameters."""
    import torch

    def energy(values):
        full = [bottom, *values, top]
        gaps = [full[i] - torch.addmm(biases[i], torch.relu(full[i + 1]), weights[i]) for i in range(3)]
        return 0.5 * torch.stack([gap.square().sum() for gap in gaps]).sum()

    with torch.no_grad():
        x3 = torch.addmm(biases[2], torch.relu(top), weights[2])
        x2 = torch.addmm(biases[1], torch.relu(x3), weights[1])
    values = [x2.requires_grad_(), x3.requires_grad_()]
    for _ in range(STEPS):
        slopes = torch.autograd.grad(energy(values), values)
        with torch.no_grad():
            for value, slope in zip(values, slopes, strict=True):
                value.sub_(slope, alpha=STEP_SIZE)
    for parameter in (*weights, *biases):
        parameter.grad = None
    (energy([value.detach() for value in values]) / len(top)).backward()


def _by_hand(weights, biases, top, bottom):
    """Leave the gradients with the parameters."""
    import torch

    with torch.no_grad():
        (M1, M2, _), (b1, b2, b3) = weights, biases
        above = torch.relu(top)
        mean3 = torch.addmm(b3, above, weights[2])
        x3 = mean3.clone()
        s3 = torch.relu(x3)
        x2 = torch.addmm(b2, s3, M2)
        for _ in range(STEPS):
            s2 = torch.relu(x2)
            e1 = torch.sub(bottom, torch.addmm(b1, s2, M1))
            e2 = torch.sub(x2, torch.addmm(b2, s3, M2))
            up2 = torch.mm(e1, M1.T).mul_(x2 > 0).sub_(e2)
            up3 = torch.mm(e2, M2.T).mul_(x3 > 0).sub_(x3).add_(mean3)
            x2.add_(up2, alpha=STEP_SIZE)
            x3.add_(up3, alpha=STEP_SIZE)
            s3 = torch.relu(x3)
        s2 = torch.relu(x2)
        e1 = torch.sub(bottom, torch.addmm(b1, s2, M1))
        e2 = torch.sub(x2, torch.addmm(b2, s3, M2))
        e3 = torch.sub(x3, mean3)
        for i, (s, e) in enumerate(((s2, e1), (s3, e2), (above, e3))):
            weights[i].grad = torch.mm(s.T, e).div_(-len(top))
            biases[i].grad = e.mean(0).neg_()
