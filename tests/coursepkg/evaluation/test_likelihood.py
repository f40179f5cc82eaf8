"""`nats` reads what a model can say and prints it with the right sign and errors."""

import math

import pytest
import torch
from torch import Generator, Tensor, nn

from coursepkg import rng
from coursepkg.evaluation import Nats, nats, over_seeds


class Exact:
    def log_prob(self, x: Tensor) -> Tensor:
        return -x[:, 0]


class Bound(nn.Module):
    """The bound of x falls below -x by an Exp(1) draw: known mean and known variance."""

    def __init__(self) -> None:
        super().__init__()
        self.dropout = nn.Dropout(0.5)

    def elbo(self, x: Tensor, *, generator: Generator) -> Tensor:
        assert not self.dropout.training, "scored in train mode"
        return -x[:, 0] + torch.rand(len(x), generator=generator).log()


class Energy:
    def free_energy(self, x: Tensor) -> Tensor:
        return x[:, 0]


class Unnormalised:
    """The log weight lies below -x by an Exp(1) draw."""

    def unnormalised_log_weight(self, x: Tensor, *, generator: Generator) -> Tensor:
        return -x[:, 0] + torch.rand(len(x), generator=generator).log()


class Weighted:
    """As a normalised weight."""

    def log_weight(self, x: Tensor, *, generator: Generator) -> Tensor:
        return -x[:, 0] + torch.rand(len(x), generator=generator).log()


class Estimated:
    """A fair coin of ± 1 around -x."""

    def log_prob_estimate(self, x: Tensor, *, generator: Generator) -> Tensor:
        return -x[:, 0] + 2 * torch.randint(2, (len(x),), generator=generator) - 1


class Both(Bound):
    """A bound, and a weight of which it is not made: the bound has the first word."""

    def log_weight(self, x: Tensor, *, generator: Generator) -> Tensor:
        raise AssertionError("read the weight")


class Conditional:
    def log_prob(self, x: Tensor, *, condition: Tensor) -> Tensor:
        assert len(x) == len(condition)
        return -x[:, 0] - 100 * condition


class Gan:
    def sample(self, n: int, *, generator: Generator) -> Tensor:
        return torch.rand(n, 1, generator=generator)


X = torch.arange(10, dtype=torch.float64)[:, None]


def test_exact_is_the_mean_with_its_standard_error():
    """Kills: sum for mean, variance for standard error, a batch lost (10 = 4 + 4 + 2)."""
    result = nats(Exact(), X, batch_size=4)
    assert result.sign == "="
    assert result.value == pytest.approx(4.5)
    assert result.error_data == pytest.approx(
        math.sqrt(sum((i - 4.5) ** 2 for i in range(10)) / 90)
    )
    assert result.error_draws == 0
    assert str(result) == "= 4.50 ± 0.96"


def test_bound_keeps_the_two_errors_apart():
    """Each draw adds Exp(1): mean 1, variance 1. 4000 draws pin the mean to ± 0.025 (5 sigma)."""
    model, R = Bound(), 4000
    result = nats(model, X, generator=rng.seeded(0), draws=R)
    assert result.sign == "≤"
    assert result.value == pytest.approx(5.5, abs=5 / math.sqrt(10 * R))
    assert result.error_draws == pytest.approx(1 / math.sqrt(10 * R), rel=0.05)
    assert result.error_data == pytest.approx(0.957, rel=0.05)
    assert model.training, "left in eval mode"
    assert math.isnan(nats(model, X, generator=rng.seeded(0)).error_draws)


def test_energy_needs_log_z_and_is_marked_as_an_estimate():
    result = nats(Energy(), X, log_Z=2.0, log_Z_error=0.1)
    assert (result.sign, result.error_draws) == ("≈", 0.1)
    assert result.value == pytest.approx(6.5)  # kills: minus log Z
    with pytest.raises(TypeError, match="log_Z"):
        nats(Energy(), X)


def test_a_bound_up_to_log_z_carries_both_errors():
    """Kills: the error of log Z dropped, the sign of a bound on an estimate, log Z lost."""
    model, R = Unnormalised(), 4000
    result = nats(model, X, generator=rng.seeded(0), draws=R, log_Z=2.0, log_Z_error=0.1)
    assert result.sign == "≈"
    assert result.value == pytest.approx(4.5 + 1 + 2, abs=5 / math.sqrt(10 * R))
    assert result.error_draws == pytest.approx(math.hypot(1 / math.sqrt(10 * R), 0.1), rel=1e-3)
    with pytest.raises(TypeError, match="generator"):
        nats(model, X, log_Z=2.0)
    with pytest.raises(TypeError, match="log_Z"):
        nats(model, X, generator=rng.seeded(0))


