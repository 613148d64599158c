"""Power caps: nodes whose chips are held below their rated power, with what that costs in speed."""

from __future__ import annotations

from dataclasses import dataclass

from dcopt.problem.columns import CatalogRow, column
from dcopt.problem.tables.catalog_rows import Node


@dataclass(frozen=True)
class Speeds:
    """Speed of the phases of work as shares of what the hardware reaches at full power."""

    training: float = 1.0
    training_8bit: float = 1.0
    prefill: float = 1.0
    decode: float = 1.0

    def of_training(self, precision: str) -> float:
        """Return the speed of training in ``precision`` arithmetic."""
        return self.training_8bit if precision in ("fp8", "int8", "fp4") else self.training


FULL_SPEED = Speeds()


class PowerCap(CatalogRow):
    """A power cap of a chip, and the share of its speed that it keeps. Nodes are run at it if `power_caps` is set."""

    accelerator: str = column("The chip.", refers_to="accelerators")
    saved_kw: float = column("What the cap takes off the nameplate power of each chip.", gt=0, usual=(0.005, 0.6))
    training_speed_pct: float = column("Speed of training steps in 16 bits or more that is kept.", gt=0, le=100)
    training_8bit_speed_pct: float | None = column(
        "The same in 8 and 4 bits; blank: training_speed_pct.", default=None, gt=0, le=100
    )
    prefill_speed_pct: float | None = column(
        "Speed of reading prompts, and of models that answer in one pass; blank: as training, the lower of the two.",
        default=None,
        gt=0,
        le=100,
    )
    decode_speed_pct: float | None = column(
        "Speed of generating tokens; blank: as prefill.", default=None, gt=0, le=100
    )
    work_power_pct: float = column(
        "Mean power of a node at work, of what it draws without the cap; blank: 100, the cap only cuts peaks.",
        default=100.0,
        gt=0,
        le=100,
    )

    @property
    def speeds(self) -> Speeds:
        """The speed of every phase."""
        training = self.training_speed_pct
        narrow = training if self.training_8bit_speed_pct is None else self.training_8bit_speed_pct
        prefill = min(training, narrow) if self.prefill_speed_pct is None else self.prefill_speed_pct
        decode = prefill if self.decode_speed_pct is None else self.decode_speed_pct
        return Speeds(training / 100, narrow / 100, prefill / 100, decode / 100)


class CappedNode(Node):
    """A node that is run at a power cap: bought as the node that it is, with less power and speed.

    It is not a row of a table but follows from a row of `nodes` and one of `power_caps` (`dcopt.problem.power_caps`).
    """

    whole: Node
    cap: PowerCap

    @property
    def uncapped(self) -> Node:
        """The node as it is bought."""
        return self.whole


def speeds_of(node: Node) -> Speeds:
    """Return the speed of every phase of work on a node."""
    return node.cap.speeds if isinstance(node, CappedNode) else FULL_SPEED


def work_share_of(node: Node) -> float:
    """Return the mean power of a node at work ÷ that without a cap."""
    return node.cap.work_power_pct / 100 if isinstance(node, CappedNode) else 1.0
