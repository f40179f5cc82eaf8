r"""A diffusion model of T steps: an encoder that only adds noise, a decoder that takes it away.

The bound on log p(x) of the latent variables z_1, ..., z_T falls into

.. math:: \operatorname{E} \log p(x | z_1) - \operatorname{KL}(q(z_T | x) \| p(z_T))
   - \sum_{t=2}^T \operatorname{E} \operatorname{KL}(q(z_{t-1} | z_t, x) \| p(z_{t-1} | z_t)) .

The decoder's step is the encoder's posterior with the guess x̂(z_t) in place of x. Ho, Jain and
Abbeel, *Denoising diffusion probabilistic models* (2020), equation 5.
"""

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_draws
from coursepkg.models.autoencoders.gaussian import standard_like
from coursepkg.models.diffusion.chain import NoiseChain
from coursepkg.models.diffusion.denoisers import GaussianDenoiser, drawn_guess, like_of
from coursepkg.models.diffusion.signal import kl_to_noise
from coursepkg.rng import global_state_from
from coursepkg.validate import check_methods, count_rows


class Diffusion(nn.Module):
    """p(z_T) = N(0, I), p(z_{t-1} | z_t) = q(z_{t-1} | z_t, x̂(z_t)) and p(x | z_1).

    Source: :eq:`ancestral-step`.

    Says: `elbo`, a bound (≤), if the network is in eval mode.

    Args:
        denoiser: says x̂ and p(x | z).
        chain: the T steps of noise.
    """

    def __init__(self, denoiser: GaussianDenoiser, chain: NoiseChain) -> None:
        check_methods(
            denoiser, "embed", "__call__", "mean", "log_likelihood", "draw", name="denoiser"
        )
        check_methods(chain, "signal", "posterior", name="chain")
        super().__init__()
        self.denoiser, self.chain = denoiser, chain

    def elbo(self, x: Tensor, *, generator: Generator) -> Tensor:
        """All T terms, each with a z_t of its own, (B, D) -> (B,), nats: T calls of the network.

        Source: :eq:`diffusion-elbo`.

        Its mean over `generator` is at most log p(x).
        """
        total = self.prior_kl(x)
        for t in range(1, self.chain.T + 1):
            steps = torch.full((len(x),), t, device=x.device)
            total = total + self.term(x, steps, generator=generator)
        return -total

    def loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        """One step of each image, weighted by T: an estimate of -elbo without bias, (B,), nats."""
        t = self.draw_steps(count_rows(x), generator=generator, device=x.device)
        return self.prior_kl(x) + self.chain.T * self.term(x, t, generator=generator)

    def prior_kl(self, x: Tensor) -> Tensor:
        """KL(q(z_T | x) ‖ N(0, I)), (B, D) -> (B,), nats; 0 only if nothing of x is left."""
        return kl_to_noise(self.denoiser.embed(x), self.chain.log_snr[-1:].expand(len(x)))

    def term(self, x: Tensor, t: Tensor, *, generator: Generator) -> Tensor:
        """What step t costs, with one z_t ~ q(z_t | x): (B, D) and steps (B,) -> (B,), nats.

        For t = 1 it is -log p(x | z_1), else KL(q(z_{t-1} | z_t, x) ‖ p(z_{t-1} | z_t)), which is
        ½ (SNR_{t-1} - SNR_t) ‖x - x̂‖².   Source: :eq:`diffusion-step`.
        """
        real = self.denoiser.embed(x)
        log_snr = self.chain.log_snr
        z, _ = self.chain.noisy(real, t, generator=generator)
        with global_state_from(generator):  # the network's dropout
            output = self.denoiser(z, log_snr[t - 1].to(z))
        snr = log_snr.exp()
        fall = (snr[(t - 2).clamp_min(0)] - snr[t - 1]).to(z)
        kl = fall / 2 * (real - self.denoiser.mean(output)).square().sum(1)
        return torch.where(t == 1, -self.denoiser.log_likelihood(x, output), kl)

    @torch.no_grad()
    def sample(self, n: int, *, generator: Generator) -> Tensor:
        """Draws (n, D), by T steps from noise."""
        *_, z = self.path(n, generator=generator)
        first = self.chain.log_snr[:1].to(z).expand(n)
        output = drawn_guess(self.denoiser, z, first, generator=generator)
        return self.denoiser.draw(output, generator=generator)

    @torch.no_grad()
    def path(self, n: int, *, generator: Generator) -> list[Tensor]:
        """z_T, ..., z_1 of n draws, (n, D) each."""
        check_draws(n, generator)
        z = standard_like(like_of(self.denoiser).new_empty(n, self.denoiser.dim)).draw(
            generator=generator
        )
        path = [z]
        for t in range(self.chain.T, 1, -1):
            steps = torch.full((n,), t, device=z.device)
            log_snr = self.chain.log_snr[steps - 1].to(z)
            guess = drawn_guess(self.denoiser, z, log_snr, generator=generator)
            back = self.chain.posterior(self.denoiser.mean(guess), z, steps)
            z = back.draw(generator=generator)
            path.append(z)
        return path

    def draw_steps(self, n: int, *, generator: Generator, device: torch.device) -> Tensor:
        """n steps t in 1..T, each equally likely, spread evenly, (n,) int64."""
        return stratified(n, generator=generator, device=device).mul(self.chain.T).long() + 1


class SimpleLoss(nn.Module):
    """Trains a diffusion by ‖ε - ε̂‖² at a step drawn evenly: the bound with other weights.

    The bound's step t costs ½ (SNR_{t-1} / SNR_t - 1) ‖ε - ε̂‖²; here each counts alike, which
    gives little noise less to say. Ho et al. (2020), equation 14.

    Args:
        model: the diffusion whose network is trained.
    """

    def __init__(self, model: Diffusion) -> None:
        check_methods(model, "elbo", "term")
        super().__init__()
        self.model = model

    def loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        """‖ε - ε̂(z_t)‖² at one t of each image, (B, D) -> (B,); no likelihood.

        Source: :eq:`simple-loss`.
        """
        chain, denoiser = self.model.chain, self.model.denoiser
        real = denoiser.embed(x)
        t = self.model.draw_steps(len(x), generator=generator, device=x.device)
        z, eps = chain.noisy(real, t, generator=generator)
        with global_state_from(generator):
            guess = denoiser.mean(denoiser(z, chain.log_snr[t - 1].to(z)))
        return (eps - chain.signal(t, z).noise(z, guess)).square().sum(1)


def stratified(n: int, *, generator: Generator, device: torch.device) -> Tensor:
    """n numbers in [0, 1), each uniform, one in each n-th part of it, in random order; float64."""
    check_draws(n, generator)
    shift = torch.rand(n, generator=generator, device=device, dtype=torch.float64)
    order = torch.randperm(n, generator=generator, device=device)
    return (order + shift) / n
