"""How much of three measures a line reads off pixels, components and codes, penalty by penalty.

    python -m benchmarks.studies.probes

trains no autoencoder: it takes the published one of `python -m benchmarks.gallery.vae`, and writes
`benchmarks/results/probes.json`. `benchmarks.studies.embeddings` gives all features one penalty, in
which features of a small variance pay more than others. Here each kind of features gets the penalty
that explains most of the validation images, measure by measure, and is scored once on test images.
"""

from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import Tensor

from benchmarks.gallery.captions import ink
from benchmarks.gallery.judge import images
from benchmarks.provenance import RESULTS, write_results
from benchmarks.studies.embeddings import explained, features_of, line, published
from coursepkg.data.captions import ATTRIBUTES, measure_strokes
from coursepkg.data.digits import Split
from coursepkg.data.mnist import load_mnist

PENALTIES = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # for each training image


def main(
    size: Annotated[int, typer.Option(help="training images, and of the others", min=100)] = 4000,
    out: Annotated[Path, typer.Option(help="folder for the results")] = RESULTS,
) -> None:
    """Chooses penalties, scores, prints and writes."""
    torch.set_num_threads(1)
    x, vae = Split(*(part[:size] for part in load_mnist())), published()
    measures = Split(*(measure_strokes(ink(images(part))) for part in x))
    test, valid = (features_of(vae, x._replace(test=part)) for part in (x.test, x.valid))
    rows: list[dict[str, Any]] = []
    for name, (f, f_test) in test.items():
        rows.append({"features": name} | chosen(f, valid[name][1], f_test, measures))
        print(rows[-1], flush=True)
    write_results(out / "probes.json", rows)


def chosen(f: Tensor, f_valid: Tensor, f_test: Tensor, measures: Split) -> dict[str, Any]:
    """For each measure the best penalty on validation images, and what it explains of the test."""
    row: dict[str, Any] = {}
    for name, train, valid, test in zip(
        ATTRIBUTES[1:], *(part.split(1, dim=1) for part in measures), strict=True
    ):
        shares = [explained(line(f, train, f_valid, penalty=p), valid)[0] for p in PENALTIES]
        best = PENALTIES[shares.index(max(shares))]
        share = explained(line(f, train, f_test, penalty=best), test)[0]
        row[name] = {"penalty": best, "explained": share}
    return row


if __name__ == "__main__":
    typer.run(main)
