"""Boltzmann machines, restricted or not, deep or not."""

import torch
from torch import Generator

from coursepkg.enumeration import Normalised, NormalisedBound
from coursepkg.evaluation import ImportanceBound
from coursepkg.models.boltzmann.dbm import DBM
from coursepkg.models.boltzmann.dbn import DBN
from coursepkg.models.boltzmann.machine import BoltzmannMachine
from coursepkg.models.rbm.binary import RBM
from coursepkg.models.rbm.gaussian import GaussianRBM
from coursepkg.models.rbm.harmonium import Harmonium
from coursepkg.models.rbm.spins import SpinRBM
from tests.conformance.case import (
    BAD_BITS,
    BAD_PLANE,
    Case,
    D,
    binary,
    bits,
    perturbed,
    plane,
    square,
)
from tests.oracles import states


def rbm(generator: Generator) -> torch.nn.Module:
    return perturbed(RBM(D, 3, generator=generator, scale=1.0), generator)


def dbn(generator: Generator) -> DBN:
    machines = [RBM(D, 3, generator=generator), RBM(3, 2, generator=generator)]
    model = DBN(machines)
    perturbed(model, generator)
    return model


def dbm(generator: Generator) -> DBM:
    model = DBM((D, 3, 2), generator=generator)
    perturbed(model, generator)
    return model


def spins(generator: Generator) -> torch.nn.Module:
    return perturbed(SpinRBM(D, 3, beta=0.7, generator=generator, scale=0.5), generator)


def gaussian_rbm(generator: Generator) -> torch.nn.Module:
    return perturbed(GaussianRBM(2, 3, sigma=0.8, generator=generator, scale=0.5), generator)


def boltzmann(generator: Generator) -> torch.nn.Module:
    return perturbed(BoltzmannMachine(D, 2, generator=generator, scale=0.5), generator)


CASES = [
    binary("RBM", rbm),
    Case("SpinRBM", spins, lambda n, g: 2 * bits(n, g) - 1, space=2 * states(2, D).double() - 1,
         refused=[*BAD_BITS[:3], (torch.zeros(2, D), "-1 and"), *BAD_BITS[5:]]),
    Case("GaussianRBM", gaussian_rbm, plane, grid=square(20, 400), refused=BAD_PLANE),
    binary("BoltzmannMachine", boltzmann),
    binary("DBN", dbn, coins=True),
    binary("DBM", dbm, coins=True),
    binary("NormalisedBound-DBN", lambda g: NormalisedBound(dbn(g)), coins=True),
    binary("NormalisedBound-DBM", lambda g: NormalisedBound(dbm(g)), coins=True),
    binary("Normalised-RBM", lambda g: Normalised(rbm(g))),
    binary("ImportanceBound-DBN", lambda g: ImportanceBound(dbn(g), 3), coins=True),
    binary("ImportanceBound-NormalisedBound",
           lambda g: ImportanceBound(NormalisedBound(dbm(g)), 3), coins=True),
]  # fmt: skip

# Abstract.
ELSEWHERE = {
    Harmonium: "tests/coursepkg/models/rbm",
}
