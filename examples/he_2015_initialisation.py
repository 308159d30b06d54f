"""He, Zhang, Ren & Sun, ICCV 2015: weights of variance 2/n keep the gradient's size through many ReLU layers.

With the variance 1/n of Glorot & Bengio (2010), made for symmetric functions, it shrinks by about √2 in every layer.
"""

import jax

from neuraxis import Linear, Sequential, data, gradient_flow
from neuraxis.feedforward.classification import loss
from neuraxis.functions import relu, scaled_normal

digits = data.load("digits").scaled().flat()
keys = jax.random.split(jax.random.key(0), 11)
for name, scale in (("variance 2/n", 2.0), ("variance 1/n", 1.0)):
    hidden = [Linear(64, 64, initializer=scaled_normal(scale), key=key) for key in keys[:10]]
    layers = [part for linear in hidden for part in (linear, relu)]
    network = Sequential([*layers, Linear(64, 10, key=keys[10])])
    flow = gradient_flow(network, loss, (digits.train_x, digits.train_y))
    ratio = flow["layers[0]"].gradient / flow["layers[18]"].gradient  # of the first and the last hidden layer
    print(f"{name}: a factor of {ratio ** (1 / 9):.2f} per layer, {ratio:.2f} from the last hidden layer to the first")
