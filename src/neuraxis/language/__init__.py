"""Models of text: word vectors and Transformers."""

from neuraxis.language.analogies import AnalogyScore as AnalogyScore
from neuraxis.language.analogies import evaluate_analogies as evaluate_analogies
from neuraxis.language.human_similarity import SimilarityScore as SimilarityScore
from neuraxis.language.human_similarity import evaluate_similarity as evaluate_similarity
from neuraxis.language.phrases import Phrases as Phrases
from neuraxis.language.sentences import Sentences as Sentences
from neuraxis.language.vocabulary import Vocabulary as Vocabulary
from neuraxis.language.word2vec_binary import load_word2vec_binary as load_word2vec_binary
from neuraxis.language.word2vec_binary import save_word2vec_binary as save_word2vec_binary
from neuraxis.language.word2vec_text import load_word2vec_text as load_word2vec_text
from neuraxis.language.word2vec_text import save_word2vec_text as save_word2vec_text
from neuraxis.language.word_vectors import WordVectors as WordVectors
