"""An adversarial pair of MNIST by class: 28×28 grey pixels, read by a judge.

    python -m benchmarks.gallery.judge
    python -m benchmarks.gallery.gan

trains for some five CPU minutes by the relativistic loss with both gradient penalties and writes
the generator, averaged over its steps, to `coursepkg/weights/gan.pt`, in half precision,
and to `benchmarks/results/gallery-gan.json` what its draws are worth: how many the judge reads as
the class that was asked for; beside the test images, and each with its noise floor (validation
images mixed with test images, divided by chance), Fréchet distance, precision and recall in the
judge's features; and distances to the nearest training image, beside those of test images.
"""

import time
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import Generator, Tensor
from torch.optim import Adam

from benchmarks.gallery.judge import images, trained
from benchmarks.gallery.publish import save
from coursepkg.data.digits import Split
from coursepkg.data.mnist import load_mnist, load_mnist_labels
from coursepkg.evaluation.samples import frechet_distance, noise_floor, precision_recall
from coursepkg.gallery.images import CLASSES, GAN, SIDE
from coursepkg.gallery.images import gan as drawer
from coursepkg.models.gan.adversarial import ConditionalGAN
from coursepkg.models.gan.losses import Relativistic
from coursepkg.models.gan.networks import ImageCritic
from coursepkg.models.gan.penalties import R1Penalty, R2Penalty
from coursepkg.nets.judge import Judge
from coursepkg.nets.trained import load_weights
from coursepkg.rng import seeded
from coursepkg.training import fit_adversarial

CRITIC, PRICE = 24, 1.0
READ, COMPARED, REPEATS = 1000, 500, 10
SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)


def main(
    quick: Annotated[bool, typer.Option(help="train for a moment; writes only to --out")] = False,
    out: Annotated[Path | None, typer.Option(help="folder for weights and results")] = None,
    epochs: Annotated[int, typer.Option(help="passes over the images")] = 25,
    rate: Annotated[float, typer.Option(help="learning rate of both players")] = 1e-3,
) -> None:
    """Trains, measures, and writes weights and results."""
    torch.set_num_threads(1)
    start, size = time.process_time(), 64 if quick else None
    split, labels = Split(*map(images, load_mnist())), load_mnist_labels()
    model = players()
    train(model, split.train[:size], labels.train[:size], epochs=1 if quick else epochs, rate=rate)
    row: dict[str, Any] = {
        **GAN, "critic_hidden": CRITIC, "price": PRICE, "rate": rate, "epochs": epochs
    }  # fmt: skip
    row |= {"cpu_seconds": time.process_time() - start}
    save("gan", model.net, row, lambda: measured(model, split), quick=quick, out=out)


def players() -> ConditionalGAN:
    """The untrained pair."""
    generator = seeded(0)
    _, net = drawer(generator=generator)
    critic = ImageCritic(side=SIDE, classes=CLASSES, hidden=CRITIC, generator=generator)
    return ConditionalGAN(
        net, critic, classes=CLASSES, latent=GAN["latent"], event=(SIDE**2,),
        objective=Relativistic(), penalties=(R1Penalty(PRICE), R2Penalty(PRICE)),
    )  # fmt: skip


def train(model: ConditionalGAN, x: Tensor, c: Tensor, *, epochs: int, rate: float) -> None:
    """Both players in turns, a step each; the weights are averaged."""
    fit_adversarial(
        model, x, condition=c, critic_optimizer=Adam(model.critic.parameters(), rate, (0.0, 0.99)),
        generator_optimizer=Adam(model.net.parameters(), rate, (0.0, 0.99)), epochs=epochs,
        batch_size=32, ema=0.998, generator=seeded(1), progress=False,
    )  # fmt: skip


def draw(model: ConditionalGAN, n: int, generator: Generator) -> tuple[Tensor, Tensor]:
    """Images (n, 784) of the ten classes in turn, and the classes (n,)."""
    c = torch.arange(n) % CLASSES
    return model.sample(n, condition=c, generator=generator), c


def measured(model: ConditionalGAN, split: Split) -> dict[str, Any]:
    """All that the file says of the draws."""
    judge = trained()
    x, c = draw(model, READ, seeded(2))
    right = (judge.read(x) == c).double()
    shares = [right[c == k].mean().item() for k in range(CLASSES)]
    return {
        "read": right.mean().item(), "read_of_class": shares,
        **beside_images(model, judge, split), "nearest": nearest(x[:COMPARED], split),
    }  # fmt: skip


@torch.no_grad()
def beside_images(model: ConditionalGAN, judge: Judge, split: Split) -> dict[str, Any]:
    """Fréchet distance, precision and recall of draws and test images, in the judge's features."""
    real = judge.features(split.test)
    held_out = torch.cat([judge.features(split.valid), real])
    measures = {
        "frechet": (frechet_distance, 0.95),
        "precision": (lambda x, y: precision_recall(x, y).precision, 0.05),
        "recall": (lambda x, y: precision_recall(x, y).recall, 0.05),
    }
    generator, row = seeded(3), {}
    drawn = [judge.features(draw(model, len(real), generator)[0]) for _ in range(REPEATS)]
    for name, (measure, level) in measures.items():
        found = torch.tensor([measure(real, f) for f in drawn], dtype=torch.float64)
        floor = noise_floor(measure, held_out, size=len(real), splits=50, level=level,
                            generator=seeded(4))  # fmt: skip
        row[name] = {
            "value": found.mean().item(), "error_draws": (found.std() / REPEATS**0.5).item(),
            "floor_mean": floor.mean, "floor_quantile": floor.quantile, "level": level,
        }  # fmt: skip
    return row


def nearest(x: Tensor, split: Split) -> dict[str, Any]:
    """Quantiles of the distance to the nearest training image: of draws, and of test images.

    With the standard error of each, over resampled rows: what a copy machine would fail.
    """
    row: dict[str, Any] = {"shares": SHARES}
    for name, rows in (("samples", x), ("test", split.test)):
        apart = torch.cdist(rows, split.train, compute_mode="donot_use_mm_for_euclid_dist")
        away = apart.amin(1).double()
        again = away[torch.randint(len(away), (200, len(away)), generator=seeded(5))]
        q = torch.tensor(SHARES, dtype=torch.float64)
        row[name] = away.quantile(q).tolist()
        row[f"{name}_error"] = again.quantile(q, dim=1).std(1).tolist()
    return row


def published() -> ConditionalGAN:
    """The pair with the published generator, in eval mode; the critic is not kept."""
    model = players()
    model.net.load_state_dict(load_weights("gan"))
    return model.eval()


if __name__ == "__main__":
    typer.run(main)
