"""What training knows between two moments; others look at it to see when their arrays rest."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class TrainingState:
    """All that training knows between two moments."""

    phase: int = 0
    """Next phase of the run."""
    start_ps: int = 0
    """When it begins; in the past, it is under way, or `blocked`."""
    image_ps: int = 0
    """When the image in hand began."""
    blocked: bool = False
    """Whether the phase cannot begin because a tile is kept from it."""
    waiting: str = ""
    """What holds training up at an image boundary: `transfer`, `host`, `sleep`, or nothing."""
    since_ps: int = 0
    """When it began to wait."""
    interrupted_at: int = -1
    """Image at which the last interruption began."""
    due_ps: int = 0
    """When the next one is due, where its interval is a time."""
    evaluated_at: int = -1
    """Image of the last evaluation."""
    evaluation_due_ps: int = 0
    passed_at: int = -1
    """Image before which everything due has been done: it is training's, whatever holds it up now."""
    until: int = 0
    """Image before which training ends, or the stage does."""
    waited_ps: dict[str, int] = field(default_factory=dict)
    """How long training waited at image boundaries, by reason."""
    delay_ps: int = 0
    """How long tiles have held up the image in hand."""
    delayed_ps: int = 0
    """... all images, and the most of any one."""
    longest_delay_ps: int = 0
    began: bool = False
    done: bool = False

    @property
    def going_on(self) -> bool:
        """Whether there are images to learn now."""
        return self.began and not self.done

    def held_up(self, lasted_ps: int) -> None:
        """Note that tiles held up the image in hand."""
        self.delay_ps += lasted_ps
        self.delayed_ps += lasted_ps
        self.longest_delay_ps = max(self.longest_delay_ps, self.delay_ps)

    def waited(self, lasted_ps: int) -> None:
        """Note that training waited at an image boundary for what it is waiting for."""
        self.waited_ps[self.waiting] = self.waited_ps.get(self.waiting, 0) + lasted_ps

    @property
    def stalled_ps(self) -> int:
        """How long training waited, for whatever reason, while it had images to learn."""
        return sum(self.waited_ps.values()) + self.delayed_ps
