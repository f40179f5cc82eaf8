"""Number for number with diffusers, which shares none of our code."""

import pytest
import torch

from coursepkg.models.diffusion import (
    FromNoise,
    NoiseChain,
    ancestral,
    cosine_betas,
    ddim,
    linear_betas,
    multistep,
)
from coursepkg.rng import seeded

diffusers = pytest.importorskip("diffusers")
T = 1000


class Net(torch.nn.Module):
    """Some guess of ε."""

    def forward(self, z: torch.Tensor, log_snr: torch.Tensor) -> torch.Tensor:
        return torch.tanh(z * 1.3 + log_snr[:, None] / 7)


@pytest.mark.parametrize(
    ("name", "betas"), [("linear", linear_betas(T)), ("squaredcos_cap_v2", cosine_betas(T))]
)
def test_schedules(name, betas):
    """Kills: a cosine without its square or offset, a linear schedule of other ends."""
    peer = diffusers.DDPMScheduler(num_train_timesteps=T, beta_schedule=name)
    # theirs are in single precision
    torch.testing.assert_close(
        NoiseChain(betas).alpha_bar.float(), peer.alphas_cumprod, rtol=2e-4, atol=1e-7
    )


def start() -> torch.Tensor:
    return torch.randn(4, 3, generator=seeded(0), dtype=torch.float64)


def walk(peer, steps: int | None = None, **given) -> torch.Tensor:
    z = start()
    for t in peer.timesteps[:steps]:
        z = peer.step(Net()(z, at(t).expand(len(z))), t, z, **given).prev_sample
    return z


def at(timesteps: torch.Tensor) -> torch.Tensor:
    return NoiseChain(linear_betas(T)).log_snr[timesteps.long()]


def test_ddim_steps():
    """Kills: ε̂ at the new level, x̂ clipped."""
    peer = diffusers.DDIMScheduler(
        num_train_timesteps=T, beta_schedule="linear", clip_sample=False, set_alpha_to_one=False
    )
    peer.set_timesteps(20)
    # its last step leads to the first level of the chain
    levels = torch.cat([at(peer.timesteps), NoiseChain(linear_betas(T)).log_snr[:1]]).unique()
    found = ddim(FromNoise(Net()), start(), levels=levels)
    torch.testing.assert_close(found, walk(peer), rtol=1e-4, atol=1e-4)


def test_ancestral_steps():
    """The same noise, since both draw it in this order.   Kills: β_t as the variance."""
    peer = diffusers.DDPMScheduler(
        num_train_timesteps=T, beta_schedule="linear", clip_sample=False,
        variance_type="fixed_small",
    )  # fmt: skip
    peer.set_timesteps(T)
    expected = walk(peer, 50, generator=seeded(1))
    levels = at(torch.arange(T - 1, T - 52, -1))
    found = ancestral(FromNoise(Net()), start(), levels=levels, generator=seeded(1))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_multistep():
    """Kills: the correction by h / h_before in place of h / (2 h_before)."""
    peer = diffusers.DPMSolverMultistepScheduler(
        num_train_timesteps=T, beta_schedule="linear", algorithm_type="dpmsolver++",
        solver_order=2, solver_type="midpoint", lower_order_final=False,
        final_sigmas_type="sigma_min",
    )  # fmt: skip
    peer.set_timesteps(15)
    levels = torch.cat([at(peer.timesteps), NoiseChain(linear_betas(T)).log_snr[:1]]).unique()
    found = multistep(FromNoise(Net()), start(), levels=levels)
    torch.testing.assert_close(found, walk(peer), rtol=1e-3, atol=1e-3)
