"""Mikolov et al., NIPS 2013: words get vectors from the words around them, and relations become directions.

From man to king is the same step as from woman to queen, though no sentence says so.
"""

import itertools

import jax
import numpy as np

from neuraxis import train_word_vectors

SAYINGS = {  # of a man and a woman of each kind
    ("man", "woman"): ("walks in the street", "buys bread", "sleeps late"),
    ("king", "queen"): ("wears a crown", "rules the land", "sits on the throne"),
    ("prince", "princess"): ("waits for a kingdom", "rides a white horse", "plays in the palace"),
    ("waiter", "waitress"): ("carries a tray", "brings the menu", "counts the tips"),
}
random = np.random.default_rng(0)
pairs = list(SAYINGS)
sentences = []
for _ in range(4000):
    pair, sex = pairs[random.integers(4)], random.integers(2)
    person, pronoun = (("gentleman", "he"), ("lady", "she"))[sex]
    sentences.append(f"the {person} is a {pair[sex]} and {pronoun} {SAYINGS[pair][random.integers(3)]}".split())

vectors = train_word_vectors(sentences, size=16, epochs=5, key=jax.random.key(0), progress=None)
print("man is to king as woman is to", vectors.analogy("man", "king", "woman", 1)[0][0])
questions = [(a, c, b, d) for (a, b), (c, d) in itertools.permutations(pairs, 2)]
right = sum(vectors.analogy(a, c, b, 1)[0][0] == d for a, c, b, d in questions)
print(f"{right} of {len(questions)} questions of this kind answered right")
