"""A label as a latent variable that is sometimes seen: semi-supervised learning with a VAE."""

import math

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import one_hot

from coursepkg.counts import check_draws
from coursepkg.models.autoencoders.conditional import ConditionalVAE
from coursepkg.rng import global_state_from
from coursepkg.validate import check_methods, check_positive, count_rows

ABSENT = -1  # the label of an image that has none


class M2(nn.Module):
    r"""p(x) = Σ_y p(y) ∫ p(z) p(x | z, y) dz, with uniform p(y), and beside it a classifier.

    The classifier is q(y | x), and q(z | x, y) the conditional model's own.

    Says: `elbo` and `log_weight`, bounds on log p(x) (≤): the label is summed over, not drawn.
    Source: Kingma, Rezende, Mohamed and Welling, "Semi-supervised learning with deep generative
    models" (2014), the model M2.

    Args:
        model: p(x | y) with its q(z | x, y); the condition is the label, one-hot.
        classifier: maps x, as the likelihood's `inputs` make it real, (B, D), to logits of
            q(y | x), (B, C).
    """

    def __init__(self, model: ConditionalVAE, classifier: nn.Module) -> None:
        check_methods(classifier, "__call__", name="classifier")
        super().__init__()
        self.model, self.classifier, self.classes = model, classifier, model.conditions

    def log_label(self, x: Tensor) -> Tensor:
        """log q(y | x) of each class, (B, D) -> (B, C), nats."""
        inputs = self.model.likelihood.inputs(x).to(next(self.model.parameters()))
        logits: Tensor = self.classifier(inputs)
        return logits.log_softmax(-1)

    def joint(self, x: Tensor, y: Tensor, *, generator: Generator) -> Tensor:
        """A lower bound on log p(x, y), of labels y (B,) -> (B,), nats.

        Equation 6 of the paper: log p(y), and the bound on log p(x | y) with one z.

        Raises:
            TypeError: if the labels are no whole numbers.
            ValueError: if one is out of range, or there are more or fewer than images.
        """
        check_labels(y, classes=self.classes, n=len(x))
        bound = self.model.elbo(x, condition=self._one_hot(y), generator=generator)
        return bound - math.log(self.classes)

    def elbo(self, x: Tensor, *, generator: Generator) -> Tensor:
        """Σ_y q(y | x) (joint(x, y) - log q(y | x)), (B, D) -> (B,), nats.

        Equation 7 of the paper: the bound with both latent variables, the label by enumeration. Its
        mean over `generator` is at most log p(x).
        """
        with global_state_from(generator):  # dropout
            log_q = self.log_label(x)
        joint = self.joint(*self._each_label(x), generator=generator).view(self.classes, -1).T
        return (log_q.exp() * (joint - log_q)).sum(1)

    def log_weight(self, x: Tensor, *, generator: Generator) -> Tensor:
        """log Σ_y p(y) w(x | y), one weight a label, (B, D) -> (B,), nats; E exp of it is p(x)."""
        many, y = self._each_label(x)
        log_w = self.model.log_weight(many, condition=self._one_hot(y), generator=generator)
        return log_w.view(self.classes, -1).logsumexp(0) - math.log(self.classes)

    def sample(self, n: int, *, generator: Generator) -> Tensor:
        """Draws (n, D), of labels that are drawn first."""
        check_draws(n, generator)
        place = next(self.model.parameters())
        y = torch.randint(self.classes, (n,), generator=generator, device=place.device)
        return self.model.sample(n, condition=self._one_hot(y), generator=generator)

    def _each_label(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x with every label: first all images with the first one; (C B, D) and (C B,)."""
        n = count_rows(x)
        y = torch.arange(self.classes, device=x.device).repeat_interleave(n)
        return x.repeat(self.classes, 1), y

    def _one_hot(self, y: Tensor) -> Tensor:
        return one_hot(y, self.classes).to(next(self.model.parameters()))


class SemiSupervised(nn.Module):
    """What M2 is trained by, if some labels are seen: bounds, and a classifier's own loss.

    Args:
        model: p and both q.
        weight: α > 0, of -log q(y | x) of the labels that are seen. Without it they would not train
            q(y | x) at all: equation 9 of the paper.
    """

    def __init__(self, model: M2, weight: float) -> None:
        super().__init__()
        check_positive(weight=weight)
        self.model, self.weight = model, weight

    def loss(self, x: Tensor, *, condition: Tensor, generator: Generator) -> Tensor:
        """(B, D) and labels (B,), ABSENT where there is none -> (B,), nats.

        Raises:
            TypeError: if the labels are no whole numbers.
            ValueError: if one is neither a class nor ABSENT, or their number is another.
        """
        check_labels(condition, classes=self.model.classes, n=len(x), absent=True)
        seen, loss = condition != ABSENT, self._like(x)
        if seen.any():
            images, y = x[seen], condition[seen]
            with global_state_from(generator):
                log_q = self.model.log_label(images).gather(1, y[:, None])[:, 0]
            joint = self.model.joint(images, y, generator=generator)
            loss = loss.masked_scatter(seen, -joint - self.weight * log_q)
        if not seen.all():
            bound = self.model.elbo(x[~seen], generator=generator)
            loss = loss.masked_scatter(~seen, -bound)
        return loss

    def _like(self, x: Tensor) -> Tensor:
        return next(self.parameters()).new_zeros(len(x))


def check_labels(y: Tensor, *, classes: int, n: int, absent: bool = False) -> None:
    """Checks that y holds one label an image, 0..classes-1, or ABSENT where that is allowed.

    Raises:
        TypeError: if it is no int64 tensor.
        ValueError: if the shape or a label is wrong.
    """
    allowed = f"labels 0..{classes - 1}" + (f", or {ABSENT} for none" if absent else "")
    dtype = getattr(y, "dtype", type(y).__name__)
    if dtype != torch.int64:
        raise TypeError(f"labels: expected int64 {allowed}, got {dtype}")
    if y.shape != (n,):
        raise ValueError(f"labels: expected shape ({n},), one an image, got {tuple(y.shape)}")
    if n and (int(y.min()) < (ABSENT if absent else 0) or int(y.max()) >= classes):
        raise ValueError(f"labels: expected {allowed}, got values from {int(y.min())} to "
                         f"{int(y.max())}")  # fmt: skip
