"""What a machine says of visible units that were not seen: a film, the lower half of an image."""

import torch
from torch import Generator, Tensor
from torch.nn.functional import softplus

from coursepkg.counts import check_generator
from coursepkg.enumeration import binary_states
from coursepkg.models.rbm.binary import RBM
from coursepkg.validate import check_binary, check_mask, check_shows


@torch.no_grad()
def completion_probs(rbm: RBM, x: Tensor, known: Tensor) -> Tensor:
    """P(v_i = 1 | the known units), (B, D), exactly, by a sum over all hidden states.

    Source: :eq:`rbm-completion`. O(2^M B D); `BlockGibbs(rbm, known)` estimates it for machines of
    any size. A known unit gets what the others and itself say of it, as if it were drawn anew.

    Args:
        rbm: a machine with 22 hidden units at most.
        x: zeros and ones, (B, D); what is not known is not read.
        known: which entries are known, (D,) or (B, D) bool.

    Returns:
        Probabilities, (B, D).

    Raises:
        TypeError: if `known` is not bool.
        ValueError: if x is not binary, `known` not a mask for it, or the sum too long.
    """
    log_p, probs = _by_hidden_state(rbm, x, known)
    return log_p.softmax(1) @ probs


@torch.no_grad()
def complete(rbm: RBM, x: Tensor, known: Tensor, *, generator: Generator) -> Tensor:
    """Draws the missing units given the known ones, (B, D), exactly: h, then what h says of them.

    h is drawn from its law given the known units alone, by enumeration; given h the missing units
    are independent. So they hang together as under the machine, which draws with the chances of
    `completion_probs` would not.

    Args:
        rbm: a machine with 22 hidden units at most.
        x: zeros and ones, (B, D); what is not known is not read.
        known: which entries are known, (D,) or (B, D) bool.
        generator: the only source of randomness.

    Returns:
        x where it is known, and the draws elsewhere.

    Raises:
        TypeError: if `known` is not bool.
        ValueError: if x is not binary, `known` not a mask for it, or the sum too long.
    """
    check_generator(generator)
    log_p, probs = _by_hidden_state(rbm, x, known)
    h = torch.multinomial(log_p.softmax(1), 1, generator=generator).squeeze(1)
    return torch.where(known, x, torch.bernoulli(probs[h], generator=generator))


@torch.no_grad()
def completion_log_prob(rbm: RBM, x: Tensor, known: Tensor) -> Tensor:
    """log P(the missing units | the known ones), (B, D) -> (B,), nats, exactly and without log Z.

    It is -F(x) less the same with the missing units summed out: log Z stands in both.
    Source: :eq:`rbm-missing`.

    Args:
        rbm: a machine with 22 hidden units at most.
        x: zeros and ones, (B, D), with the right answers in the missing places.
        known: which entries are known, (D,) or (B, D) bool; at least one in each example.

    Raises:
        TypeError: if `known` is not bool.
        ValueError: if x is not binary, `known` not a mask for it or hides all of an example, or the
            sum too long.
    """
    log_p, _ = _by_hidden_state(rbm, x, known)
    check_shows(known, x)
    return -rbm.free_energy(x) - log_p.logsumexp(1)


def _by_hidden_state(rbm: RBM, x: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """log P(h, known units) + log Z, (B, 2^M), and P(v_i = 1 | h), (2^M, D), for all h."""
    check_binary(x, event=rbm.b.shape)
    check_mask(known, x)
    h = binary_states(len(rbm.c), like=x)  # (2^M, M)
    drive = rbm.b + h @ rbm.W.T  # (2^M, D): v_i = 1 has the log-odds drive_i
    seen = known.expand_as(x)
    log_p = h @ rbm.c + (x * seen) @ drive.T + (~seen).to(x) @ softplus(drive).T
    return log_p, torch.sigmoid(drive)
