r"""Discrete codes: an autoencoder that rounds to a codebook, and a law of its codes.

The encoder puts out S vectors h, and each is replaced by the nearest of K vectors e of a codebook.
An image thus has S codes, whole numbers below K; with any law of codes,

.. math:: p(x) = \sum_c p(c)\, p(x \mid c) \ge p(c(x))\, p(x \mid c(x)),

since all terms are positive: the two log-probabilities of an image's own codes are a lower bound
on log p(x). It is the ELBO of a q(c | x) that is sure. Source: van den Oord, Vinyals and
Kavukcuoglu, "Neural discrete representation learning" (2017).
"""

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_counts, check_generator, check_integers
from coursepkg.evaluation.likelihood import eval_mode
from coursepkg.models.autoencoders.conditional import PixelLaw
from coursepkg.models.autoregressive.arm import ARM
from coursepkg.rng import global_state_from
from coursepkg.validate import check_levels, check_methods, check_positive


class VQAutoencoder(nn.Module):
    """Encoder, codebook and decoder; its loss is no bound, and it says nothing about p(x).

    A code that no image is nearest to is an empty cluster: no gradient moves it, and it stays where
    it is until `revive` puts it where an image is.

    Args:
        encoder: maps x, as the law's `inputs` make it real, (B, D), to S vectors, (B, S E).
        decoder: maps the S vectors of the codebook that replace them, (B, S E), to what the law
            reads.
        likelihood: the law p(x | c).
        codes: number S of codes of an image.
        codebook: number K >= 2 of vectors.
        width: their size E.
        commitment: β > 0, how strongly the encoder is drawn to the codebook.
        generator: draws the initial codebook, standard normal.

    Raises:
        ValueError: if a number is impossible.
    """

    def __init__(
        self, encoder: nn.Module, decoder: nn.Module, *, likelihood: PixelLaw, codes: int,
        codebook: int, width: int, commitment: float = 0.25, generator: Generator,
    ) -> None:  # fmt: skip
        check_methods(encoder, "__call__", name="encoder")
        check_methods(decoder, "__call__", name="decoder")
        check_integers(codebook=codebook)
        check_generator(generator)
        super().__init__()
        check_counts(codes=codes, width=width)
        check_positive(commitment=commitment)
        if codebook < 2:
            raise ValueError(f"codebook: expected at least 2 vectors, got {codebook}")
        self.encoder, self.decoder, self.likelihood = encoder, decoder, likelihood
        self.size, self.commitment = codes, commitment
        self.codebook = nn.Parameter(torch.randn(codebook, width, generator=generator))

    def vectors(self, x: Tensor) -> Tensor:
        """What the encoder says, (B, S, E)."""
        h: Tensor = self.encoder(self.likelihood.inputs(x).to(self.codebook))
        expected = (len(x), self.size * self.codebook.shape[1])
        if h.shape != expected:
            raise ValueError(f"encoder: expected shape {expected}, got {tuple(h.shape)}")
        return h.view(len(x), self.size, -1)

    def nearest(self, h: Tensor) -> Tensor:
        """The code whose vector is nearest, (..., E) -> (...), int64: the first of equals.

        Differences are squared, which the expansion |h|² - 2 h·e + |e|² would lose far from 0.
        """
        flat, exact = h.reshape(-1, h.shape[-1]), "donot_use_mm_for_euclid_dist"
        codes: Tensor = torch.cdist(flat, self.codebook, compute_mode=exact).argmin(-1)
        return codes.view(h.shape[:-1])

    @torch.no_grad()
    def codes(self, x: Tensor) -> Tensor:
        """c(x), (B, D) -> (B, S), int64; without dropout."""
        with eval_mode(self):
            return self.nearest(self.vectors(x))

    def log_likelihood(self, x: Tensor, codes: Tensor) -> Tensor:
        """log p(x | c), of x (B, D) and codes (B, S) -> (B,), nats."""
        return self.likelihood.log_likelihood(x, self.decoder(self.codebook[codes].flatten(1)))

    def loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        """-log p(x | c(x)) + |sg(h) - e|² + β |h - sg(e)|², (B, D) -> (B,).

        Rounding has no gradient; that of e passes straight through to h, as if h were e. The
        second term moves the codebook, the third the encoder: sg stops the gradient. Equation 3 of
        the paper.
        """
        with global_state_from(generator):  # dropout
            h = self.vectors(x)
            e = self.codebook[self.nearest(h)]
            straight = h + (e - h).detach()
            output = self.decoder(straight.flatten(1))
            surprise = -self.likelihood.log_likelihood(x, output)
        codebook = (h.detach() - e).square().sum((1, 2))
        commitment = (h - e.detach()).square().sum((1, 2))
        return surprise + codebook + self.commitment * commitment

    @torch.no_grad()
    def revive(self, x: Tensor, *, generator: Generator) -> int:
        """Puts each vector that no image of x (N, D) uses where a random one of their h is.

        Before training it is a start: the codebook among the vectors that come. With fewer vectors
        than empty clusters some stay empty. Without dropout.

        Returns:
            How many were empty.
        """
        check_generator(generator)
        with eval_mode(self):
            h = self.vectors(x).flatten(0, 1)
        used = torch.bincount(self.nearest(h), minlength=len(self.codebook))
        empty = (used == 0).nonzero().flatten()
        chosen = torch.randperm(len(h), generator=generator)[: len(empty)].to(h.device)
        self.codebook[empty[: len(chosen)]] = h[chosen]
        return len(empty)


