"""The convolutional network in PyTorch, with the same weights."""

import numpy as np
import torch

from neuraxis.feedforward import CNN


class TorchCNN(torch.nn.Module):
    """Maps images (N, channel, height, width) to the logits of `ours`."""

    def __init__(self, ours: CNN):
        super().__init__()
        self.convolutions, self.dense = torch.nn.ModuleList(), torch.nn.ModuleList()
        for layer in ours.convolutions:
            size, _, in_channels, out_channels = layer.kernel.shape
            twin = torch.nn.Conv2d(in_channels, out_channels, size, padding=size // 2)
            _fill(twin, np.array(layer.kernel).transpose(3, 2, 0, 1), layer.bias)
            self.convolutions.append(twin)
        for layer in ours.head.layers:
            twin = torch.nn.Linear(*layer.weight.shape)
            _fill(twin, np.array(layer.weight).T, layer.bias)
            self.dense.append(twin)
        self.eval().requires_grad_(False)

    def forward(self, x):
        """Convolve and pool, and map what is left to logits."""
        for layer in self.convolutions:
            x = torch.nn.functional.max_pool2d(torch.relu(layer(x)), 2)
        x = x.permute(0, 2, 3, 1).flatten(1)
        for layer in self.dense[:-1]:
            x = torch.relu(layer(x))
        return self.dense[-1](x)


def _fill(twin, weight, bias) -> None:
    with torch.no_grad():
        twin.weight.copy_(torch.tensor(weight))
        twin.bias.copy_(torch.tensor(np.array(bias)))
