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
from neuraxis.language.generation import Decoding as Decoding
from neuraxis.language.generation import Sampling as Sampling
from neuraxis.language.generation import generate as generate
from neuraxis.language.language_model import LanguageModel as LanguageModel
from neuraxis.language.next_token import bits_per_byte as bits_per_byte
from neuraxis.language.next_token import next_token_loss as next_token_loss
from neuraxis.language.transformer import modern_transformer as modern_transformer
from neuraxis.language.transformer import transformer_2017 as transformer_2017
from neuraxis.language.transformer_block import TransformerBlock as TransformerBlock
from neuraxis.language.writer import Writer as Writer
