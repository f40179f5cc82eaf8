"""A decoder that is itself a generative model: pixels in order, each told z and those before it."""

from torch import Generator, Tensor, nn

from coursepkg.models.autoregressive.conditional import ConditionalARM
from coursepkg.validate import check_levels


class CausalPixels(nn.Module):
    r"""p(x | z) = ∏_d p(x_d | x_{<d}, z): a likelihood whose pixels are *not* independent.

    The decoder's output is the condition of the autoregressive model. A strong one needs no z, and
    the bound then rewards an encoder that says nothing. Source: Gulrajani et al., "PixelVAE: a
    latent variable model for natural images" (2017).

    It has no `mean`, as the pixels have no parameters before those that precede them are drawn.

    Args:
        model: the autoregressive model given what the decoder puts out.
    """

    def __init__(self, model: ConditionalARM) -> None:
        super().__init__()
        self.model = model

    def inputs(self, x: Tensor) -> Tensor:
        """Levels (B, D) as numbers from -1 to 1."""
        check_levels(x, event=(self.model.dim,), levels=self.model.levels)
        return 2.0 * x / (self.model.levels - 1) - 1

    def log_likelihood(self, x: Tensor, output: Tensor) -> Tensor:
        """log p(x | z), (B, D) levels -> (B,), nats."""
        return self.model.log_prob(x, condition=output)

    def draw(self, output: Tensor, *, generator: Generator) -> Tensor:
        """Levels, (B, D), one pixel after the other."""
        return self.model.sample(len(output), condition=output, generator=generator)
