"""The trained models of images, all of MNIST, before they have their weights."""

from torch import nn

from coursepkg.data.captions import CAPTION_WORDS
from coursepkg.data.mnist import MNIST_LEVELS, load_mnist
from coursepkg.gallery.draws import Draw, Drawer, Parts, guided, in_calls, of_noise
from coursepkg.models.autoencoders.likelihoods import Categories, Coins
from coursepkg.models.autoencoders.vae import VAE
from coursepkg.models.autoregressive.conditional import ConditionalARM
from coursepkg.models.copula import Gaussianiser
from coursepkg.models.dequantised import Dequantised
from coursepkg.models.flows.chain import Chain, StandardNormal
from coursepkg.models.flows.elementwise import Affine
from coursepkg.models.flows.multiscale import multi_scale
from coursepkg.models.gan.networks import ImageMaker
from coursepkg.models.transformed import Transformed
from coursepkg.nets.gated import GatedPixelCNN
from coursepkg.nets.head import LevelHead
from coursepkg.nets.judge import Judge
from coursepkg.nets.mlp import MLP
from coursepkg.nets.patches import InPatches, Patches
from coursepkg.nets.residual import ResidualMLP
from coursepkg.nets.unet import UNet
from coursepkg.rng import seeded

SIDE, CLASSES, LATENT = 28, 10, 32
D = SIDE**2


def judge() -> Parts:
    """A classifier of images from -1 to 1: ``read(x)``."""
    whole = Judge(side=SIDE, classes=CLASSES, hidden=16, features=64, generator=seeded(0))
    return whole, whole


def pixelcnn() -> Parts:
    """14×14 pixels of 16 levels given a class, one-hot: exact."""
    net = GatedPixelCNN(
        (14, 14), levels=16, conditions=CLASSES, embedding=4, channels=32, window=7, layers=6,
        dropout=0.1, generator=seeded(0),
    )  # fmt: skip
    return ConditionalARM(net, dim=14 * 14, levels=16, conditions=CLASSES), net


def realnvp() -> Parts:
    """256 levels: each pixel made Gaussian, by counts of the training images, then couplings."""
    couplings = multi_scale(
        (1, SIDE, SIDE), scales=2, couplings=6, hidden=32, monotone=Affine(), dropout=0.1,
        generator=seeded(0),
    )  # fmt: skip
    pixels = Gaussianiser(dim=D, levels=MNIST_LEVELS, smoothing=0.3).fit(load_mnist().train + 0.5)
    law = Transformed(Chain([pixels, couplings]), StandardNormal(D))
    return Dequantised(law, levels=MNIST_LEVELS), couplings


def plane() -> Parts:
    """Black and white by two latent variables."""
    encoder = ResidualMLP(D, 4, hidden=256, blocks=1, dropout=0.2, generator=seeded(0))
    decoder = MLP([2, 48, 56, D], generator=seeded(0))
    whole = VAE(encoder, decoder, likelihood=Coins(D), latent=2)
    return whole, whole


def vae() -> Parts:
    """256 levels by 24 latent variables."""
    encoder = ResidualMLP(D, 2 * 24, hidden=96, blocks=1, dropout=0.2, generator=seeded(0))
    features = ResidualMLP(24, D * 5, hidden=44, blocks=1, dropout=0.1, generator=seeded(0))
    decoder = nn.Sequential(features, LevelHead(dim=D, levels=MNIST_LEVELS, channels=5))
    whole = VAE(encoder, decoder, likelihood=Categories(D, MNIST_LEVELS), latent=24)
    return whole, whole


def gan() -> Parts:
    """The generator of a pair; its critic is not kept."""
    net = ImageMaker(latent=LATENT, side=SIDE, classes=CLASSES, hidden=32, generator=seeded(0))
    return Drawer(net, of_noise(latent=LATENT), conditions=CLASSES), net


def diffusion() -> Parts:
    """Given a class, one-hot, by guidance of weight 1.5, which was chosen on validation images."""
    return _drawn(guided(dim=D, weight=1.5), CLASSES)


def distilled() -> Parts:
    """The same in two calls of a network."""
    return _drawn(in_calls(dim=D, calls=2), CLASSES)


def captions() -> Parts:
    """Given a caption, as `count_words` has it, by guidance of weight 3, chosen likewise."""
    return _drawn(guided(dim=D, weight=3.0), len(CAPTION_WORDS))


def _drawn(draw: Draw, conditions: int) -> Parts:
    """A U-Net of squares of 2×2 pixels, which predicts v, and what draws with it."""
    patches = Patches((1, SIDE, SIDE), 2)
    unet = UNet(patches.shape, 4, hidden=32, conditions=conditions, generator=seeded(0))
    net = InPatches(unet, patches)
    return Drawer(net, draw, conditions=conditions), net
