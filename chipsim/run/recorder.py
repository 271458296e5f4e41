"""The recorder: listens to a simulation and keeps what the run folder will hold."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chipsim.chip.analog import AnalogChip
from chipsim.chip.evaluation import accuracy
from chipsim.chip.guard import check
from chipsim.chip.probe import Places, choose_cells, read_capacitors
from chipsim.chip.software import SoftwareChip
from chipsim.events.observer import SleepRecord, TransferRecord
from chipsim.kernels import layout, programming
from chipsim.run.ageing import QUANTILES, Ageing
from chipsim.run.kept import Kept
from chipsim.run.progress import Progress
from chipsim.scenario.model import Parameters
from chipsim.units import PS

POPULATION = 400
"""Cells per layer whose spread is followed."""
SLEEP_EVENTS = 2**61
STAGE_EVENTS = 2**60
"""Where the read noise of evaluations around sleeps and after stages is counted from, apart from that of training (and of `ageing`)."""

GUARD_EVERY = 2000
"""Images between two looks at the whole state, where segments are shorter; a look costs as much as a few images."""


class Recorder(Kept):
    """Hears what the processes tell, and keeps it."""

    def __init__(self, scenario: Parameters, chip: AnalogChip | SoftwareChip, progress: Progress) -> None:
        super().__init__()
        self.scenario, self.chip, self.progress = scenario, chip, progress
        self._followed: Places | None = None
        self._population: Places | None = None
        if isinstance(chip, AnalogChip) and chip.device.has_capacitor:
            self._followed = choose_cells(chip, scenario.record.probes)
            self._population = choose_cells(chip, POPULATION)
        self._ageing: Ageing | None = None

    def restore(self, kept: Kept) -> None:
        """Go on from what another recorder of the same run had kept."""
        vars(self).update(vars(kept))

    @property
    def followed(self) -> Places | None:
        """Return the probed cells."""
        return self._followed

    # ---- what the processes tell --------------------------------------------------------------------------------------

    def trained(self, step: int, now_ps: int) -> None:
        """Close a segment where one ends here."""
        if step % self.scenario.record.segment == 0 or step == self.chip.plan.steps:
            self._guard(step, now_ps)
            self.segment_ends.append((step, now_ps))
            self.ages.append(self._capacitor_age(now_ps))
        self.latest = (step, now_ps)
        latest = self.evaluations[-1]["accuracy"] if self.evaluations else None
        self.progress.update(step, now_ps * PS, latest)

    def evaluate(self, step: int, now_ps: int) -> None:
        """Measure the accuracy, with and without read noise."""
        check(self.chip, now_ps)
        images, right, loss = self._since_last()
        self.evaluations.append(
            {
                "step": step,
                "now_ps": now_ps,
                "accuracy": self.measure(now_ps, 2 * step, noisy=True),
                "accuracy_noise_free": self.measure(now_ps, 2 * step, noisy=False),
                "train_accuracy": right / images if images else float("nan"),
                "train_loss": loss / images if images else float("nan"),
            }
        )
        self.progress.update(step, now_ps * PS, self.evaluations[-1]["accuracy"])

    def measure(self, now_ps: int, event: int, *, noisy: bool) -> float:
        """Return the accuracy as the chip stands."""
        return self._accuracy(self.chip.weights_at(now_ps), event, noisy=noisy)

    def transferred(self, record: TransferRecord) -> None:
        """Keep the statistics of a transfer, and sampled weights of the last two."""
        check(self.chip, record.ended_ps)
        chip, outcome = self.chip, record.outcome
        if not isinstance(chip, AnalogChip):
            return
        if record.exclusive:
            self._went_on(record.step, record.ended_ps)
        numbers = outcome.numbers
        aimed = max(int(numbers[programming.OUT_AIMED]), 1)
        self.transfers.append(
            {
                "step": record.step,
                "now_ps": record.started_ps,
                "duration": (record.ended_ps - record.started_ps) * PS,
                "exclusive": record.exclusive,
                "backlog": record.backlog,
                "reset_pulses": int(numbers[programming.OUT_RESETS]),
                "set_ramps": int(numbers[programming.OUT_RAMPS]),
                "verify_reads": int(numbers[programming.OUT_VERIFIES]),
                "unconverged": int(numbers[programming.OUT_UNCONVERGED]),
                "mean_tries": float(numbers[programming.OUT_TRIES]) / aimed,
                "max_tries": int(numbers[programming.OUT_MOST_TRIES]),
                "rms_error": float(np.sqrt(outcome.squares[0] / max(outcome.squares[1], 1.0))),
                "saturated": int(numbers[programming.OUT_SATURATED]),
                "polarity": int(chip.columns.polarity[0]),
                "tries": outcome.tries.copy(),
                "errors": outcome.errors.copy(),
            }
        )
        self.samples = [*self.samples[-1:], self._sample_weights(chip, record.ended_ps)]

    def powered_off(self, step: int, now_ps: int) -> None:
        """Keep what the cells hold when power goes off."""
        event = SLEEP_EVENTS + 2 * len(self.sleeps)
        weights = self.chip.weights_at(now_ps)
        self.awake, self.awake_accuracy = weights, self._accuracy(weights, event, noisy=True)
        del step

    def slept(self, record: SleepRecord) -> None:
        """Keep what a sleep took: time, and what was lost of the weights."""
        check(self.chip, record.ended_ps)
        weights = self.awake
        after = self.chip.weights_at(record.ended_ps)
        squares = sum(float(np.sum((a - b).astype(np.float64) ** 2)) for a, b in zip(after, weights, strict=True))
        self.sleeps.append(
            {
                "step": record.step,
                "now_ps": record.asked_ps,
                "duration": (record.ended_ps - record.asked_ps) * PS,
                "asleep": (record.on_ps - record.off_ps) * PS,
                "weight_change": float(np.sqrt(squares / sum(w.size for w in weights))),
                "accuracy_before": self.awake_accuracy,
                "accuracy_after": self._accuracy(after, SLEEP_EVENTS + 2 * len(self.sleeps) + 1, noisy=True),
            }
        )
        self._went_on(record.step, record.ended_ps)

    def settled(self, step: int, now_ps: int) -> None:
        """Let the last segment last until everything has come to its end."""
        check(self.chip, now_ps)
        self._went_on(step, now_ps)

    def staged(self, number: int, step: int, now_ps: int) -> None:
        """Keep how accurate the network is after a stage: on the test images, and on what it was trained on before."""
        check(self.chip, now_ps)
        stage = self.scenario.stage[number]
        weights, data = self.chip.weights_at(now_ps), self.chip.data
        before = None
        if len(data.pretrain_test_labels):
            before = self._accuracy_on(data.pretrain_test_images, data.pretrain_test_labels, weights, STAGE_EVENTS + 2 * number, noisy=True)
        self.stages.append(
            {
                "kind": stage.kind,
                "label": stage.label or stage.kind,
                "step": step,
                "now_ps": now_ps,
                "accuracy": self._accuracy(weights, STAGE_EVENTS + 2 * number + 1, noisy=True),
                "accuracy_pretrained": before,
            }
        )
        self._went_on(step, now_ps)

    def waved(self, step: int, now_ps: int) -> None:
        """Keep what the followed cells hold, inside a window of full detail."""
        if self._followed is not None and isinstance(self.chip, AnalogChip):
            self.waves.append({"step": step, "now_ps": now_ps, **asdict(read_capacitors(self.chip, self._followed, now_ps))})

    def happened(self, track: str, what: str, start_ps: int, end_ps: int, image: int, column: int, amount: int) -> None:
        """Keep what was done inside a window of full detail."""
        self.happenings.append((track, what, start_ps, end_ps, image, column, amount))

    def probed(self, number: int, step: int, now_ps: int) -> None:
        """Keep what the followed cells hold, and the spread over many."""
        chip = self.chip
        if self._followed is None or self._population is None or not isinstance(chip, AnalogChip):
            return
        reading = asdict(read_capacitors(chip, self._followed, now_ps))
        spread = np.quantile(read_capacitors(chip, self._population, now_ps).signal, QUANTILES)
        self.probes.append({"number": number, "step": step, "now_ps": now_ps, **reading, "spread": spread})

    def aged(self, number: int, age_ps: int, now_ps: int) -> None:
        """Keep what the cells still hold at this age."""
        plan = self.scenario.retention
        if plan is None or not isinstance(self.chip, AnalogChip):
            return
        if self._ageing is None:
            self._ageing = Ageing(self.chip, plan, now_ps - age_ps)
        self.retention.append(self._ageing.read(number, age_ps, now_ps))

    # ---- helpers --------------------------------------------------------------------------------------------------------

    def ends(self) -> list[tuple[int, int]]:
        """Return image and time (ps) at the end of every segment, the open one of a run that was broken off included."""
        closed = self.segment_ends
        return [*closed, self.latest] if self.latest[0] > (closed[-1][0] if closed else -1) else closed

    def amounts(self) -> NDArray[np.float64]:
        """Return what was done in every segment, (segments, actions and quantities)."""
        ledger = self.chip.amounts
        return np.concatenate([ledger.segment_counts.astype(np.float64), ledger.segment_sums], axis=1)

    @staticmethod
    def amount_names() -> tuple[str, ...]:
        """Return the names of the columns of `amounts`."""
        return layout.ACTIONS + layout.QUANTITIES

    def _guard(self, step: int, now_ps: int) -> None:
        """Look at the state, and at what the ledger has counted since the last look, if `GUARD_EVERY` images are over or the run is."""
        segment = self.scenario.record.segment
        if step // GUARD_EVERY > max(step - segment, 0) // GUARD_EVERY or step == self.chip.plan.steps:
            check(self.chip, now_ps, slice(max((step - GUARD_EVERY) // segment - 1, 0), -(-step // segment)))

    def _went_on(self, step: int, now_ps: int) -> None:
        """Let a segment that ends with image `step` last until what came after the image, and before the next one, was done."""
        if self.segment_ends and self.segment_ends[-1][0] == step:
            self.segment_ends[-1] = (step, now_ps)
        self.latest = (step, now_ps)

    def _capacitor_age(self, now_ps: int) -> float:
        if not isinstance(self.chip, AnalogChip) or not self.chip.device.has_capacitor:
            return float("nan")
        return self.chip.capacitor_age(now_ps)

    def _accuracy(self, weights: list[NDArray[np.float32]], event: int, *, noisy: bool) -> float:
        return self._accuracy_on(self.chip.data.test_images, self.chip.data.test_labels, weights, event, noisy=noisy)

    def _accuracy_on(self, images: NDArray[np.uint8], labels: NDArray[np.uint8], weights: list[NDArray[np.float32]], event: int, *, noisy: bool) -> float:
        return accuracy(
            images,
            labels,
            weights,
            self.chip.read_variance() if noisy else None,
            tanh=self.scenario.network.activation == "tanh",
            seed=self.scenario.seed,
            event=event,
        )

    def _since_last(self) -> tuple[int, int, float]:
        ledger = self.chip.amounts
        now = (int(ledger.correct[:, 0].sum()), int(ledger.correct[:, 1].sum()), float(ledger.loss.sum()))
        before, self.learnt = self.learnt, now
        return now[0] - before[0], now[1] - before[1], now[2] - before[2]

    def _sample_weights(self, chip: AnalogChip, now_ps: int) -> dict[str, Any]:
        every = max(chip.exchange.wanted.size // max(self.scenario.record.weight_samples, 1), 1)
        real = chip.cells.leak > 0
        cells = np.flatnonzero(real)[::every]
        after = chip.cells.pcm + chip.capacitor_at(now_ps)[1]
        gain = chip.device.gain
        return {
            "wanted": gain * chip.exchange.target[cells],
            "programmed": chip.cells.pcm[cells].copy(),
            "weight_before": chip.exchange.wanted[cells].copy(),
            "weight_after": after[cells],
        }
