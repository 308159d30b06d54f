"""How often frequent words are passed over."""

import numpy as np
from jaxtyping import Float, Integer

from neuraxis import check


def keep_probability(counts: Integer[np.ndarray, " word"], sample: float) -> Float[np.ndarray, " word"]:
    """min(1, √(t/f) + t/f), with f the share of the text that a word makes up, for a threshold t = `sample`.

    This is what the word2vec program of the authors does, and gensim after it. Their paper writes √(t/f), which keeps
    fewer: of a word that makes up 10 t, 0.32 instead of 0.42.

    Args:
        counts: how often each word appears.
        sample: words that are less frequent are always kept; 0 keeps all.

    Raises:
        InputError: for counts that are not positive, or a `sample` that is negative.

    Source: Mikolov, Sutskever, Chen, Corrado and Dean, Distributed representations of words and phrases and their
    compositionality, NIPS 2013, section 2.3.
    """
    check.positive(counts=counts)
    check.one_number(sample=sample)
    check.not_negative(sample=sample)
    counts = np.asarray(check.array("counts", counts), np.float64)
    if sample == 0:
        return np.ones_like(counts)
    ratio = sample * counts.sum() / counts
    return np.minimum(np.sqrt(ratio) + ratio, 1.0)
