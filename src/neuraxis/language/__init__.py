"""Models of text: word vectors and Transformers."""

from neuraxis.language.decoder import CrossDecoder as CrossDecoder
from neuraxis.language.decoder import CrossDecoderBlock as CrossDecoderBlock
from neuraxis.language.decoder import Memory as Memory
from neuraxis.language.encoder import Encoder as Encoder
from neuraxis.language.encoder_decoder import EncoderDecoder as EncoderDecoder
from neuraxis.language.from_torch import from_torch as from_torch
from neuraxis.language.generation import Decoding as Decoding
from neuraxis.language.generation import Sampling as Sampling
from neuraxis.language.generation import generate as generate
from neuraxis.language.language_model import LanguageModel as LanguageModel
from neuraxis.language.next_token import bits_per_byte as bits_per_byte
from neuraxis.language.next_token import next_token_loss as next_token_loss
from neuraxis.language.padding import padded as padded
from neuraxis.language.padding import within as within
from neuraxis.language.transformer import modern_transformer as modern_transformer
from neuraxis.language.transformer import transformer_2017 as transformer_2017
from neuraxis.language.transformer_block import TransformerBlock as TransformerBlock
from neuraxis.language.translation import TargetDecoding as TargetDecoding
from neuraxis.language.translation import translate as translate
from neuraxis.language.writer import Writer as Writer
