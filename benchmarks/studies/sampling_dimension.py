"""What an exact sum, an average of draws, a rejection and an importance weight cost as D grows.

    python -m benchmarks.studies.sampling_dimension

writes `benchmarks/results/sampling_dimension.json`. The sum is E[f] over D tosses of a coin, term
by term; the average is over N_DRAWS draws. Rejection and importance sampling draw N(0, I)
in D dimensions from N(0, σ² I), for which the share of proposals that is kept, and the effective
share of the weights, are known: (1/σ)^D and (√(2σ² - 1) / σ²)^D.
"""

import math
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import Tensor

from benchmarks.provenance import RESULTS, write_results
from benchmarks.timing import fastest
from coursepkg.data.toy import IsotropicMixture
from coursepkg.rng import seeded
from coursepkg.samplers.weighting import RejectionSampler, effective_sample_size, monte_carlo

THETA, N_DRAWS, LARGEST_SUM = 0.7, 10_000, 20
SIGMA, N_PROPOSALS, CHUNK = 1.5, 200_000, 20_000
LINE = "D = {D}: kept {kept_share:.2e}, effective {effective_share:.2e}, Monte Carlo ± {error:.4f}"


def main(
    dims: Annotated[list[int] | None, typer.Argument(help="values of D")] = None,
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
) -> None:
    """Measures every D, prints a line for each and writes the results."""
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    rows = []
    for D in dims or (1, 2, 4, 8, 12, 16, 20, 32, 48, 64):
        rows.append({"D": D} | expectation(D) | weighting(D))
        print(LINE.format(**rows[-1]))
    write_results(out / "sampling_dimension.json", rows)


def expectation(D: int) -> dict[str, Any]:
    """P(more than 3/4 of D tosses are heads), by all 2^D sequences and by draws."""
    generator = seeded(0)

    def draw() -> Tensor:
        return torch.rand(N_DRAWS, D, generator=generator) < THETA

    estimate = monte_carlo(more_heads(draw()))
    row = {
        "n_draws": N_DRAWS,
        "value": estimate.value,
        "error": estimate.error,
        "draws_seconds": fastest(lambda: monte_carlo(more_heads(draw()))),
        "exact": None,
        "sum_seconds": None,
    }
    if D <= LARGEST_SUM:
        row |= {"exact": exact_sum(D), "sum_seconds": fastest(lambda: exact_sum(D))}
    return row


def more_heads(x: Tensor) -> Tensor:
    """f(x): 1 if more than 3/4 of the tosses are heads, else 0; (n, D) -> (n,)."""
    return (4 * x.sum(1) > 3 * x.shape[1]).double()


def exact_sum(D: int) -> float:
    """Σ_x f(x) p(x) over all 2^D sequences."""
    x = (torch.arange(2**D)[:, None] >> torch.arange(D)) & 1
    heads = x.sum(1)
    p = THETA**heads * (1 - THETA) ** (D - heads)
    return (more_heads(x) * p).sum().item()


def weighting(D: int) -> dict[str, Any]:
    """Share of proposals that rejection keeps, and effective share of importance weights."""
    generator = seeded(0)
    target = IsotropicMixture(torch.zeros(1, D), torch.ones(1))
    proposal = IsotropicMixture(torch.zeros(1, D), torch.tensor([SIGMA]))
    sampler = RejectionSampler(target.log_prob, proposal, D * math.log(SIGMA))
    kept, log_w = 0, []
    for _ in range(N_PROPOSALS // CHUNK):
        x, keep = sampler.propose(CHUNK, generator=generator)
        kept += int(keep.sum())
        log_w.append(target.log_prob(x) - proposal.log_prob(x))
    weights = torch.cat(log_w)
    return {
        "sigma": SIGMA,
        "proposals": N_PROPOSALS,
        "kept_share": kept / N_PROPOSALS,
        "kept_theory": SIGMA**-D,
        "effective_share": effective_sample_size(weights) / N_PROPOSALS,
        "effective_theory": (math.sqrt(2 * SIGMA**2 - 1) / SIGMA**2) ** D,
        "largest_weight": torch.softmax(weights, 0).max().item(),
    }


if __name__ == "__main__":
    typer.run(main)
