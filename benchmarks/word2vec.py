"""Word vectors of Shakespeare's plays and poems: skip-gram with negative sampling, 5 epochs, size 100, window 5."""

import jax

from benchmarks.harness import Workload
from neuraxis.experiments.word2vec import text
from neuraxis.language import Sentences, Vocabulary, fit_skip_gram


def workload(quick: bool) -> Workload:
    """Both sides begin with lists of words and a vocabulary that is counted; gensim has two threads that train."""
    source, _ = text.read("")
    sentences = list(source)[: 2000 if quick else None]
    return of("Shakespeare", sentences, epochs=1 if quick else 5)


def of(name: str, sentences: list[list[str]], epochs: int) -> Workload:
    """Make a workload of a corpus."""
    from gensim.models import Word2Vec

    vocabulary = Vocabulary.count(sentences)
    peer = Word2Vec(vector_size=100, window=5, min_count=5, sg=1, negative=5, workers=2)
    peer.build_vocab(sentences)
    words = int(vocabulary.counts.sum())

    def ours() -> None:
        fit_skip_gram(Sentences(sentences), vocabulary, size=100, epochs=epochs, key=jax.random.key(0), progress=None)

    def theirs() -> None:
        peer.train(sentences, total_examples=peer.corpus_count, epochs=epochs)

    return Workload(
        title=f"word2vec, {name}, {words} words of {len(vocabulary)}, {epochs} epochs",
        experiment="word2vec",
        ours=ours,
        peers={"gensim, 2 workers": theirs},
        targets={"gensim, 2 workers": 1.5},
    )
