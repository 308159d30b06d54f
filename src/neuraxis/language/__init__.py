"""Models of text: word vectors and Transformers."""

from neuraxis.described import describe as _describe
from neuraxis.language.analogies import AnalogyScore as AnalogyScore
from neuraxis.language.analogies import evaluate_analogies as evaluate_analogies
from neuraxis.language.decoder import CrossDecoder as CrossDecoder
from neuraxis.language.decoder import CrossDecoderBlock as CrossDecoderBlock
from neuraxis.language.decoder import Memory as Memory
from neuraxis.language.encoder import Encoder as Encoder
from neuraxis.language.encoder_decoder import EncoderDecoder as EncoderDecoder
from neuraxis.language.from_torch import from_torch as from_torch
from neuraxis.language.generation import Decoding as Decoding
from neuraxis.language.generation import Sampling as Sampling
from neuraxis.language.generation import generate as generate
from neuraxis.language.human_similarity import SimilarityScore as SimilarityScore
from neuraxis.language.human_similarity import evaluate_similarity as evaluate_similarity
from neuraxis.language.language_model import LanguageModel as LanguageModel
from neuraxis.language.negative_sampling import negative_sampling as negative_sampling
from neuraxis.language.next_token import bits_per_byte as bits_per_byte
from neuraxis.language.next_token import next_token_loss as next_token_loss
from neuraxis.language.padding import padded as padded
from neuraxis.language.padding import within as within
from neuraxis.language.phrases import Phrases as Phrases
from neuraxis.language.sentences import Sentences as Sentences
from neuraxis.language.skip_gram import SkipGram as SkipGram
from neuraxis.language.skip_gram import softmax_loss as softmax_loss
from neuraxis.language.training import fit_skip_gram as fit_skip_gram
from neuraxis.language.training import train_word_vectors as train_word_vectors
from neuraxis.language.transformer import modern_transformer as modern_transformer
from neuraxis.language.transformer import transformer_2017 as transformer_2017
from neuraxis.language.transformer_block import TransformerBlock as TransformerBlock
from neuraxis.language.translation import TargetDecoding as TargetDecoding
from neuraxis.language.translation import translate as translate
from neuraxis.language.vocabulary import Vocabulary as Vocabulary
from neuraxis.language.word2vec_binary import load_word2vec_binary as load_word2vec_binary
from neuraxis.language.word2vec_binary import save_word2vec_binary as save_word2vec_binary
from neuraxis.language.word2vec_text import load_word2vec_text as load_word2vec_text
from neuraxis.language.word2vec_text import save_word2vec_text as save_word2vec_text
from neuraxis.language.word_vectors import WordVectors as WordVectors
from neuraxis.language.writer import Writer as Writer

_describe(globals())
