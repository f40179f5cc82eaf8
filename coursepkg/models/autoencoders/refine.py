"""Inference without an encoder: q fitted to each example by itself."""

import torch
from torch import Generator, Tensor
from torch.optim import Adam
from torch.optim.lr_scheduler import LinearLR

from coursepkg.counts import check_counts
from coursepkg.evaluation.likelihood import eval_mode
from coursepkg.models.autoencoders.gaussian import DiagonalGaussian
from coursepkg.models.autoencoders.vae import VAE
from coursepkg.validate import check_positive


def refine(
    model: VAE, x: Tensor, *, steps: int, draws: int, step_size: float, generator: Generator
) -> DiagonalGaussian:
    """Climbs the bound of each x in the mean and log-deviation of its own q, from the encoder's.

    Adam on the mean of `draws` bounds, with a step size that falls to 0; the model stays as it is.
    What the bound gains is the amortisation gap, up to what the climb leaves over.
    Cremer, Li and Duvenaud, *Inference suboptimality in variational autoencoders* (2018).

    Args:
        model: in eval mode during the climb.
        x: examples, (B, *event).
        steps: gradient steps.
        draws: z for each example and step.
        step_size: of Adam at the start.
        generator: source of the noise.

    Returns:
        One q for each example, detached.
    """
    check_counts(steps=steps, draws=draws)
    check_positive(step_size=step_size)
    with eval_mode(model):
        start = model.posterior(x)
        mean = start.mean.detach().clone().requires_grad_()
        log_std = start.std.detach().log().requires_grad_()
        optimizer = Adam([mean, log_std], lr=step_size)
        schedule = LinearLR(optimizer, 1.0, 1e-3, total_iters=steps)
        for _ in range(steps):
            q = DiagonalGaussian(*(v.repeat(draws, 1) for v in (mean, log_std.exp())))
            many = x.repeat(draws, *[1] * (x.ndim - 1))
            log_likelihood, kl = model.terms_under(q, many, generator=generator)
            loss = (kl.sum(-1) - log_likelihood).sum() / draws
            gradients = torch.autograd.grad(loss, [mean, log_std])
            mean.grad, log_std.grad = gradients
            optimizer.step()
            schedule.step()
    return DiagonalGaussian(mean.detach(), log_std.detach().exp())
