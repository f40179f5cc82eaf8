"""A two-sample test by a classifier: can it be learned which set a row is from?"""

from typing import NamedTuple

import torch
from scipy.stats import binomtest
from sklearn.linear_model import LogisticRegression
from torch import Generator, Tensor

from coursepkg.counts import check_generator
from coursepkg.evaluation.samples.checks import check_pair


class TwoSample(NamedTuple):
    """How well rows that were held out were told apart.

    Args:
        accuracy: the share told right, 1/2 if nothing can be learned.
        p_value: probability of at least this accuracy by guessing.
    """

    accuracy: float
    p_value: float


def classifier_test(x: Tensor, y: Tensor, *, generator: Generator) -> TwoSample:
    """Fits logistic regression to half of the rows of each set, and counts on the other half.

    Source: Lopez-Paz and Oquab 2017. The larger set is cut to the size of the smaller by chance, so
    that a guess is right half of the time. The p-value is the binomial tail. For two sets of one
    law the chance to do so well is at most that: the number of right guesses, among as many rows of
    each set, spreads no wider than the binomial law (Hoeffding 1956).

    Known failure: it finds what its classifier can see. Logistic regression sees means, so that
    laws with equal means pass: give it features in which they would differ.

    Args:
        x: rows of one set, (M, D), M >= 4.
        y: rows of the other, (N, D), N >= 4.
        generator: draws which rows are held out, on the CPU.

    Raises:
        TypeError: if an argument is no floating-point tensor.
        ValueError: if shapes do not fit, an entry is not finite, or there are too few rows.
    """
    check_generator(generator)
    check_pair(x, y, least=4)
    half = min(len(x), len(y)) // 2
    train, test = [], []
    for rows in (x.double(), y.double()):
        order = torch.randperm(len(rows), generator=generator)
        train.append(rows[order[:half]])
        test.append(rows[order[half : 2 * half]])
    labels = (torch.arange(2 * half) >= half).numpy()
    shown = torch.cat(train)
    mean, scale = shown.mean(0), shown.std(0)
    scale = torch.where(scale > 1e-14 * shown.abs().amax(0), scale, 1.0)  # else constant
    classifier = LogisticRegression(max_iter=1000)
    known, asked = (((rows - mean) / scale).to(x).cpu() for rows in (shown, torch.cat(test)))
    classifier.fit(known.numpy(), labels)
    guesses = classifier.predict(asked.numpy())
    right = int((guesses == labels).sum())
    p = binomtest(right, 2 * half, alternative="greater").pvalue
    return TwoSample(right / (2 * half), float(p))
