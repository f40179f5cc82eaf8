"""Does the evidence choose well on other data, and what protects a polynomial that is too large?

    python -m benchmarks.studies.evidence

writes `benchmarks/results/evidence.json`. Each of `data_sets` seeds draws chapter 1's sixteen
points of a cubic and 2,000 fresh ones: the degree of highest evidence, and the nats per fresh point
at degree 15 of least squares, of the posterior mean put in as if it were the truth (the same
weights as ridge), and of the whole predictive. The first two differ in the prior alone, the last
two in the average over w alone. Each of `splits` draws 60 of the 442 diabetes patients anew: the
strength of highest evidence and the one that the other patients like best.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from sklearn.datasets import load_diabetes
from torch import Tensor
from torch.distributions import Normal

from benchmarks.provenance import RESULTS, write_results
from coursepkg.bayes import BayesianRegression, maximise_evidence
from coursepkg.rng import seeded

NOISE, DEGREES, TRAIN = 0.2, 16, 60
LINE = "{what:>28}: mean {mean:.3f}, standard deviation {sd:.3f}, from {least:.3f} to {most:.3f}"


def main(
    data_sets: Annotated[int, typer.Option(help="sets of sixteen points")] = 100,
    splits: Annotated[int, typer.Option(help="choices of 60 patients")] = 20,
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
) -> None:
    """Measures both, prints a line for each number and writes the results."""
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    measured = [polynomial(seed) for seed in range(data_sets)]
    patients = [strength(seed) for seed in range(splits)]
    rows = []
    for table in (measured, patients):
        for what in table[0]:
            values = torch.tensor([row[what] for row in table], dtype=torch.float64)
            rows.append({
                "what": what,
                "mean": values.mean().item(),
                "sd": values.std().item(),
                "least": values.min().item(),
                "most": values.max().item(),
                "values": values.tolist(),
            })
            print(LINE.format(**rows[-1]))
    write_results(out / "evidence.json", rows)


def legendre(x: Tensor, degree: int) -> Tensor:
    """Columns P_0(x), ..., P_degree(x); (N,) -> (N, degree + 1)."""
    return torch.from_numpy(np.polynomial.legendre.legvander(x.numpy(), degree))


def polynomial(seed: int) -> dict[str, float]:
    """Degree of highest evidence, and held-out nats per point of three predictions."""
    generator = seeded(seed)
    x, x_new = torch.linspace(-1, 1, 16), 2 * torch.rand(2000, generator=generator) - 1
    y, y_new = (
        2.5 * v**3 - 1.2 * v + NOISE * torch.randn(len(v), generator=generator) for v in (x, x_new)
    )
    model = BayesianRegression(NOISE, 1.0)
    evidence = [model.log_evidence(legendre(x, d), y).item() for d in range(DEGREES)]
    X, X_new = legendre(x, 15), legendre(x_new, 15)
    predictive = model.predictive(X, y, X_new=X_new)
    least_squares = X_new @ torch.linalg.lstsq(X, y).solution
    predictions = {
        "least squares": Normal(least_squares, NOISE),
        "posterior mean": Normal(predictive.mean, NOISE),
        "whole predictive": predictive,
    }
    nats = {name: law.log_prob(y_new).mean().item() for name, law in predictions.items()}
    degree = int(np.argmax(evidence))
    return {"degree": degree, "nats a needless weight": (evidence[3] - evidence[15]) / 12} | nats


def strength(seed: int) -> dict[str, float]:
    """Strengths of highest evidence and of best held-out nats, and the loss by the difference."""
    diabetes = load_diabetes()
    order = torch.randperm(len(diabetes.target), generator=seeded(seed))
    X, y = (torch.from_numpy(v)[order] for v in (diabetes.data, diabetes.target))
    X, y = (
        (v - v[:TRAIN].mean(0)) / v[:TRAIN].std(0, correction=0) for v in (X, y)
    )  # in units of the 60
    best = maximise_evidence(X[:TRAIN], y[:TRAIN])

    def held_out(value: float) -> float:
        law = BayesianRegression(best.sigma, value).predictive(
            X[:TRAIN], y[:TRAIN], X_new=X[TRAIN:]
        )
        nats: float = law.log_prob(y[TRAIN:]).mean().item()
        return nats

    strengths = torch.logspace(-1, 3, 61).tolist()
    scores, chosen = [held_out(value) for value in strengths], held_out(best.strength)
    return {
        "strength by evidence": best.strength,
        "strength by held-out": strengths[int(np.argmax(scores))],
        "nats lost": max(*scores, chosen) - chosen,
        "nats lost at 0.1": max(scores) - scores[0],
    }


if __name__ == "__main__":
    typer.run(main)
