"""The trained models of images, all of MNIST, before they have their weights.

`benchmarks.gallery` trains what is built here: each function returns a whole model, and the part of
it that is trained.
"""

from typing import Any

from torch import Generator, Tensor, nn

from coursepkg.data.captions import CAPTION_WORDS
from coursepkg.data.mnist import MNIST_LEVELS, load_mnist
from coursepkg.gallery.draws import Draw, Drawer, guided, in_calls, of_noise
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

SIDE, CLASSES = 28, 10
D = SIDE**2
JUDGE = {"hidden": 16, "features": 64}
SMALL, SMALL_LEVELS = (14, 14), 16  # of the PixelCNN
PIXELCNN = {"embedding": 4, "channels": 32, "window": 7, "layers": 6}
REALNVP, SMOOTHING = {"scales": 2, "couplings": 6, "hidden": 32}, 0.3
PLANE: dict[str, Any] = {"latent": 2, "hidden": 256, "widths": [48, 56]}
VAE_SIZES = {"latent": 24, "encoder": 96, "decoder": 44, "features": 5}  # a file below 1 MB
GAN = {"latent": 32, "hidden": 32}
PATCH, HIDDEN = 2, 32  # of the diffusions


def judge(*, generator: Generator) -> tuple[Judge, Judge]:
    """A classifier of images from -1 to 1: ``read(x)``."""
    whole = Judge(side=SIDE, classes=CLASSES, generator=generator, **JUDGE)
    return whole, whole


def pixelcnn(*, generator: Generator) -> tuple[ConditionalARM, GatedPixelCNN]:
    """14×14 pixels of 16 levels given a class, one-hot: exact."""
    net = GatedPixelCNN(
        SMALL, levels=SMALL_LEVELS, conditions=CLASSES, dropout=0.1, generator=generator, **PIXELCNN
    )
    dim = SMALL[0] * SMALL[1]
    return ConditionalARM(net, dim=dim, levels=SMALL_LEVELS, conditions=CLASSES), net


def realnvp(*, generator: Generator) -> tuple[Dequantised, Chain]:
    """256 levels, and each pixel's law among the training images."""
    flow = couplings(generator=generator)
    return of_levels(flow, load_mnist().train), flow


def couplings(*, generator: Generator) -> Chain:
    """What is trained of the flow."""
    return multi_scale(
        (1, SIDE, SIDE), monotone=Affine(), dropout=0.1, generator=generator, **REALNVP
    )


def of_levels(flow: Chain, x: Tensor) -> Dequantised:
    """Uniform noise, each pixel made Gaussian by counts in images x, (N, 784), then the flow."""
    pixels = Gaussianiser(dim=D, levels=MNIST_LEVELS, smoothing=SMOOTHING).fit(x + 0.5)
    law = Transformed(Chain([pixels, flow]), StandardNormal(D))
    return Dequantised(law, levels=MNIST_LEVELS)


def plane(*, generator: Generator) -> tuple[VAE, VAE]:
    """Black and white by two latent variables; the decoder is small enough for a page."""
    M = PLANE["latent"]
    encoder = ResidualMLP(
        D, 2 * M, hidden=PLANE["hidden"], blocks=1, dropout=0.2, generator=generator
    )
    decoder = MLP([M, *PLANE["widths"], D], generator=generator)
    whole = VAE(encoder, decoder, likelihood=Coins(D), latent=M)
    return whole, whole


def vae(*, generator: Generator) -> tuple[VAE, VAE]:
    """256 levels by 24 latent variables, each pixel by a few numbers."""
    M, channels = VAE_SIZES["latent"], VAE_SIZES["features"]
    encoder = ResidualMLP(
        D, 2 * M, hidden=VAE_SIZES["encoder"], blocks=1, dropout=0.2, generator=generator
    )
    features = ResidualMLP(
        M, D * channels, hidden=VAE_SIZES["decoder"], blocks=1, dropout=0.1, generator=generator
    )
    head = LevelHead(dim=D, levels=MNIST_LEVELS, channels=channels)
    decoder = nn.Sequential(features, head)
    whole = VAE(encoder, decoder, likelihood=Categories(D, MNIST_LEVELS), latent=M)
    return whole, whole


def gan(*, generator: Generator) -> tuple[Drawer, ImageMaker]:
    """The generator of a pair; its critic is not kept."""
    latent, hidden = GAN["latent"], GAN["hidden"]
    net = ImageMaker(
        latent=latent, side=SIDE, classes=CLASSES, hidden=hidden, generator=generator
    )  # fmt: skip
    return Drawer(net, of_noise(latent=latent), conditions=CLASSES), net


def diffusion(*, generator: Generator) -> tuple[Drawer, InPatches]:
    """Given a class, one-hot, by guidance of weight 1.5, which was chosen on validation images."""
    return _drawn(guided(dim=D, weight=1.5), CLASSES, generator)


def distilled(*, generator: Generator) -> tuple[Drawer, InPatches]:
    """The same in two calls of a network."""
    return _drawn(in_calls(dim=D, calls=2), CLASSES, generator)


def captions(*, generator: Generator) -> tuple[Drawer, InPatches]:
    """Given a caption, as `count_words` has it, by guidance of weight 3, chosen likewise."""
    return _drawn(guided(dim=D, weight=3.0), len(CAPTION_WORDS), generator)


def _drawn(draw: Draw, conditions: int, generator: Generator) -> tuple[Drawer, InPatches]:
    """A U-Net of squares of pixels, which predicts v, and what draws with it."""
    patches = Patches((1, SIDE, SIDE), PATCH)
    unet = UNet(
        patches.shape, PATCH**2, hidden=HIDDEN, conditions=conditions, generator=generator
    )  # fmt: skip
    net = InPatches(unet, patches)
    return Drawer(net, draw, conditions=conditions), net
