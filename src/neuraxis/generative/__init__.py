"""Models that learn what their data look like, and can make more of them: autoencoders."""

"""Models that learn what their data look like: autoencoders, diffusion."""

from neuraxis.generative import image_scores as image_scores
from neuraxis.generative import reconstruction as reconstruction
from neuraxis.generative.annealing import annealed as annealed
from neuraxis.generative.autoencoder import Autoencoder as Autoencoder
from neuraxis.generative.autoencoder import TiedAutoencoder as TiedAutoencoder
from neuraxis.generative.binarisation import Binarised as Binarised
from neuraxis.generative.binarisation import binarise as binarise
from neuraxis.generative.denoising import Denoising as Denoising
from neuraxis.generative.denoising import GaussianNoise as GaussianNoise
from neuraxis.generative.denoising import MaskingNoise as MaskingNoise
from neuraxis.generative.diffusion import Diffusion as Diffusion
from neuraxis.generative.gaussian_denoiser import GaussianDenoiser as GaussianDenoiser
from neuraxis.generative.importance_sampling import LogLikelihood as LogLikelihood
from neuraxis.generative.importance_sampling import log_likelihood as log_likelihood
from neuraxis.generative.likelihoods import Bernoulli as Bernoulli
from neuraxis.generative.likelihoods import Gaussian as Gaussian
from neuraxis.generative.likelihoods import Likelihood as Likelihood
from neuraxis.generative.noise_schedule import NoiseSchedule as NoiseSchedule
from neuraxis.generative.noise_schedule import cosine as cosine
from neuraxis.generative.noise_schedule import from_beta as from_beta
from neuraxis.generative.noise_schedule import linear as linear
from neuraxis.generative.noise_schedule import straight as straight
from neuraxis.generative.parametrisations import Noise as Noise
from neuraxis.generative.parametrisations import V as V
from neuraxis.generative.parametrisations import Velocity as Velocity
from neuraxis.generative.sampler import Sampler as Sampler
from neuraxis.generative.sampler import ddim as ddim
from neuraxis.generative.sampler import ddpm as ddpm
from neuraxis.generative.sampler import euler as euler
from neuraxis.generative.timed_mlp import TimedMLP as TimedMLP
from neuraxis.generative.unet import UNet as UNet
from neuraxis.generative.vae import VAE as VAE
from neuraxis.generative.vae import NegativeELBO as NegativeELBO
from neuraxis.generative.vae import divergence as divergence
from neuraxis.generative.vae_networks import UpsamplingNetwork as UpsamplingNetwork
from neuraxis.generative.vae_networks import convolutional_vae as convolutional_vae
from neuraxis.generative.vae_networks import dense_vae as dense_vae
