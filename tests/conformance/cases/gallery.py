"""What draws with a trained network where no model has a `sample` of its own."""

from torch import Generator, Tensor, randint
from torch.nn.functional import one_hot

from coursepkg.gallery import Drawer
from coursepkg.gallery.draws import of_noise
from coursepkg.models.gan import Labelled
from coursepkg.nets import MLP
from tests.conformance.case import Case, perturbed, plane


def drawer(generator: Generator) -> Drawer:
    net = Labelled(MLP([3 + 3, 8, 2], generator=generator), classes=3)
    return perturbed(Drawer(net, of_noise(latent=3), conditions=3), generator)


def classes(n: int, generator: Generator) -> Tensor:
    return one_hot(randint(3, (n,), generator=generator), 3).double()


CASES = [Case("Drawer", drawer, plane, condition=classes)]
