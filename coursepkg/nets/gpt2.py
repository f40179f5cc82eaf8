"""Weights between ours and GPT-2 as Hugging Face's `transformers` keeps them.

Their linear maps are stored transposed (`Conv1D`), and the embedding twice, since it is tied.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

OUTSIDE = {
    "embed.weight": "transformer.wte.weight",
    "positions.table": "transformer.wpe.weight",
    "norm.weight": "transformer.ln_f.weight",
    "norm.bias": "transformer.ln_f.bias",
}
NORMS = {"norm1": "ln_1", "norm2": "ln_2"}
LINEAR = {
    "attend.project": "attn.c_attn",
    "attend.out": "attn.c_proj",
    "mlp.0": "mlp.c_fc",
    "mlp.2": "mlp.c_proj",
}


def from_gpt2(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A `state_dict` for `gpt` from that of a `GPT2LMHeadModel`; tensors of its own.

    Raises:
        ValueError: if a weight is missing, or the scores are of other vectors than the embeddings.
    """
    depth = 1 + max((int(key.split(".")[2]) for key in state if ".h." in key), default=-1)
    missing = [theirs for _, theirs, _ in _pairs(depth) if theirs not in state]
    if missing:
        raise ValueError(f"state: expected the weights of GPT-2, got none named {missing[0]}")
    embedding = state["transformer.wte.weight"]
    if not torch.equal(state.get("lm_head.weight", embedding), embedding):
        raise ValueError("state: expected lm_head.weight to be the embedding, got other numbers")
    return {
        ours: (state[theirs].T if turned else state[theirs]).clone()
        for ours, theirs, turned in _pairs(depth)
    }


def to_gpt2(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The way back: a `state_dict` for `GPT2LMHeadModel` from that of `gpt`.

    Raises:
        ValueError: if a weight is missing.
    """
    depth = 1 + max((int(key.split(".")[1]) for key in state if key[:7] == "layers."), default=-1)
    missing = [ours for ours, _, _ in _pairs(depth) if ours not in state]
    if missing:
        raise ValueError(f"state: expected the weights of gpt, got none named {missing[0]}")
    found = {
        theirs: (state[ours].T if turned else state[ours]).clone().contiguous()
        for ours, theirs, turned in _pairs(depth)
    }
    return found | {"lm_head.weight": found["transformer.wte.weight"]}


def _pairs(depth: int) -> list[tuple[str, str, bool]]:
    """Our name, their name, and whether one is the other's transpose."""
    pairs = [(ours, theirs, False) for ours, theirs in OUTSIDE.items()]
    for n in range(depth):
        for part in ("weight", "bias"):
            pairs += [
                (f"layers.{n}.{ours}.{part}", f"transformer.h.{n}.{theirs}.{part}", False)
                for ours, theirs in NORMS.items()
            ]
            pairs += [
                (f"layers.{n}.{ours}.{part}", f"transformer.h.{n}.{theirs}.{part}", part[0] == "w")
                for ours, theirs in LINEAR.items()
            ]
    return pairs
