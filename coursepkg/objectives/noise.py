"""Noise-contrastive estimation: learn p, and log Z with it, by telling data from noise."""

import math

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import logsigmoid

from coursepkg.counts import check_draws, check_integers, check_numbers
from coursepkg.protocols import Energy, Proposal
from coursepkg.validate import check_binary, check_methods, check_tensor


class NoiseContrastive(nn.Module):
    r"""Logistic loss of the question "data, or one of ν noise draws?", with log Z as a parameter.

    The log-odds of data are G(x) - log ν, where G(x) = -F(x) - log Z - log q(x).   Source:
    :eq:`nce-objective` (Gutmann & Hyvärinen 2010). At the best parameters exp(-F - log Z) is the
    law of the data, normalised without ever having been summed, if the model contains that law and
    q > 0 where the data are. Its variance is large if noise and data are easily told apart, and
    falls to maximum likelihood's as ν grows; the best q need not be the law of the data (Chehab et
    al. 2022). The loss is no likelihood; `log_Z` is an estimate (≈), for the
    keyword of `coursepkg.evaluation.likelihood.nats`.

    Args:
        model: has `free_energy`.
        noise: q, with `sample` and an exact `log_prob`. It is not trained.
        ratio: noise draws for each example, ν >= 1.
        log_Z: where the estimate of log Z starts, nats.
    """

    def __init__(
        self, model: Energy, noise: Proposal, *, ratio: int = 1, log_Z: float = 0.0
    ) -> None:
        check_integers(ratio=ratio)
        check_methods(model, "free_energy")
        check_methods(noise, "log_prob", "sample", name="noise")
        super().__init__()
        check_numbers(log_Z=log_Z)
        if ratio < 1 or not math.isfinite(log_Z):
            raise ValueError(
                f"expected ratio >= 1 and a finite log_Z, got ratio={ratio}, log_Z={log_Z}"
            )
        self.model, self.noise, self.ratio = model, noise, ratio
        self.log_Z = nn.Parameter(torch.tensor(log_Z))

    def loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        """One example and its ν noise draws, (B, D) -> (B,), nats.

        Raises:
            ValueError: if the noise cannot make an example: log q(x) is not finite.
        """
        y = self.noise.sample(self.ratio * len(x), generator=generator).to(x)
        log_nu = math.log(self.ratio)
        data = logsigmoid(self.log_ratio(x) - log_nu)
        noise = logsigmoid(log_nu - self.log_ratio(y)).view(len(x), self.ratio)
        return -data - noise.sum(1)

    def log_ratio(self, x: Tensor) -> Tensor:
        """G(x) = log p(x) - log q(x) by the present estimate, (B, D) -> (B,), nats."""
        with torch.no_grad():
            log_q = self.noise.log_prob(x).to(x)
        if not (finite := log_q.isfinite()).all():
            raise ValueError(
                "noise: expected a finite log-density at every example, got "
                f"{log_q[~finite][0].item()} at {int((~finite).sum())} of {len(x)}; noise must be "
                "able to produce whatever the data hold"
            )
        return -self.model.free_energy(x) - self.log_Z - log_q


class IndependentBernoulli:
    """Independent zeros and ones, P(x_d = 1) = probs_d: the usual noise for binary data.

    Args:
        probs: (D,), in [0, 1]; at 0 or 1 some x are impossible, with log p = -inf.
    """

    def __init__(self, probs: Tensor) -> None:
        check_tensor(probs, "probs")
        if probs.ndim != 1 or len(probs) == 0 or not ((probs >= 0) & (probs <= 1)).all():
            raise ValueError(
                f"probs: expected shape (D,) with D >= 1, all in [0, 1], got {tuple(probs.shape)}: "
                f"{probs.flatten()[:5].tolist()}"
            )
        self.probs = probs

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x), (B, D) -> (B,), nats."""
        check_binary(x, event=tuple(self.probs.shape))
        p = self.probs.to(x)
        return torch.where(x == 1, p.log(), torch.log1p(-p)).sum(1)

    def sample(self, n: int, *, generator: Generator) -> Tensor:
        """Draws (n, D)."""
        check_draws(n, generator)
        return torch.bernoulli(self.probs.expand(n, -1), generator=generator)
