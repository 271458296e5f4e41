"""The training cycle as a timetable: which layers' arrays each phase of an image uses, and how long the others rest."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate


@dataclass(frozen=True)
class Gap:
    """A stretch of the cycle in which a layer's arrays are not used, ps; it may reach into the next image."""

    layer: int
    begins_ps: int
    lasts_ps: int


class Cycle:
    """Forward through each of n layers, backward through each but the first, one update of all: 2 n phases.

    Parameters
    ----------
    phase_ps
        how long each phase lasts, ps.
    """

    def __init__(self, phase_ps: tuple[int, ...]) -> None:
        self.phase_ps = phase_ps
        self.phases = len(phase_ps)
        self.layers = self.phases // 2
        every = tuple(range(self.layers))
        self.uses: tuple[tuple[int, ...], ...] = tuple(self._layers_of(phase, every) for phase in range(self.phases))
        """Layers whose arrays a phase uses."""
        self.begins_ps: tuple[int, ...] = (0, *accumulate(phase_ps[:-1]))
        """When a phase begins within an undisturbed image."""
        self.next_use: tuple[tuple[int, ...], ...] = tuple(tuple(self._next(phase, layer) for layer in every) for phase in range(self.phases))
        """The phase of the same image, this one or a later one, that uses a layer next; the update uses all."""

    def _layers_of(self, phase: int, every: tuple[int, ...]) -> tuple[int, ...]:
        if phase == self.phases - 1:
            return every
        return (phase,) if phase < self.layers else (self.phases - 1 - phase,)

    def _next(self, phase: int, layer: int) -> int:
        return next(later for later in range(phase, self.phases) if layer in self.uses[later])

    def gaps(self) -> list[Gap]:
        """Return the rests of every layer within one image, from one use to the next."""
        found = []
        image_ps = sum(self.phase_ps)
        for layer in range(self.layers):
            used = [phase for phase in range(self.phases) if layer in self.uses[phase]]
            for here, there in zip(used, [*used[1:], used[0] + self.phases], strict=True):
                end = self.begins_ps[here] + self.phase_ps[here]
                begin = self.begins_ps[there % self.phases] + (image_ps if there >= self.phases else 0)
                if begin > end:
                    found.append(Gap(layer, end, begin - end))
        return found
