"""What both loops ask of a recipe before they train, and what a run that goes on must share."""

from inspect import signature

from lightning_fabric import Fabric
from torch import Generator, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from coursepkg.counts import check_generator, check_integers
from coursepkg.scalars import is_number
from coursepkg.training.epochs import Examples


def check_amounts(**counts: int | None) -> None:
    """Checks that each number given is an integer of at least 1, and names it if not."""
    for name, count in counts.items():
        if count is not None:
            check_integers(**{name: count})
            if count < 1:
                raise ValueError(f"{name}: expected at least 1, got {count}")


def check_recipe(
    model: nn.Module, *, clip: float, ema: float | None, select: object, monitor: object,
    generator: Generator, **optimizers: Optimizer,
) -> None:  # fmt: skip
    """Checks what would train nothing, or something else, without a word.

    Raises:
        TypeError: if an argument is of another kind.
        ValueError: if the gradient may have no length, or an optimizer moves another model.
    """
    check_generator(generator)
    for name, value in (("clip", clip), ("ema", 0.0 if ema is None else ema)):
        if not is_number(value):
            raise TypeError(f"{name}: expected a number, got {value!r:.60}")
    for name, look in (("select", select), ("monitor", monitor)):
        if not (look is None or callable(look)):
            raise TypeError(f"{name}: expected a function of the model, got {look!r:.60}")
    if not clip > 0:
        raise ValueError(f"clip: expected the largest norm of a gradient, > 0, got {clip}")
    ours = set(model.parameters())
    for name, optimizer in optimizers.items():
        if not isinstance(optimizer, Optimizer):
            raise TypeError(
                f"{name}: expected a torch.optim.Optimizer, got {type(optimizer).__name__}"
            )
        check_step(name, optimizer)
        rates = [max(group["lr"], group.get("initial_lr", 0)) for group in optimizer.param_groups]
        if not max(rates) > 0:  # a schedule may begin with 0
            raise ValueError(f"{name}: expected a learning rate > 0, got {max(rates)}")
        moved = [p for group in optimizer.param_groups for p in group["params"]]
        if others := sum(p not in ours for p in moved):
            raise ValueError(
                f"{name}: expected parameters of the model, got {others} of {len(moved)} that are "
                "not its own"
            )


def check_step(name: str, mover: Optimizer | LRScheduler) -> None:
    """Checks that a step needs nothing: the loops have no closure and no score to give it.

    Raises:
        ValueError: if it does.
    """
    _, *taken = signature(type(mover).step).parameters.values()  # a schedule wraps its optimizer's
    needed = [p.name for p in taken if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]
    if needed:
        raise ValueError(
            f"{name}: expected one whose step needs nothing, got {type(mover).__name__}, whose "
            f"step needs {needed[0]}"
        )


def recipe_of(
    examples: Examples, *, batch_size: int, ema: float | None, clip: float, **optimizers: Optimizer
) -> dict[str, object]:
    """What a run that goes on must share with the one before it."""
    steps = {
        name: (type(each).__name__, *(each.defaults.get(k) for k in ("lr", "weight_decay")))
        for name, each in optimizers.items()
    }
    return {"examples": tuple(examples.x.shape), "batch_size": batch_size, "ema": ema, "clip": clip,
            **steps}  # fmt: skip


def check_shares(examples: Examples, batch_size: int, fabric: Fabric) -> None:
    """Checks that a batch has an example for every process."""
    if not isinstance(fabric, Fabric):
        raise TypeError(f"fabric: expected a lightning_fabric.Fabric, got {fabric!r:.60}")
    if (largest := min(batch_size, len(examples))) < (P := fabric.world_size):
        raise ValueError(f"expected batches of at least {P} examples, one a process, got {largest}")
