"""Models that learn what their data look like: autoencoders."""

from neuraxis.generative import reconstruction as reconstruction
from neuraxis.generative.autoencoder import Autoencoder as Autoencoder
from neuraxis.generative.autoencoder import TiedAutoencoder as TiedAutoencoder
from neuraxis.generative.denoising import Denoising as Denoising
from neuraxis.generative.denoising import GaussianNoise as GaussianNoise
from neuraxis.generative.denoising import MaskingNoise as MaskingNoise
