"""Preferences: a language model that is told which of two strings is better."""

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from coursepkg.divergences import divergence_terms
from coursepkg.validate import check_floating, check_positive


def preferred(reward: Tensor, other: Tensor) -> Tensor:
    """Bradley and Terry: probability that a string with a reward is preferred to another, (B,).

    Source: :eq:`bradley-terry`.

    Raises:
        ValueError: if the shapes differ.
    """
    _check_alike(reward=reward, other=other)
    return torch.sigmoid(reward - other)


def optimal_policy(reference: Tensor, reward: Tensor, *, beta: float) -> Tensor:
    r"""log p of the law with the largest :math:`E_p r - \beta KL(p, ref)`, (N,) twice -> (N,).

    :math:`p^* = ref \cdot \exp(r / \beta) / Z`. Source: :eq:`dpo-optimum`.

    Args:
        reference: log-probabilities of all N strings, nats.
        reward: of each.
        beta: β > 0, the price of a nat.

    Raises:
        ValueError: if β is not a finite number above 0, or the shapes differ.
    """
    check_positive(beta=beta)
    _check_alike(reference=reference, reward=reward)
    return (reference + reward / beta).log_softmax(-1)


def policy_value(log_p: Tensor, reference: Tensor, reward: Tensor, *, beta: float) -> Tensor:
    """What the optimal policy has most of: E r - β KL(p, ref), of laws on N strings, ().

    Source: :eq:`dpo-value`. A string that p never says counts nothing.

    Raises:
        ValueError: if β is not a finite number above 0, or the shapes differ.
    """
    check_positive(beta=beta)
    _check_alike(log_p=log_p, reference=reference, reward=reward)
    p, ref = log_p.double().exp(), reference.double().exp()
    gained = (p * reward).where(p > 0, 0).sum(-1)
    return (gained - beta * divergence_terms(p, ref).sum(-1)).to(log_p)


def dpo_loss(
    better: Tensor, worse: Tensor, *, better_before: Tensor, worse_before: Tensor, beta: float
) -> Tensor:
    r"""Direct preference optimisation: what a pair costs the model, (B,) four times -> (B,), nats.

    :math:`-\log \sigma(\beta [\log p(w) - \log ref(w)] - \beta [\log p(l) - \log ref(l)])`.
    Source: :eq:`dpo-loss`; Rafailov et al. (2023), equation 7. It reads log p in a place where
    Bradley and Terry have the reward, and is the log-likelihood of the choices.

    Args:
        better: the model's log-probabilities of the strings that were preferred.
        worse: those of the others.
        better_before: the reference's log-probabilities of the same; constants.
        worse_before: the same of the others.
        beta: β > 0; large keeps the model near the reference.

    Raises:
        ValueError: if β is not a finite number above 0, or the shapes differ.
    """
    check_positive(beta=beta)
    _check_alike(better=better, worse=worse, better_before=better_before, worse_before=worse_before)
    return -logsigmoid(beta * ((better - better_before) - (worse - worse_before)))


def _check_alike(**rows: Tensor) -> None:
    """Checks that all have the shape of the first: others would be broadcast without a word."""
    for name, row in rows.items():
        check_floating(row, name)
    (first, *others), shapes = rows, {name: tuple(row.shape) for name, row in rows.items()}
    for name in others:
        if shapes[name] != shapes[first]:
            raise ValueError(
                f"{name}: expected the shape of {first}, {shapes[first]}, got {shapes[name]}"
            )
