"""Models of text: word vectors and Transformers."""

from neuraxis.language.decoder import CrossDecoder as CrossDecoder
from neuraxis.language.decoder import CrossDecoderBlock as CrossDecoderBlock
from neuraxis.language.decoder import Memory as Memory
from neuraxis.language.encoder import Encoder as Encoder
from neuraxis.language.encoder_decoder import EncoderDecoder as EncoderDecoder
from neuraxis.language.from_torch import from_torch as from_torch
from neuraxis.language.padding import padded as padded
from neuraxis.language.padding import within as within
from neuraxis.language.translation import TargetDecoding as TargetDecoding
from neuraxis.language.translation import translate as translate