@pytest.mark.parametrize("model", [Weighted(), Both()])
def test_a_weight_is_a_bound_that_draws_average_but_do_not_tighten(model):
    """-log w lies above x by 1 on average, whatever the draws. Kills: log of the mean weight."""
    R = 4000
    result = nats(model, X, generator=rng.seeded(0), draws=R, log_Z=50.0, log_Z_error=9.0)
    assert result.sign == "≤"
    assert result.value == pytest.approx(5.5, abs=5 / math.sqrt(10 * R))
    assert result.error_draws == pytest.approx(1 / math.sqrt(10 * R), rel=0.05)
    with pytest.raises(TypeError, match="generator"):
        nats(model, X)


def test_an_estimate_is_marked_and_needs_no_log_z():
    """Kills: a bound's sign, the error of a log Z that does not enter, log Z subtracted."""
    R = 4000
    result = nats(Estimated(), X, generator=rng.seeded(0), draws=R, log_Z=50.0, log_Z_error=9.0)
    assert result.sign == "≈"
    assert result.value == pytest.approx(4.5, abs=5 / math.sqrt(10 * R))
    assert result.error_draws == pytest.approx(1 / math.sqrt(10 * R), rel=0.05)
    with pytest.raises(TypeError, match="generator"):
        nats(Estimated(), X)


def test_a_condition_is_cut_like_x():
    """Batches of 4 + 4 + 2. Kills: the first rows for every batch, the condition lost."""
    c = torch.arange(10.0) ** 2
    result = nats(Conditional(), X, condition=c, batch_size=4)
    assert (result.sign, result.error_draws) == ("=", 0)
    assert result.value == pytest.approx(4.5 + 100 * 28.5)
    one_by_one = [nats(Conditional(), X[i : i + 1], condition=c[i : i + 1]).value for i in (3, 9)]
    assert one_by_one == pytest.approx([903, 8109])


def test_a_condition_too_many_or_too_few_is_refused():
    with pytest.raises(TypeError, match=r"condition: expected one, .*Conditional.*got none"):
        nats(Conditional(), X)
    with pytest.raises(TypeError, match=r"condition: expected none, .*Exact.*got one"):
        nats(Exact(), X, condition=X)
    with pytest.raises(TypeError, match=r"condition: expected none, .*Energy.*got one"):
        nats(Energy(), X, condition=X, log_Z=0.0)
    with pytest.raises(ValueError, match=r"condition: expected 10 rows.*got 9"):
        nats(Conditional(), X, condition=X[1:, 0])


def test_a_gan_is_refused_with_advice():
    with pytest.raises(
        TypeError, match=r"Gan says nothing about p\(x\).*GAN, has no likelihood \(—\)"
    ):
        nats(Gan(), X)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="at least one example"):
        nats(Exact(), X[:0])
    with pytest.raises(ValueError, match="NaN for 1 examples"):
        nats(Exact(), torch.tensor([[1.0], [math.nan]]))
    with pytest.raises(TypeError, match="generator"):
        nats(Bound(), X)
    with pytest.raises(ValueError, match="draws"):
        nats(Bound(), X, draws=0, generator=rng.seeded(0))


def test_no_gradients_are_kept():
    class Learnt(nn.Module):
        def log_prob(self, x: Tensor) -> Tensor:
            assert not torch.is_grad_enabled()
            return -x[:, 0]

    assert nats(Learnt(), X).value == pytest.approx(4.5)


def test_over_seeds_separates_the_error_over_seeds():
    """Kills: std without the square root of n; errors over the same images shrunk by averaging."""
    runs = [Nats(v, "=", 0.9) for v in (80.0, 81.0, 83.0)]
    result = over_seeds(runs)
    assert result.value == pytest.approx(244 / 3)
    assert result.error_seeds == pytest.approx(torch.tensor([80.0, 81, 83]).std().item() / 3**0.5)
    assert result.error_data == pytest.approx(0.9)
    with pytest.raises(ValueError, match="one sign"):
        over_seeds([Nats(1.0, "=", 0.1), Nats(1.0, "≤", 0.1)])
    with pytest.raises(ValueError, match="two or more"):
        over_seeds(runs[:1])


def test_bits_per_dim_of_the_uniform_law_is_log2_of_the_levels():
    assert Nats(64 * math.log(17), "=", 0.0).bits_per_dim(64) == pytest.approx(math.log2(17))


def test_log_Z_is_not_rounded_to_the_energies():
    """F = 2^20 and log Z = 2^20 - 1e-3. Kills: a difference of two large numbers in float32."""

    class Flat(nn.Module):
        def free_energy(self, x: Tensor) -> Tensor:
            return torch.full((len(x),), 2.0**20, dtype=torch.float32)

    found = nats(Flat(), torch.zeros(3, 1), log_Z=-(2.0**20) + 1e-3)
    assert found.value == pytest.approx(1e-3, rel=1e-6)


def test_bits_of_no_dimensions_are_refused():
    """Kills: Python's ZeroDivisionError, which names nothing."""
    with pytest.raises(ValueError, match="D: expected a finite number > 0, got 0"):
        Nats(1.0, "=", 0.0).bits_per_dim(0)
