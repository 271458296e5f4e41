"""Global drift compensation: one factor a layer, from reads of a known input.

Joshi et al., Nat. Commun. 11, 2473 (2020), as in IBM aihwkit: an array is read with all inputs at one when it has been programmed, and
again later; since drift scales all conductances nearly alike, the outputs of the layer are from then on multiplied by
alpha = sum |y(t0)| / sum |y(t)|. Here a layer has one factor, not every tile its own: partial sums are added before the sums are taken,
so cutting a layer into tiles changes nothing, and the noise of the reads averages over more columns.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from chipsim.chip.plan import Weights
from chipsim.kernels import random

Floats = NDArray[np.float64]


def reference_reads(weights: Weights, variances: Weights, reads: int, *, seed: int, event: int) -> Floats:
    """Return the sum of the outputs' amounts of every layer, units of weight, for an input of all ones.

    The bias row is a word line like any other and is driven, too. Outputs are averaged over `reads` reads before their amounts are
    taken; their read noise is white from read to read, so the mean of n reads is one draw with an n-th of the variance.

    Parameters
    ----------
    weights, variances
        per layer (inputs + 1, outputs), in units of weight and squared, as the devices are at that moment.
    reads
        reads averaged.
    seed, event
        of the read noise.
    """
    sums = np.empty(len(weights))
    for layer, (w, variance) in enumerate(zip(weights, variances, strict=True)):
        drawn = np.empty((1, w.shape[1]), dtype=np.float32)
        random.fill_cell_normals(drawn, seed, random.REFERENCE_NOISE, layer, 0, 0, 0, event)
        y = w.sum(axis=0, dtype=np.float64) + drawn[0] * np.sqrt(variance.sum(axis=0, dtype=np.float64) / reads)
        sums[layer] = np.abs(y).sum()
    return sums


def drift_compensation(before: Floats, now: Floats) -> Floats:
    """Return the factor alpha of every layer from its sums (`reference_reads`) then and now; 1 where there was or is nothing to be read."""
    return np.divide(before, now, out=np.ones_like(before), where=(now > 0) & (before > 0))
