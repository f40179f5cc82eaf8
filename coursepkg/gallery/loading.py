"""The small trained models that lie in the package, each built whole: ``coursepkg.load(name)``.

Beside the weights NAME.pt lies NAME.json, which signs them: the model that they are weights of and
its version, the sum of the file (SHA-256), and the command that made it.
"""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from coursepkg.files import write_whole
from coursepkg.gallery import images, sequences
from coursepkg.gallery.draws import Parts
from coursepkg.nets.trained import FOLDER
from coursepkg.rng import seeded


class Work(NamedTuple):
    """A trained model of the gallery: `what` it is, how to `build` it, and the `version` of that.

    Whoever changes what the weights mean raises the version by one, and trains anew.
    """

    what: str
    build: Callable[..., Parts]  # given a generator
    version: int = 1


WORKS = {
    "captions": Work("diffusion of MNIST given a caption, guided", images.captions),
    "diffusion": Work("diffusion of MNIST given a class, guided", images.diffusion),
    "distilled": Work("the same in two calls of a network", images.distilled),
    "few_steps": Work("a flow on a ring of Gaussians, and five students", sequences.few_steps),
    "gan": Work("the generator of an adversarial pair, MNIST given a class", images.gan),
    "induction": Work("a transformer that repeats made-up words", sequences.induction),
    "judge": Work("a classifier of MNIST, which reads what others draw", images.judge),
    "pixelcnn": Work("a gated PixelCNN of MNIST, 14×14, given a class", images.pixelcnn),
    "plane": Work("an autoencoder of black-and-white MNIST with a plane of codes", images.plane),
    "realnvp": Work("a flow of MNIST at two scales", images.realnvp),
    "shakespeare": Work("a transformer that writes plays", sequences.shakespeare),
    "vae": Work("an autoencoder of MNIST in grey levels", images.vae),
    "wavenet": Work("a WaveNet of spoken vowels", sequences.wavenet),
    "words": Work("masked diffusion of words with an even number of a", sequences.words),
}


def load(name: str, *, folder: str | Path | None = None) -> Any:
    """A trained model with its weights, in eval mode; `WORKS` says what each is.

    Nothing is loaded before all is checked: a model is never half that of one file.

    Args:
        name: of the model, such as "pixelcnn".
        folder: where a command of the gallery wrote its own (``--out``); else the package's.

    Raises:
        ValueError: if there is none of that name; if the weights are missing, unsigned, of another
            model, version or architecture, or not those that were signed.
    """
    if name not in list(WORKS):
        raise ValueError(f"name: expected one of {sorted(WORKS)}, got {name!r}")
    state = _weights(Path(folder or FOLDER) / f"{name}.pt", WORKS[name])
    whole, part = WORKS[name].build(generator=seeded(0))
    needed, found = (_shapes(each) for each in (part.state_dict(), state))
    if odd := sorted(needed.items() ^ found.items()):
        raise ValueError(f"{name}.pt: weights of another architecture; they differ in {odd[:4]}")
    part.load_state_dict(state)
    return whole.eval()


def signature(name: str, *, folder: str | Path | None = None) -> dict[str, Any]:
    """What the file beside the weights says: name, version, sum, command, commit, date.

    Raises:
        ValueError: if there is no such file, none that can be read, or that of another model.
    """
    path = Path(folder or FOLDER) / f"{name}.json"
    try:
        signed: dict[str, Any] = json.loads(path.read_text("utf8"))
        signer, *_ = (signed[key] for key in ("name", "version", "sha256", "command"))
    except (OSError, ValueError, LookupError, TypeError) as e:
        raise ValueError(f"{path}: expected the signature of {name}.pt, got: {e!r}") from e
    if signer != name:
        raise ValueError(f"{path}: expected the signature of {name}.pt, got that of {signer}.pt")
    return signed


def sign(name: str, made: dict[str, Any], *, folder: str | Path | None = None) -> None:
    """Writes NAME.json beside the weights that were just written.

    Args:
        name: of the model.
        made: how: its "command", and what else is to be remembered.
        folder: where the weights are; else the package's.
    """
    weights = Path(folder or FOLDER) / f"{name}.pt"
    signed = {"name": name, "version": WORKS[name].version, "sha256": _sum(weights), **made}
    write_whole(weights.with_suffix(".json"), json.dumps(signed, indent=1) + "\n")


def _weights(path: Path, work: Work) -> dict[str, Tensor]:
    """The state in a file, which must be the one that was signed, of this version."""
    signed = signature(path.stem, folder=path.parent)
    if signed["version"] != work.version:
        raise ValueError(
            f"{path}: expected weights of version {work.version}, got {signed['version']}; "
            f"`{signed['command']}` made them, and makes those of this package"
        )
    if not path.is_file() or _sum(path) != signed["sha256"]:
        raise ValueError(f"{path}: expected the file that {path.stem}.json signs, got another")
    state: dict[str, Tensor] = torch.load(path, weights_only=True, map_location="cpu")
    return state


def _sum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _shapes(state: dict[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in state.items()}
