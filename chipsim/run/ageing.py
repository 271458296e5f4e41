"""A retention measurement: what the cells of a chip still hold, and how accurate it still is, with and without drift compensation."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from chipsim.chip.analog import AnalogChip
from chipsim.chip.compensation import drift_compensation, reference_reads
from chipsim.chip.evaluation import accuracy
from chipsim.chip.plan import Weights
from chipsim.chip.probe import aged_conductances, aged_variances, aged_weights, slow_draws
from chipsim.scenario.parts import Retention

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
PROGRAMMED = 1.0
"""µS from which a device counts as programmed."""
CHARGED = 0.05
"""V from rest, from which a capacitor counts as charged in one."""
RETENTION_EVENTS = 2**62
"""Where the read noise of retention evaluations is counted from, apart from that of training."""


class Ageing:
    """Looks at a chip again and again, and writes nothing.

    Drift compensation refers to the moment at which the measurement began: the last transfer is complete, and what it left to the
    capacitors is still there. So the factors tell of both, the leak within milliseconds and the drift from seconds on.
    """

    def __init__(self, chip: AnalogChip, plan: Retention, began_ps: int) -> None:
        self._chip, self._reads = chip, plan.reference_reads
        self._draws = slow_draws(chip)
        self._voltage, self._weights = chip.voltage_at(began_ps), chip.weights_at(began_ps)
        plus, minus = aged_conductances(chip, began_ps, self._draws)
        self._before = self._reference(aged_weights(chip, plus, minus, began_ps), aged_variances(chip, plus, minus), 0)

    def read(self, number: int, age_ps: int, now_ps: int) -> dict[str, Any]:
        """Return what is left at the age of read `number`: shares of programmed devices, error of the weights, factors, accuracies."""
        chip = self._chip
        plus, minus = aged_conductances(chip, now_ps, self._draws)
        weights, variances = aged_weights(chip, plus, minus, now_ps), aged_variances(chip, plus, minus)
        factors = drift_compensation(self._before, self._reference(weights, variances, number + 1))
        squares = sum(float(np.sum((a - b).astype(np.float64) ** 2)) for a, b in zip(weights, self._weights, strict=True))
        return {
            "age_ps": age_ps,
            "weight_error": float(np.sqrt(squares / sum(w.size for w in weights))),
            "accuracy": self._accuracy(weights, variances, number, None),
            "accuracy_compensated": self._accuracy(weights, variances, number, factors),
            "compensation": factors,
            **self._left(np.concatenate([plus, minus]), now_ps),
        }

    def _left(self, conductances: NDArray[np.float64], now_ps: int) -> dict[str, Any]:
        """Return quantiles of what is left of programmed devices and charged capacitors, where there are any."""
        chip, found = self._chip, {}
        fresh = np.concatenate([chip.cells.g_plus, chip.cells.g_minus]).astype(np.float64)
        programmed = fresh > PROGRAMMED
        if programmed.any():
            found["pcm_left"] = np.quantile(conductances[programmed] / fresh[programmed], QUANTILES)
        resting = chip.cell.capacitor.resting
        charged = (chip.cells.leak > 0) & (np.abs(self._voltage - resting) > CHARGED)
        if charged.any() and chip.device.has_capacitor:
            found["capacitor_left"] = np.quantile((chip.voltage_at(now_ps)[charged] - resting) / (self._voltage[charged] - resting), QUANTILES)
        return found

    def _reference(self, weights: Weights, variances: Weights, event: int) -> NDArray[np.float64]:
        return reference_reads(weights, variances, self._reads, seed=self._chip.scenario.seed, event=event)

    def _accuracy(self, weights: Weights, variances: Weights, number: int, scales: NDArray[np.float64] | None) -> float:
        """Return the accuracy at an age; with and without compensation its reads have the same noise."""
        data, scenario = self._chip.data, self._chip.scenario
        tanh, event = scenario.network.activation == "tanh", RETENTION_EVENTS + number
        return accuracy(data.test_images, data.test_labels, weights, variances, tanh=tanh, seed=scenario.seed, event=event, scales=scales)
