"""About how many bytes an experiment asks for at least, from the sizes of its parts: `Settings.memory` of each."""

from itertools import pairwise

NUMBER = 4  # bytes of a number in single precision
PIXELS, _CLASSES = 784, 10  # of MNIST, the largest of the data sets that are taken by themselves


def perceptron(hidden_sizes: tuple[int, ...], examples: int) -> float:
    """Training a perceptron for images: weights, gradient, two moments, and two activations of each neuron."""
    sizes = (PIXELS, *hidden_sizes, _CLASSES)
    weights = sum((a + 1) * b for a, b in pairwise(sizes))
    return NUMBER * (4.0 * weights + 2.0 * examples * sum(sizes))


def simulation(duration: float, dt: float, recorded: int | float) -> float:
    """Recording so many numbers at each step."""
    return NUMBER * duration / dt * recorded
