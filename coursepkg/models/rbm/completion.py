"""What a machine says of visible units that were not seen: a film, the lower half of an image."""

import torch
from torch import Tensor
from torch.nn.functional import softplus

from coursepkg.enumeration import binary_states
from coursepkg.models.rbm.binary import RBM
from coursepkg.validate import check_binary


@torch.no_grad()
def complete(rbm: RBM, x: Tensor, known: Tensor) -> Tensor:
    """P(v_i = 1 | the known units), (B, D), exactly, by a sum over all hidden states.

    Source: :eq:`rbm-completion`. O(2^M B D); `BlockGibbs(rbm, known)` estimates it for machines of
    any size. A known unit gets what the others and itself say of it, as if it were drawn anew.

    Args:
        rbm: a machine with 22 hidden units at most.
        x: zeros and ones, (B, D); what is not known is not read.
        known: which entries are known, (B, D) bool.

    Returns:
        Probabilities, (B, D).

    Raises:
        ValueError: if x is not binary, `known` not a mask for it, or the sum too long.
    """
    check_binary(x, event=rbm.b.shape)
    if known.shape != x.shape or known.dtype != torch.bool:
        raise ValueError(
            f"known: expected bool of shape {tuple(x.shape)}, got {known.dtype} of "
            f"{tuple(known.shape)}"
        )
    h = binary_states(len(rbm.c), like=x)  # (2^M, M)
    drive = rbm.b + h @ rbm.W.T  # (2^M, D): v_i = 1 has the log-odds drive_i
    log_p = h @ rbm.c + (x * known) @ drive.T + (~known).to(x) @ softplus(drive).T
    return log_p.softmax(1) @ torch.sigmoid(drive)
