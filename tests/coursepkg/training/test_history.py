"""A record says what it means: which curve is which, which epoch is first, what decides."""

import matplotlib.pyplot as plt
import pytest
from matplotlib.figure import Figure

from coursepkg.training import AdversarialHistory, History


def drawn(history) -> dict[str, tuple[list[float], list[float]]]:
    ax = history.plot(Figure().subplots())
    return {line.get_label(): (list(line.get_xdata()), list(line.get_ydata())) for line in ax.lines}


def test_history_plots_both_curves_from_epoch_one():
    """Kills: curves swapped, epochs from 0."""
    history = History(train=[3.0, 2.0, 1.5], valid=[3.5, 2.5, 2.25])
    assert drawn(history) == {
        "train": ([1, 2, 3], history.train),
        "validation": ([1, 2, 3], history.valid),
    }


def test_a_curve_without_values_is_not_drawn():
    """Kills: an empty line in the axes, that a legend would name."""
    assert list(drawn(History(train=[3.0, 2.0], selected=[1.0, 1.0]))) == ["train"]


def test_adversarial_history_plots_both_players():
    """Kills: players swapped."""
    history = AdversarialHistory(critic=[1.4, 1.2], generator=[0.5, 0.7])
    assert drawn(history) == {"critic": ([1, 2], [1.4, 1.2]), "generator": ([1, 2], [0.5, 0.7])}


@pytest.mark.parametrize(
    "history", [History(train=[1.0]), AdversarialHistory(critic=[1.0], generator=[2.0])]
)
def test_no_unit_is_claimed_for_a_loss(history):
    """Score matching and a hinge are not in nats. Kills: nats claimed for every loss."""
    ax = history.plot(Figure().subplots())
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "mean loss")
    assert not plt.get_fignums(), "opened a figure of its own"


def test_what_select_returned_decides_before_the_validation_loss():
    """Kills: validation losses that overrule `select`; a GAN's scores forgotten."""
    assert History(train=[1.0], valid=[2.0], selected=[3.0]).scores == [3.0]
    assert History(train=[1.0], valid=[2.0]).scores == [2.0]
    assert History(train=[1.0]).scores == []
    assert AdversarialHistory(critic=[1.0], generator=[2.0], selected=[3.0]).scores == [3.0]
    assert AdversarialHistory(critic=[1.0], generator=[2.0]).scores == []


@pytest.mark.parametrize(
    ("history", "epochs"),
    [
        (History(), 0),
        (History(train=[1.0, 2.0]), 2),
        (AdversarialHistory(critic=[1.0] * 3, generator=[1.0] * 3), 3),
    ],
)
def test_epochs_are_counted_by_the_losses(history, epochs: int):
    """Kills: counting scores, of which there may be none."""
    assert history.epochs == epochs
