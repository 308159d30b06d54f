"""gensim scores the same pairs and joins the same words; only its N is another."""

import pytest
from gensim.models import phrases as theirs
from gensim.test.utils import datapath

from neuraxis.language import Phrases, Sentences


@pytest.mark.parametrize(("min_count", "threshold"), [(1, 1.0), (3, 10.0), (5, 2.0)])
def test_scores_and_joined_text(min_count, threshold):
    corpus = Sentences(datapath("lee_background.cor"))
    twin = theirs.Phrases(corpus, min_count, threshold)
    # theirs: how many different words and pairs; ours: how many words in all
    scale = sum(map(len, corpus)) / len(twin.vocab)
    found = Phrases.find(corpus, min_count, threshold * scale)
    expected = twin.export_phrases()
    assert len(expected) > 20
    assert {"_".join(pair): score / scale for pair, score in found.scores.items()} == pytest.approx(expected)
    assert list(found.join(corpus)) == [twin[sentence] for sentence in corpus]
