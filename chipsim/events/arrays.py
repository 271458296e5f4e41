"""The tile arrays: an operation on a column or a row has its tile to itself, and so has a phase of training.

Operations know when they end. One may begin where its tile rests, if it ends before training wants the tile next; else the tile
is taken, as far as no image is held up for longer than allowed. Phase q of an image that began at b, undisturbed, starts b_q later;
an operation that ends by b + b_q + max_delay keeps that promise for the whole image, however many tiles are at work.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from chipsim.events.clock import Clock
from chipsim.events.resources import Monitor
from chipsim.events.training_state import TrainingState
from chipsim.scenario.cycle import Cycle

IDLE = frozenset({"transfer", "sleep", "stage"})
"""What training can wait for that leaves the arrays to others, without limit."""


@dataclass
class TileState:
    """One array: until when an operation has it, or keeps it from training while it waits for current or a read-out."""

    until_ps: int = 0
    kept_ps: int = 0
    turn: int = -1
    """The phase of training that the last operation here held up."""
    monitor: Monitor = field(default_factory=Monitor)


@dataclass(frozen=True)
class Access:
    """How an operation may use its tile."""

    max_delay_ps: int
    """The longest that an image may be held up; ignored where training stands still."""
    yields: bool
    """Whether an operation that fits into a rest of its tile waits for one, and training gets the tile once between two that do not."""


class Arrays:
    """Decides who may use which tile when."""

    def __init__(
        self,
        clock: Clock,
        states: list[TileState],
        training: TrainingState,
        cycle: Cycle,
        layer_of: Sequence[int],
        segment: Callable[[], int],
    ) -> None:
        self._clock, self.states, self._training, self.cycle = clock, states, training, cycle
        self._layer_of, self._segment = layer_of, segment
        self._tiles_of = [[tile for tile, layer in enumerate(layer_of) if layer == wanted] for wanted in range(cycle.layers)]
        self._longest_gap_ps = [max((gap.lasts_ps for gap in cycle.gaps() if gap.layer == layer), default=0) for layer in range(cycle.layers)]
        self._busy_ps = [0] * cycle.layers
        for layer in range(cycle.layers):
            self._look(layer)

    # ---- operations ---------------------------------------------------------------------------------------------------

    def room(self, tile: int, lasts_ps: int, access: Access) -> int:
        """Return how many operations of `lasts_ps` may be done in a row on a tile from now on; 0 if none."""
        now, training = self._clock.now_ps, self._training
        if self.states[tile].until_ps > now:
            return 0
        if not training.going_on or training.waiting in IDLE:
            return 1 << 62
        if training.waiting:  # for the host: an image may come at any moment
            return access.max_delay_ps // lasts_ps
        if self._under_way(tile):
            return 0
        turn, wanted_ps = self._wanted(tile)
        fitting = (wanted_ps - now) // lasts_ps
        if access.yields and (lasts_ps <= self._longest_gap_ps[self._layer_of[tile]] or self.states[tile].turn == turn):
            return max(fitting, 0)
        return max(fitting, (self._latest_ps(turn, access) - now) // lasts_ps, 0)

    def retry_ps(self, tile: int) -> int:
        """Return when a tile without room is worth another look: when who has it now, or wants it next, is done."""
        now, training, cycle = self._clock.now_ps, self._training, self.cycle
        if self.states[tile].until_ps > now:
            return self.states[tile].until_ps
        phase = training.phase % cycle.phases
        end_ps = max(training.start_ps, now) if training.blocked else training.start_ps
        for following in range(phase, cycle.next_use[phase][self._layer_of[tile]] + 1):
            end_ps = max(end_ps, self.free_ps(following)) + cycle.phase_ps[following]
        return max(end_ps, now + 1)

    def take(self, tile: int, lasts_ps: int) -> int:
        """Give a tile to an operation from now on; return when it ends."""
        state = self.states[tile]
        state.until_ps = self._clock.now_ps + lasts_ps
        turn, wanted_ps = self._wanted(tile)
        if state.until_ps > wanted_ps:
            state.turn = turn
        state.monitor.used(self._segment(), 1.0, lasts_ps)
        self._look(self._layer_of[tile])
        return state.until_ps

    def keep(self, tile: int, access: Access) -> None:
        """Keep training from a tile whose column waits for something else, as long as no image is held up for too long."""
        if not self._training.going_on or self._training.waiting in IDLE or self._under_way(tile):
            return
        if self._training.waiting:  # for the host: an image may come at any moment
            self.states[tile].kept_ps = self._clock.now_ps + access.max_delay_ps
        else:
            self.states[tile].kept_ps = self._latest_ps(self._wanted(tile)[0], access)
        self._look(self._layer_of[tile])

    def let_go(self, tile: int) -> None:
        """Stop keeping training from a tile."""
        if self.states[tile].kept_ps:
            self.states[tile].kept_ps = 0
            self._look(self._layer_of[tile])

    def _under_way(self, tile: int) -> bool:
        """Return whether a phase of training that uses the tile has begun and not ended."""
        training = self._training
        using = self._layer_of[tile] in self.cycle.uses[training.phase % self.cycle.phases]
        return using and training.start_ps < self._clock.now_ps and not training.blocked

    def _wanted(self, tile: int) -> tuple[int, int]:
        """Return the phase of the run that uses a tile next (or now), and when it begins if nothing holds it up any more."""
        training, cycle = self._training, self.cycle
        phase = training.phase % cycle.phases
        following = cycle.next_use[phase][self._layer_of[tile]]
        start_ps = max(training.start_ps, self._clock.now_ps) if training.blocked else training.start_ps
        return training.phase - phase + following, start_ps + cycle.begins_ps[following] - cycle.begins_ps[phase]

    def _latest_ps(self, turn: int, access: Access) -> int:
        """Return when an operation must end that holds up a phase of the image in hand."""
        return self._training.image_ps + self.cycle.begins_ps[turn % self.cycle.phases] + access.max_delay_ps

    def _look(self, layer: int) -> None:
        latest = 0
        for tile in self._tiles_of[layer]:
            state = self.states[tile]
            latest = max(latest, state.until_ps, state.kept_ps)
        self._busy_ps[layer] = latest

    # ---- training -----------------------------------------------------------------------------------------------------

    def all_free(self, at_ps: int) -> bool:
        """Return whether no tile is taken or kept at a moment or later."""
        return max(self._busy_ps) <= at_ps

    def free_ps(self, phase: int) -> int:
        """Return when all tiles of a phase of an image are free, as far as is known."""
        busy = self._busy_ps
        uses = self.cycle.uses[phase]
        return busy[uses[0]] if len(uses) == 1 else max(busy)

    def kept_ps(self, phase: int, at_ps: int) -> int:
        """Return until when a tile of a phase is only kept, so that it may become free any moment; `at_ps` if none is."""
        tiles = (self.states[tile] for layer in self.cycle.uses[phase] for tile in self._tiles_of[layer])
        return max((tile.kept_ps for tile in tiles if tile.kept_ps > max(at_ps, tile.until_ps)), default=at_ps)
