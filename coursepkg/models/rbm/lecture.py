"""The small interface of the lecture notes: five functions, and a machine to give them.

The notes' names, renamed where Python or the notation of the course asks for it: ``init_RBM`` is
`init_rbm`, ``size_batch`` is `batch_size`, ``eps`` is `step_size`, ``epoch`` is `epochs`; their
biases a and b are b and c here; the machine, which the notes leave global, is the first argument;
and all that is random takes a generator.
"""

import torch
from torch import Generator, Tensor

from coursepkg.counts import check_counts, check_draws, check_generator
from coursepkg.models.rbm.binary import RBM
from coursepkg.validate import check_binary, check_positive, check_real


def init_rbm(p: int, q: int, *, generator: Generator) -> RBM:
    """A machine with p visible and q hidden units: small random weights, biases of 0."""
    return RBM(p, q, generator=generator)


def in_out(rbm: RBM, X: Tensor) -> Tensor:
    """P(h_j = 1 | v) for every row of X, (n, p) -> (n, q). Source: :eq:`rbm-hidden-given-visible`.

    Raises:
        ValueError: if X is not (n, p).
    """
    check_real(X, event=rbm.b.shape, name="X")
    return torch.sigmoid(X @ rbm.W.detach() + rbm.c.detach())


def out_in(rbm: RBM, H: Tensor) -> Tensor:
    """P(v_i = 1 | h) for every row of H, (n, q) -> (n, p). Source: :eq:`rbm-visible-given-hidden`.

    Raises:
        ValueError: if H is not (n, q).
    """
    check_real(H, event=rbm.c.shape, name="H")
    return torch.sigmoid(H @ rbm.W.detach().T + rbm.b.detach())


@torch.no_grad()
def train(
    rbm: RBM, X: Tensor, batch_size: int, step_size: float, epochs: int, *, generator: Generator
) -> list[float]:
    """Contrastive divergence as the notes write it, in place.   Source: :eq:`rbm-cd`, k = 1.

    Args:
        rbm: the machine.
        X: training examples, (n, p) of zeros and ones.
        batch_size: examples of a step, whose gradients are averaged.
        step_size: length of a step.
        epochs: passes over the data.
        generator: orders the examples and draws h and v.

    Returns:
        The mean squared error of the reconstructions P(v = 1 | h⁰), one for each epoch.

    Raises:
        ValueError: if X is not (n, p) of zeros and ones, or a number is not positive.
    """
    check_generator(generator)
    check_binary(X, event=rbm.b.shape, name="X")
    check_counts(batch_size=batch_size, epochs=epochs)
    check_positive(step_size=step_size)
    errors = []
    for _ in range(epochs):
        error = 0.0
        order = torch.randperm(len(X), generator=generator, device=X.device)
        for v0 in X[order].split(batch_size):
            p0 = in_out(rbm, v0)
            h0 = torch.bernoulli(p0, generator=generator)
            r1 = out_in(rbm, h0)
            v1 = torch.bernoulli(r1, generator=generator)
            p1 = in_out(rbm, v1)
            eta = step_size / len(v0)
            rbm.W.add_(v0.T @ p0 - v1.T @ p1, alpha=eta)
            rbm.b.add_((v0 - v1).sum(0), alpha=eta)
            rbm.c.add_((p0 - p1).sum(0), alpha=eta)
            error += (v0 - r1).square().sum().item()
        errors.append(error / X.numel())
    return errors


@torch.no_grad()
def generate(rbm: RBM, n: int, *, steps: int, generator: Generator) -> Tensor:
    """Starts n chains at fair coins, makes `steps` steps of block Gibbs, returns v, (n, p).

    After few steps the draws still remember the coins.

    Raises:
        ValueError: if n or `steps` is not positive.
    """
    check_draws(n, generator)
    check_counts(steps=steps)
    v = torch.bernoulli(torch.full_like(rbm.b, 0.5).expand(n, -1), generator=generator)
    for _ in range(steps):
        h = torch.bernoulli(in_out(rbm, v), generator=generator)
        v = torch.bernoulli(out_in(rbm, h), generator=generator)
    return v
