"""Models that learn what their data look like: autoencoders, diffusion."""

from neuraxis.generative import reconstruction as reconstruction
from neuraxis.generative.autoencoder import Autoencoder as Autoencoder
from neuraxis.generative.autoencoder import TiedAutoencoder as TiedAutoencoder
from neuraxis.generative.denoising import Denoising as Denoising
from neuraxis.generative.denoising import GaussianNoise as GaussianNoise
from neuraxis.generative.denoising import MaskingNoise as MaskingNoise
from neuraxis.generative.diffusion import Diffusion as Diffusion
from neuraxis.generative.gaussian_denoiser import GaussianDenoiser as GaussianDenoiser
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
