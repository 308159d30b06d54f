"""Layers, from which maps are built."""

from neuraxis.described import describe as _describe
from neuraxis.layers.attention import MultiHeadAttention as MultiHeadAttention
from neuraxis.layers.augmentation import Augmentation as Augmentation
from neuraxis.layers.batch_norm import BatchNorm as BatchNorm
from neuraxis.layers.batch_norm import RunningMoments as RunningMoments
from neuraxis.layers.convolution import Convolution as Convolution
from neuraxis.layers.convolution import TransposedConvolution as TransposedConvolution
from neuraxis.layers.dropout import Dropout as Dropout
from neuraxis.layers.embedding import Embedding as Embedding
from neuraxis.layers.feed_forward import FeedForward as FeedForward
from neuraxis.layers.flatten import Flatten as Flatten
from neuraxis.layers.linear import Linear as Linear
from neuraxis.layers.normalization import GroupNorm as GroupNorm
from neuraxis.layers.normalization import LayerNorm as LayerNorm
from neuraxis.layers.normalization import RMSNorm as RMSNorm
from neuraxis.layers.pooling import GlobalMaxPool as GlobalMaxPool
from neuraxis.layers.pooling import GlobalMeanPool as GlobalMeanPool
from neuraxis.layers.pooling import MaxPool as MaxPool
from neuraxis.layers.pooling import MeanPool as MeanPool
from neuraxis.layers.positional import RotaryPositions as RotaryPositions
from neuraxis.layers.positional import SinusoidalPositions as SinusoidalPositions
from neuraxis.layers.residual import Residual as Residual
from neuraxis.layers.sequential import Sequential as Sequential
from neuraxis.layers.spectral_norm import SingularVectors as SingularVectors
from neuraxis.layers.spectral_norm import SpectralNorm as SpectralNorm
from neuraxis.layers.unflatten import Unflatten as Unflatten
from neuraxis.layers.upsampling import Upsampling as Upsampling

_describe(globals())
