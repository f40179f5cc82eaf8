"""What samples are worth beside data: distances, tests and counts, each with its noise floor."""

from coursepkg.evaluation.samples.classify import TwoSample, classifier_test
from coursepkg.evaluation.samples.distances import frechet_distance, gaussian_frechet
from coursepkg.evaluation.samples.floor import NoiseFloor, noise_floor
from coursepkg.evaluation.samples.kernels import median_bandwidth, mmd_squared, permutation_test
from coursepkg.evaluation.samples.modes import mode_shares, modes_covered
from coursepkg.evaluation.samples.neighbours import (
    DensityCoverage,
    PrecisionRecall,
    density_coverage,
    neighbour_radii,
    precision_recall,
)

__all__ = [
    "DensityCoverage",
    "NoiseFloor",
    "PrecisionRecall",
    "TwoSample",
    "classifier_test",
    "density_coverage",
    "frechet_distance",
    "gaussian_frechet",
    "median_bandwidth",
    "mmd_squared",
    "mode_shares",
    "modes_covered",
    "neighbour_radii",
    "noise_floor",
    "permutation_test",
    "precision_recall",
]
