"""Subsampling of frequent words."""

import numpy as np
from jaxtyping import Float, Integer

from neuraxis import check


def keep_probability(counts: Integer[np.ndarray, " word"], sample: float) -> Float[np.ndarray, " word"]:
    """Return the probability to keep a word of frequency f, min(1, √(t/f) + t/f), for a threshold t = `sample`.

    This is the formula of the authors' program word2vec, and of gensim. Their paper has √(t/f), which keeps fewer: at
    f = 10 t, 0.32 instead of 0.42.

    Args:
        counts: number of occurrences of each word.
        sample: threshold t for the frequency; less frequent words are always kept. 0 keeps all words.

    Raises:
        InputError: for counts that are not positive, or a negative threshold.

    Source: Mikolov, Sutskever, Chen, Corrado and Dean, Distributed representations of words and phrases and their
    compositionality, NIPS 2013, section 2.3.
    """
    check.positive(counts=counts)
    check.one_number(sample=sample)
    check.not_negative(sample=sample)
    counts = np.asarray(check.host_array("counts", counts), np.float64)
    if sample == 0:
        return np.ones_like(counts)
    ratio = sample * counts.sum() / counts
    return np.minimum(np.sqrt(ratio) + ratio, 1.0)
