"""Building blocks without likelihoods."""

from coursepkg.nets.attention import (
    MultiHead,
    Rotary,
    attention_weights,
    causal_attention,
    fused_attention,
    kernel_smoother,
    softmax_beta,
)
from coursepkg.nets.causality import check_causal, dependence, receptive_field
from coursepkg.nets.conv import CausalBlock, CausalCNN, CausalConv1d
from coursepkg.nets.dit import DiffusionTransformer, ToldLayer
from coursepkg.nets.gated import GatedLayer, GatedPixelCNN, ShiftedConv2d
from coursepkg.nets.gpt2 import from_gpt2, to_gpt2
from coursepkg.nets.head import LevelHead
from coursepkg.nets.headed import Headed
from coursepkg.nets.judge import Judge
from coursepkg.nets.levels import LevelEmbedding, soft_levels
from coursepkg.nets.lowrank import LowRank, adapt, learnt, merge_adapters
from coursepkg.nets.made import MADE, InOrder
from coursepkg.nets.masked import CausalLayer, CausalTransformer, MaskedMLP
from coursepkg.nets.mlp import MLP, WindowMLP
from coursepkg.nets.nade import NADE
from coursepkg.nets.patches import InPatches, Patches
from coursepkg.nets.pixelcnn import MaskedConv2d, PixelCNN, raster_mask
from coursepkg.nets.pixeltransformer import PixelTransformer
from coursepkg.nets.readers import RecurrentReader, WindowReader
from coursepkg.nets.recurrent import RasterGRU, RowLSTM
from coursepkg.nets.residual import ResidualCNN, ResidualMLP
from coursepkg.nets.span import SpanMLP
from coursepkg.nets.symbols import SymbolMLP, SymbolUNet
from coursepkg.nets.timed import TimedMLP
from coursepkg.nets.trained import load_weights
from coursepkg.nets.transformer import (
    Causal,
    LearntPositions,
    LectureLayer,
    PostNormLayer,
    PreNormLayer,
    SinusoidalPositions,
    Transformer,
    gpt,
    rotary_transformer,
)
from coursepkg.nets.unet import NoiseEmbedding, ToldBlock, UNet
from coursepkg.nets.wavenet import DilatedLayer, WaveNet

__all__ = [
    "MADE",
    "MLP",
    "NADE",
    "Causal",
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
    "LearntPositions",
    "LectureLayer",
    "LevelEmbedding",
    "LevelHead",
    "LowRank",
    "MaskedConv2d",
    "MaskedMLP",
    "MultiHead",
    "NoiseEmbedding",
    "Patches",
    "PixelCNN",
    "PixelTransformer",
    "PostNormLayer",
    "PreNormLayer",
    "RasterGRU",
    "RecurrentReader",
    "ResidualCNN",
    "ResidualMLP",
    "Rotary",
    "RowLSTM",
    "ShiftedConv2d",
    "SinusoidalPositions",
    "SpanMLP",
    "SymbolMLP",
    "SymbolUNet",
    "TimedMLP",
    "ToldBlock",
    "ToldLayer",
    "Transformer",
    "UNet",
    "WaveNet",
    "WindowMLP",
    "WindowReader",
    "adapt",
    "attention_weights",
    "causal_attention",
    "check_causal",
    "dependence",
    "from_gpt2",
    "fused_attention",
    "gpt",
    "kernel_smoother",
    "learnt",
    "load_weights",
    "merge_adapters",
    "raster_mask",
    "receptive_field",
    "rotary_transformer",
    "soft_levels",
    "softmax_beta",
    "to_gpt2",
]
