"""What an output sees, by its gradient: receptive fields, and the test that a network is causal."""

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_generator
from coursepkg.evaluation.likelihood import eval_mode

NOISE = 1e-6  # share of the largest gradient below which a gradient is rounding


def receptive_field(output: Tensor, inputs: Tensor, *, generator: Generator) -> Tensor:
    r"""How strongly an output moves with each input: the size of its gradient there, (\*places,).

    :math:`\sum_{n,c} |\partial (r \cdot y_n) / \partial x_{ndc}|` with random weights r of the
    output's channels, so that no two of them cancel. It is 0 where the output does not look; a zero
    of other cause (a dead ReLU) is made unlikely by several examples.

    Args:
        output: features of one place, (B, C'), computed from `inputs`.
        inputs: (B, \*places, C), a leaf or inner point of the graph, with gradient.
        generator: draws r.
    """
    check_generator(generator)
    r = torch.randn(output.shape[1:], generator=generator, device=generator.device).to(output)
    (slope,) = torch.autograd.grad(
        (output * r).sum(), inputs, retain_graph=True, allow_unused=True, materialize_grads=True
    )
    return slope.abs().sum((0, -1))


def dependence(
    net: nn.Module, *, dim: int, levels: int, examples: int = 8, generator: Generator
) -> Tensor:
    """Which logits move with which variables: (D, D), entry [d, e] of logits d with x_e.

    Args:
        net: maps soft levels (B, D, K) to logits (B, D, K), differentiably.
        dim: number of variables D.
        levels: number of levels K.
        examples: random soft inputs B at which the gradient is taken.
        generator: draws them.
    """
    check_generator(generator)
    x = torch.randn(examples, dim, levels, generator=generator, device=generator.device)
    x = x.to(next(net.parameters())).softmax(-1).requires_grad_()
    logits = net(x)
    return torch.stack([receptive_field(logits[:, d], x, generator=generator) for d in range(dim)])


def check_causal(net: nn.Module, *, dim: int, levels: int, generator: Generator) -> None:
    """Checks by autograd that logits d depend on x_1, ..., x_{d-1} only: that no mask leaks.

    At the weights that the network has: one whose last layer is 0 depends on nothing.

    Args:
        net: maps levels or soft levels to logits (B, D, K); looked at in eval mode.
        dim: number of variables D.
        levels: number of levels K.
        generator: draws the inputs at which the gradient is taken.

    Raises:
        ValueError: that names the first logits which see their own variable or a later one.
    """
    with eval_mode(net):
        slope = dependence(net, dim=dim, levels=levels, generator=generator)
    leaks = (slope.triu() > NOISE * slope.max()).nonzero()
    if len(leaks):
        d, e = leaks[0].tolist()
        raise ValueError(
            f"net: expected logits d that depend on the variables before d only, got logits {d} "
            f"that move with variable {e} (counted from 0; {len(leaks)} such pairs)"
        )
