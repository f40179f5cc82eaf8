"""Plug and play: draw the code of a generator by Langevin, with a learned prior and any condition.

Nguyen, Clune, Bengio, Dosovitskiy and Yosinski, *Plug & play generative networks* (2017). The prior
of the codes is known by its slope only, which a denoising autoencoder learns.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_counts, check_draws, check_generator, check_numbers
from coursepkg.evaluation.likelihood import eval_mode
from coursepkg.rng import global_state_from
from coursepkg.samplers.gibbs import GibbsInfo, GibbsState
from coursepkg.validate import check_methods, check_positive, check_real


class DenoisingAutoencoder(nn.Module):
    """r(h̃) guesses h from h̃ = h + σε; its residual is the slope of the blurred law's log-density.

    Says nothing about p(h) (—), but `score` its gradient.   Source: :eq:`code-score`; Vincent 2011,
    Alain and Bengio 2014.

    Args:
        net: maps codes (B, M) to codes (B, M); a generator followed by an encoder will do.
        dim: size M of a code.
        sigma: standard deviation σ > 0 of the noise, in units of h.

    Raises:
        ValueError: if a size is impossible.
    """

    def __init__(self, net: nn.Module, *, dim: int, sigma: float) -> None:
        check_methods(net, "__call__", name="net")
        super().__init__()
        check_counts(dim=dim)
        check_positive(sigma=sigma)
        self.net, self.dim, self.sigma = net, dim, sigma

    def forward(self, h: Tensor) -> Tensor:
        """r(h), (B, M) -> (B, M)."""
        guess: Tensor = self.net(h)
        if guess.shape != h.shape:
            raise ValueError(f"net: expected shape {tuple(h.shape)}, got {tuple(guess.shape)}")
        return guess

    def loss(self, h: Tensor, *, generator: Generator) -> Tensor:
        """`|r(h + σε) - h|²`, (B, M) -> (B,).   Source: :eq:`dae-loss`."""
        check_generator(generator)
        check_real(h, event=(self.dim,), name="h", like=self)
        eps = torch.randn(h.shape, generator=generator, dtype=h.dtype, device=h.device)
        with global_state_from(generator):  # the network's dropout
            guess: Tensor = self(h + self.sigma * eps)
        return (guess - h).square().sum(1)

    def score(self, h: Tensor) -> Tensor:
        """(r(h) - h) / σ², the slope of log p_σ at h if r is the best guess, (B, M) -> (B, M)."""
        guess: Tensor = self(h)
        return (guess - h) / self.sigma**2


@dataclass(frozen=True)
class PlugAndPlay:
    """h' = h + η₁ ∇log p(h) + η₂ ∇log p(y | h) + τ ε: three terms, each with its own size.

    Source: :eq:`ppgn-step`. A size of 0 switches a term off. With η₁ = η₂ = η and τ = √(2η) this
    is `UnadjustedLangevin` for p(h | y); other sizes make other laws, :eq:`ppgn-law`. A kernel for
    `coursepkg.samplers.run`.

    Args:
        prior: the slope ∇log p(h), (C, M) -> (C, M).
        condition: log p(y | h) up to a constant, (C, M) -> (C,), nats, with a gradient.
        prior_step: η₁ >= 0.
        condition_step: η₂ >= 0.
        noise: τ >= 0.

    Raises:
        ValueError: if a size is negative or not finite.
    """

    prior: Callable[[Tensor], Tensor]
    condition: Callable[[Tensor], Tensor]
    prior_step: float
    condition_step: float
    noise: float

    def __post_init__(self) -> None:
        sizes = {"prior_step": self.prior_step, "condition_step": self.condition_step}
        for name, size in {**sizes, "noise": self.noise}.items():
            check_numbers(**{name: size})
            if not 0 <= size < math.inf:
                raise ValueError(f"{name}: expected a finite number >= 0, got {size}")

    def init(self, x: Tensor) -> GibbsState:
        """Starts chains at codes (C, M)."""
        check_real(x)
        return GibbsState(x.clone())

    def step(self, state: GibbsState, *, generator: Generator) -> tuple[GibbsState, GibbsInfo]:
        """Moves every chain."""
        check_generator(generator)
        h = state.x
        with torch.no_grad(), eval_mode(self.prior):
            prior = self.prior(h) if self.prior_step else torch.zeros_like(h)
        slope = slopes(self.condition, h) if self.condition_step else torch.zeros_like(h)
        eps = torch.randn(h.shape, generator=generator, dtype=h.dtype, device=h.device)
        moved = h + self.prior_step * prior + self.condition_step * slope + self.noise * eps
        return GibbsState(moved), GibbsInfo((moved != h).any(1))


def slopes(condition: Callable[[Tensor], Tensor], h: Tensor) -> Tensor:
    """The gradient of a condition at each code, (C, M) -> (C, M)."""
    with torch.enable_grad():
        h = h.detach().requires_grad_()
        (slope,) = torch.autograd.grad(condition(h).sum(), h)
    return slope


class PPGN(nn.Module):
    """x = G(h), with h drawn from p_σ(h) p(y | G(h))^γ by Langevin.

    Says nothing about p(x | y) (—). Nothing is trained here: generator, prior and classifier are
    plugged together. Chains start at N(0, I), so codes should be about standardised; the last step
    is the denoiser's guess, which takes the noise of p_σ off.

    Args:
        net: the generator G, codes (B, M) to examples (B, *event).
        denoiser: knows the slope of the codes' log-density.
        classifier: maps examples to logits (B, classes).
        step_size: η > 0, in squared units of h.
        strength: γ >= 0, how much the condition counts; 1 is Bayes.
        steps: of the chain.

    Raises:
        ValueError: if a size is impossible.
    """

    def __init__(
        self, net: nn.Module, denoiser: DenoisingAutoencoder, classifier: nn.Module, *,
        step_size: float, strength: float = 1.0, steps: int,
    ) -> None:  # fmt: skip
        check_methods(net, "__call__", name="net")
        check_methods(classifier, "__call__", name="classifier")
        super().__init__()
        check_counts(steps=steps)
        check_positive(step_size=step_size)
        check_numbers(strength=strength)
        if not 0 <= strength < math.inf:
            raise ValueError(f"strength: expected a finite number >= 0, got {strength}")
        self.net, self.denoiser, self.classifier = net, denoiser, classifier
        self.step_size, self.strength, self.steps = step_size, strength, steps

    def log_class(self, h: Tensor, y: Tensor) -> Tensor:
        """log p(y | G(h)), codes (B, M) and labels (B,) -> (B,), nats."""
        logits: Tensor = self.classifier(self.net(h))
        return logits.log_softmax(-1).gather(1, y[:, None]).squeeze(1)

    def chain(self, y: Tensor) -> PlugAndPlay:
        """Langevin towards one label for each chain, (C,)."""
        return PlugAndPlay(
            self.denoiser.score, lambda h: self.log_class(h, y), self.step_size,
            self.strength * self.step_size, math.sqrt(2 * self.step_size),
        )  # fmt: skip

    def sample(self, n: int, *, condition: Tensor, generator: Generator) -> Tensor:
        """One example for each label, (n,) int64 -> (n, *event).

        Raises:
            TypeError: if the labels are not int64.
            ValueError: if there are not n of them.
        """
        check_draws(n, generator)
        if condition.dtype != torch.int64:
            raise TypeError(f"condition: expected int64 labels, got {condition.dtype}")
        if condition.shape != (n,):
            raise ValueError(f"condition: expected shape ({n},), got {tuple(condition.shape)}")
        like = next(self.net.parameters())
        h = torch.randn(n, self.denoiser.dim, generator=generator, device=generator.device)
        with eval_mode(self), torch.no_grad():
            state, chain = GibbsState(h.to(like)), self.chain(condition)
            for _ in range(self.steps):
                state, _ = chain.step(state, generator=generator)
            x: Tensor = self.net(self.denoiser(state.x))
        return x
