"""Building blocks without likelihoods."""

from coursepkg.nets.causality import check_causal, dependence, receptive_field
from coursepkg.nets.conv import CausalBlock, CausalCNN, CausalConv1d
from coursepkg.nets.dit import DiffusionTransformer, ToldLayer
from coursepkg.nets.gated import GatedLayer, GatedPixelCNN, ShiftedConv2d
from coursepkg.nets.head import LevelHead
from coursepkg.nets.headed import Headed
from coursepkg.nets.judge import Judge
from coursepkg.nets.levels import LevelEmbedding, soft_levels
from coursepkg.nets.made import MADE, InOrder
from coursepkg.nets.masked import CausalLayer, CausalTransformer, MaskedMLP
from coursepkg.nets.mlp import MLP, WindowMLP
from coursepkg.nets.nade import NADE
from coursepkg.nets.patches import InPatches, Patches
from coursepkg.nets.pixelcnn import MaskedConv2d, PixelCNN, raster_mask
from coursepkg.nets.recurrent import RasterGRU, RowLSTM
from coursepkg.nets.residual import ResidualCNN, ResidualMLP
from coursepkg.nets.span import SpanMLP
from coursepkg.nets.symbols import SymbolMLP, SymbolUNet
from coursepkg.nets.timed import TimedMLP
from coursepkg.nets.trained import load_weights
from coursepkg.nets.unet import NoiseEmbedding, ToldBlock, UNet
from coursepkg.nets.wavenet import DilatedLayer, WaveNet

__all__ = [
    "MADE",
    "MLP",
    "NADE",
    "CausalBlock",
    "CausalCNN",
    "CausalConv1d",
    "CausalLayer",
    "CausalTransformer",
    "DiffusionTransformer",
    "DilatedLayer",
    "GatedLayer",
    "GatedPixelCNN",
    "Headed",
    "InOrder",
    "InPatches",
    "Judge",
    "LevelEmbedding",
    "LevelHead",
    "MaskedConv2d",
    "MaskedMLP",
    "NoiseEmbedding",
    "Patches",
    "PixelCNN",
    "RasterGRU",
    "ResidualCNN",
    "ResidualMLP",
    "RowLSTM",
    "ShiftedConv2d",
    "SpanMLP",
    "SymbolMLP",
    "SymbolUNet",
    "TimedMLP",
    "ToldBlock",
    "ToldLayer",
    "UNet",
    "WaveNet",
    "WindowMLP",
    "check_causal",
    "dependence",
    "load_weights",
    "raster_mask",
    "receptive_field",
    "soft_levels",
]
