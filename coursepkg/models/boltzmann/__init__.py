"""Boltzmann machines with all links, and the deep ones made of restricted machines."""

from coursepkg.models.boltzmann.dbm import DBM, pretrain, train_jointly
from coursepkg.models.boltzmann.dbn import DBN, classifier, greedy, transposed
from coursepkg.models.boltzmann.machine import BoltzmannMachine

__all__ = [
    "DBM",
    "DBN",
    "BoltzmannMachine",
    "classifier",
    "greedy",
    "pretrain",
    "train_jointly",
    "transposed",
]
