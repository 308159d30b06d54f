"""Models that learn what their data look like: autoencoders, generative adversarial networks."""

from neuraxis.generative import reconstruction as reconstruction
from neuraxis.generative.adversarial import adversarial as adversarial
from neuraxis.generative.adversarial_objectives import Objective as Objective
from neuraxis.generative.adversarial_objectives import cross_entropy as cross_entropy
from neuraxis.generative.adversarial_objectives import relativistic as relativistic
from neuraxis.generative.autoencoder import Autoencoder as Autoencoder
from neuraxis.generative.autoencoder import TiedAutoencoder as TiedAutoencoder
from neuraxis.generative.denoising import Denoising as Denoising
from neuraxis.generative.denoising import GaussianNoise as GaussianNoise
from neuraxis.generative.denoising import MaskingNoise as MaskingNoise
from neuraxis.generative.gan import GAN as GAN
from neuraxis.generative.gan_networks import convolutional_gan as convolutional_gan
from neuraxis.generative.gan_networks import dense_gan as dense_gan
from neuraxis.generative.mode_coverage import ModeCoverage as ModeCoverage
from neuraxis.generative.mode_coverage import coverage_of_labels as coverage_of_labels
from neuraxis.generative.mode_coverage import coverage_of_points as coverage_of_points
