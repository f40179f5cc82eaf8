"""Bits back: images come back exactly, and the message is as long as the bound says."""

import math
import random

import pytest
import torch

from coursepkg.models.autoencoders.ans import Stack
from coursepkg.models.autoencoders.bitsback import BitsBack, chain, unchain
from coursepkg.models.autoencoders.likelihoods import Categories, Coins
from coursepkg.models.autoencoders.vae import VAE
from coursepkg.nets.mlp import MLP
from coursepkg.rng import seeded
from tests.oracles import states

K, D, M = 3, 4, 2


def vae(dtype=torch.float64, likelihood=None) -> VAE:
    """Random networks, far from any symmetric start."""
    generator = seeded(0)
    encoder = MLP([D, 8, 2 * M], generator=generator)
    decoder = MLP([M, 8, D * K], generator=generator)
    model = VAE(encoder, decoder, likelihood=likelihood or Categories(D, K), latent=M)
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(0.7 * torch.randn(p.shape, generator=generator))
        encoder.layers[-1].weight.mul_(0.3)
        encoder.layers[-1].bias.copy_(torch.tensor([0.3, -0.2, -0.8, -0.5]))  # within reach
    return model.to(dtype).eval()


def images(n: int, seed: int = 1) -> torch.Tensor:
    return torch.randint(K, (n, D), generator=seeded(seed))


def start(bits: int = 4000) -> int:
    """A random number of so many bits."""
    return random.Random(0).getrandbits(bits) | 1 << (bits - 1)


def net_length(coder: BitsBack, x: torch.Tensor) -> torch.Tensor:
    """Mean bits that an image adds, over all pairs of cells: a slow sum from the definition."""
    q = [torch.tensor(edges).diff() / 2**coder.bits for edges in coder.posterior(x)]
    total = torch.zeros(())
    for i, a in enumerate(q[0].tolist()):
        for j, b in enumerate(q[1].tolist()):
            edges = torch.tensor(coder.levels([i, j]))
            p = edges.diff().gather(1, x[:, None]) / 2**coder.bits
            cells = 2 * math.log2(len(q[0]))
            total += a * b * (cells - p.log2().sum() + math.log2(a) + math.log2(b))
    return total


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_images_come_back_and_so_do_the_bits_that_were_lent(dtype):
    """Kills: an order of popping that is not that of pushing, z not put back, another z."""
    coder, x = BitsBack(vae(dtype), cell_bits=6), images(40)
    message = chain(coder, x, start=start())
    stack = Stack.from_bytes(message.stack.to_bytes())
    assert torch.equal(unchain(coder, stack, 40), x)
    assert stack.state == start()


def test_one_image_alone_comes_back_for_every_start():
    """Also from no bits at all: both steps are exact, whatever the number."""
    coder, x = BitsBack(vae(), cell_bits=6), images(1)[0]
    for state in [0, 1, 2, 12345, *range(10**6, 10**6 + 200)]:
        stack = Stack(state)
        coder.push(stack, x)
        assert torch.equal(coder.pop(stack), x)
        assert stack.state == state


def test_an_image_adds_on_average_what_the_sum_over_all_cells_says():
    """Random starts draw z from q exactly; the mean is within five standard errors.

    Kills: a z that is paid twice, bits that do not come back, cells of another mass.
    """
    coder, x, source = BitsBack(vae(), cell_bits=4, bits=16), images(1)[0], random.Random(1)
    added = []
    for _ in range(1500):
        stack = Stack(source.getrandbits(400) | 1 << 399)
        before = math.log2(stack.state)
        coder.push(stack, x)
        added.append(math.log2(stack.state) - before)
    found, truth = torch.tensor(added), net_length(coder, x)
    error = found.std().item() / math.sqrt(len(found))
    assert found.mean().item() == pytest.approx(truth.item(), abs=5 * error)
    assert error < 0.1


def test_with_fine_cells_that_sum_is_the_bound():
    """-ELBO / ln 2. Kills: cells of q that are not the prior's, an end of a cell for its median."""
    model = vae()
    coder = BitsBack(model, cell_bits=6)
    for x in images(2):
        terms = model.elbo(x.expand(100_000, -1), generator=seeded(2)).detach() / math.log(2)
        error = terms.std().item() / math.sqrt(len(terms))
        bound = pytest.approx(-terms.mean().item(), abs=0.02 + 5 * error)
        assert net_length(coder, x).item() == bound


def test_the_codes_of_all_images_fit_into_a_message():
    """Σ_x 2^-length <= 1: a code cannot be shorter than its own p(x) on all images at once."""
    coder = BitsBack(vae(), cell_bits=3, bits=16)
    mass = sum(2 ** -net_length(coder, x).item() for x in states(K, D))
    assert 0.2 < mass < 1


def test_start_up_bits_are_told_apart():
    """What is lent comes back; what the first z took is what the number lost at its lowest."""
    coder, x = BitsBack(vae(), cell_bits=6), images(30)
    message = chain(coder, x, start=start(1000))
    assert message.lent == 1000
    assert message.stack.bits == 1000 + sum(message.added)
    assert len(message.added) == 30
    q = [torch.tensor(edges).diff() / 2**coder.bits for edges in coder.posterior(x[0])]
    least = sum(-share.max().log2().item() for share in q)
    assert least - 1 <= message.needed <= 2 * 24
    again = chain(coder, x, start=start(message.needed + 1))
    assert abs(sum(again.added) - sum(message.added)) < 40, "the same images, other z"


def test_what_cannot_be_coded_is_refused():
    coder = BitsBack(vae(), cell_bits=4)
    with pytest.raises(TypeError, match="model: expected pixels that are Categories, got Coins"):
        BitsBack(vae(likelihood=Coins(D)))
    with pytest.raises(ValueError, match="model: expected eval mode, got training mode"):
        BitsBack(vae().train())
    for cell_bits, bits in ((0, 24), (24, 24)):
        with pytest.raises(ValueError, match=f"cell_bits < bits, got {cell_bits} and {bits}"):
            BitsBack(vae(), cell_bits=cell_bits, bits=bits)
    with pytest.raises(ValueError, match=r"x: expected levels 0..2, got values from 0 to 3"):
        chain(coder, torch.tensor([[0, 1, 2, 3]]), start=1)
    with pytest.raises(ValueError, match=r"x: expected shape \(B, 4\)"):
        chain(coder, images(2)[:, :3], start=1)
    with pytest.raises(TypeError, match="x: expected integer levels"):
        chain(coder, images(2).double(), start=1)
    with pytest.raises(ValueError, match="state: expected a whole number >= 0, got -1"):
        chain(coder, images(2), start=-1)
