"""The steps of a chip's life, `[[stage]]`: programming, training, idling, sleeping."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from pydantic import SerializerFunctionWrapHandler, model_serializer, model_validator

from chipsim.scenario.parts import LONGEST
from chipsim.spec import Spec, Time, param

_KINDS = {
    "weights": ("program",),
    "pretrain_epochs": ("program",),
    "pretrain_learning_rate": ("program",),
    "pretrain_learning_rate_decay": ("program",),
    "images": ("train",),
    "lasts": ("idle", "sleep"),
    "before": ("sleep",),
}
"""Keys that mean something for stages of some kinds only."""


class Stage(Spec):
    """One step of a chip's life; stages run one after the other on the same chip.

    Keys that belong to stages of another kind are refused where they are set, and left out where a stage is written.
    """

    kind: Literal["program", "train", "idle", "sleep"] = param(
        ...,
        "`program` writes weights that were trained elsewhere (first stage only), `train` learns, `idle` waits, `sleep` waits with the power off",
        basis="choice",
    )
    weights: str = param(
        "",
        "program: npz file with arrays w0, w1, ... as `network.initial_weights`; if empty, weights are trained in float32 on the data's pre-training part",
        basis="choice",
    )
    pretrain_epochs: int = param(10, "program without `weights`: passes of the training in float32", basis="choice", ge=0, le=100000)
    pretrain_learning_rate: float = param(0.02, "program without `weights`: learning rate of the first pass", basis="assumed", gt=0)
    pretrain_learning_rate_decay: float = param(0.9, "program without `weights`: factor per pass", basis="assumed", gt=0, le=1)
    images: int | None = param(None, "train: how many images to learn; one epoch if not given", basis="choice", ge=1)
    lasts: Time | None = param(None, "idle, sleep (required there): how long", basis="choice", gt=0, le=LONGEST)
    before: Literal["transfer", "nothing"] = param("transfer", "sleep: what is done before the power goes off", basis="choice")
    label: str = param("", "name of the stage in tables and figures", basis="choice")

    @model_validator(mode="after")
    def _consistent(self) -> Stage:
        conflicts = [f'{key}: belongs to {" and ".join(_KINDS[key])} only, while kind is "{self.kind}"' for key in self._misplaced()]
        if self.lasts is None and self.kind in _KINDS["lasts"]:
            conflicts.append(f'lasts: is missing, while kind is "{self.kind}"; write for instance lasts = "1 day"')
        if conflicts:
            raise ValueError("\n".join(conflicts))
        return self

    def _misplaced(self) -> list[str]:
        """Return the keys that were set although stages of this kind have no use for them; None is as good as not set."""
        return [key for key, kinds in _KINDS.items() if key in self.model_fields_set and self.kind not in kinds and getattr(self, key) is not None]

    @model_serializer(mode="wrap")
    def _written(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Write what belongs to the stage's kind: what is written can be read again."""
        values: dict[str, Any] = write(self)
        return {key: value for key, value in values.items() if self.kind in _KINDS.get(key, (self.kind,))}


def order_conflicts(stages: Sequence[Stage]) -> Iterator[str]:
    """Yield `key: message` for every stage that cannot stand where it does."""
    for index, stage in enumerate(stages):
        if index and stage.kind == "program":
            yield f'stage[{index}].kind: "program" may be the first stage only, before anything else happened to the chip'
