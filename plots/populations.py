"""Many phase-change devices at once: loops over the package's kernels for scripts that ask for statistics.

Device i stands at row i mod 65,536 and column i div 65,536 of layer 0, as in `chipsim.kernels.pcm.program_incremental_all`; its draws
have the purposes that they have on a chip. Conductances in µS; `par` and `reset_par` are vectors of `chipsim.chip.parameters`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from chipsim.kernels import pcm
from chipsim.kernels.jit import kernel
from chipsim.kernels.random import DRIFT_EXPONENT, PARTIAL_SET, RAMP_NOISE, RESET_STATE, SLOW_NOISE, VERIFY_NOISE, cell_normal, fill_cell_normals

Floats = NDArray[np.float64]
_ROWS = 65536


@kernel()
def accumulate(seed: int, par: Floats, reset_par: Floats, seen: Floats) -> None:
    """Fill `seen` (pulses + 1, devices) with reads after a RESET and after each of the SET pulses that follow it."""
    for i in range(seen.shape[1]):
        row, column = i % _ROWS, i // _ROWS
        z = cell_normal(seed, RESET_STATE, 0, 0, row, column, 0)
        g = pcm.reset(z, reset_par[pcm.RESET_MEAN], reset_par[pcm.RESET_SPREAD], reset_par[pcm.RESET_FLOOR])
        memory = 1.0
        for n in range(seen.shape[0]):
            if n > 0:
                g, memory = pcm.partial_set(g, memory, cell_normal(seed, PARTIAL_SET, 0, 0, row, column, n), par)
            z = cell_normal(seed, VERIFY_NOISE, 0, 0, row, column, n)
            seen[n, i] = pcm.read(g, z, par[pcm.PARTIAL_READ_SLOPE], par[pcm.PARTIAL_READ_OFFSET])


@kernel()
def ramp(seed: int, target: float, event: int, par: Floats, programmed: Floats) -> None:
    """Fill `programmed` (devices,) with what one ramp after RESET leaves when it aims at `target`, without verify."""
    for i in range(programmed.size):
        programmed[i] = pcm.ramp(target, cell_normal(seed, RAMP_NOISE, 0, 0, i % _ROWS, i // _ROWS, event), par)


@kernel()
def draw_exponents(seed: int, g: float, event: int, par: Floats, nu: Floats) -> None:
    """Fill `nu` (devices,) with drift exponents of devices freshly programmed to g = G / 25 µS."""
    for i in range(nu.size):
        nu[i] = pcm.draw_exponent(g, cell_normal(seed, DRIFT_EXPONENT, 0, 0, i % _ROWS, i // _ROWS, event), par)


@kernel()
def read(seed: int, conductance: float, event: int, slope: float, offset: float, seen: Floats) -> None:
    """Fill `seen` (devices,) with one noisy read of devices that all have one conductance."""
    for i in range(seen.size):
        seen[i] = pcm.read(conductance, cell_normal(seed, VERIFY_NOISE, 0, 0, i % _ROWS, i // _ROWS, event), slope, offset)


def slow_draws(seed: int, devices: int) -> Floats:
    """Return the standard normals, (devices,), that fix the slow deviation of each device."""
    drawn = np.empty((min(devices, _ROWS), -(-devices // _ROWS)), dtype=np.float32)
    fill_cell_normals(drawn, seed, SLOW_NOISE, 0, 0, 0, 0, 0)
    return drawn.T.ravel()[:devices].astype(np.float64)