class VQVAE(nn.Module):
    """Codes from a law of their own, then pixels.

    Says: `elbo`, a bound (≤) without chance: one term of the sum over all codes, without dropout.

    Args:
        autoencoder: gives codes, and p(x | c); trained before.
        prior: the law of the codes (B, S), of levels 0..K-1; trained on `codes` of images.

    Raises:
        ValueError: if the prior is of other codes.
    """

    def __init__(self, autoencoder: VQAutoencoder, prior: ARM) -> None:
        check_methods(autoencoder, "codes", name="autoencoder")
        check_methods(prior, "log_prob", "sample", name="prior")
        super().__init__()
        expected = (autoencoder.size, len(autoencoder.codebook))
        if (prior.dim, prior.levels) != expected:
            raise ValueError(
                f"prior: expected {expected[0]} variables of {expected[1]} levels, got {prior.dim} "
                f"of {prior.levels}"
            )
        self.autoencoder, self.prior = autoencoder, prior

    def elbo(self, x: Tensor, *, generator: Generator) -> Tensor:
        """log p(c(x)) + log p(x | c(x)), (B, D) -> (B,), nats: at most log p(x).

        Nothing is drawn from `generator`, which the protocol of bounds has.
        """
        rate, distortion = self.parts(x)
        return -rate - distortion

    def parts(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """-log p(c(x)) and -log p(x | c(x)), each (B,), nats."""
        codes = self.autoencoder.codes(x)
        with eval_mode(self):
            return -self.prior.log_prob(codes), -self.autoencoder.log_likelihood(x, codes)

    @torch.no_grad()
    def sample(self, n: int, *, generator: Generator) -> Tensor:
        """Draws (n, D): codes, then x given them; without dropout."""
        with eval_mode(self):
            codes = self.prior.sample(n, generator=generator)
        return self.decode(codes, generator=generator)

    @torch.no_grad()
    def decode(self, codes: Tensor, *, generator: Generator) -> Tensor:
        """x ~ p(x | c) of codes (B, S), whole numbers 0..K-1."""
        inner = self.autoencoder
        check_levels(codes, event=(inner.size,), levels=len(inner.codebook))
        with eval_mode(self):
            output = inner.decoder(inner.codebook[codes].flatten(1))
            return inner.likelihood.draw(output, generator=generator)
