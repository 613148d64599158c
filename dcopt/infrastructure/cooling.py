"""What cooling units draw and evaporate, by the weather, and whose heat a heat rejection can take."""

from __future__ import annotations

import math

from dcopt.infrastructure.racks import COLLECTORS
from dcopt.infrastructure.storage import HOURS_PER_YEAR
from dcopt.problem.tables.catalog_rows import CoolingUnit
from dcopt.problem.tables.problem_rows import Site

REJECTION = "heat-rejection"

LOOPS: dict[str, tuple[str, ...]] = {"chilled": ("air", "rear-door"), "warm": ("liquid", "immersion")}
"""Loops that carry collected heat to its rejection, and the collectors on each."""


DESIGN_DEVIATIONS = 2.652
"""Standard deviations above the mean that a normal variable exceeds in 0.4 % of the hours: the design condition."""


def loop_of(collector_kind: str) -> str:
    """Return the loop that a kind of collector is on."""
    return next(loop for loop, kinds in LOOPS.items() if collector_kind in kinds)


def design_kw_per_kw(unit: CoolingUnit, site: Site) -> float:
    """Return the electricity for each kW of heat on the site's design day: for limits and the plant's size.

    Of a unit with economizer at a site whose wet bulbs are known: as `_by_lift` at the design wet bulb. Else what the
    row states (``design_kw_per_kw``, or ``kw_per_kw`` where that is blank).
    """
    if _weather_decides(unit, site):
        return _by_lift(unit, max(0.0, (site.wet_bulb_c or 0.0) - (unit.economizer_wet_bulb_c or 0.0)))
    return unit.kw_per_kw if unit.design_kw_per_kw is None else unit.design_kw_per_kw


def mean_kw_per_kw(unit: CoolingUnit, site: Site) -> float:
    """Return the electricity for each kW of heat, mean of the year: for energy.

    Of a unit with economizer at a site whose wet bulbs are known, the mean of `_by_lift` over the year's hours. The
    wet bulb is taken as normal with the stated mean and the deviation that puts the design value at 0.4 % of the
    hours (an estimate: real years have shorter tails), for which the mean excess over a threshold is known exactly; it
    never exceeds the design day's.
    Else the row's ``kw_per_kw``.
    """
    if not _weather_decides(unit, site):
        return unit.kw_per_kw
    above, deviation = _above_threshold(unit, site)
    return min(_by_lift(unit, mean_excess(above, deviation)), design_kw_per_kw(unit, site))


def economizer_hours(unit: CoolingUnit, site: Site) -> float | None:
    """Return the hours of the year in which the unit needs no compressor; None where that is not known."""
    if not _weather_decides(unit, site):
        return None
    above, deviation = _above_threshold(unit, site)
    if deviation == 0:
        return HOURS_PER_YEAR * float(above <= 0)
    return HOURS_PER_YEAR * 0.5 * math.erfc(above / deviation / math.sqrt(2.0))


def mean_excess(above: float, deviation: float) -> float:
    """Return E[max(0, X)] of a normal X with mean ``above`` and standard deviation ``deviation`` (≥ 0)."""
    if deviation <= 0:
        return max(0.0, above)
    z = above / deviation
    density = math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
    return deviation * density + above * 0.5 * math.erfc(-z / math.sqrt(2.0))


def _above_threshold(unit: CoolingUnit, site: Site) -> tuple[float, float]:
    """Return mean and standard deviation of the wet bulb above the economizer's threshold, K."""
    mean = site.mean_wet_bulb_c or 0.0
    deviation = ((site.wet_bulb_c or 0.0) - mean) / DESIGN_DEVIATIONS
    return mean - (unit.economizer_wet_bulb_c or 0.0), deviation


def _weather_decides(unit: CoolingUnit, site: Site) -> bool:
    return unit.economizer_kw_per_kw is not None and site.mean_wet_bulb_c is not None


def _by_lift(unit: CoolingUnit, excess_c: float) -> float:
    """Return electricity for each kW of heat at ``excess_c`` kelvins (0 or more) above the economizer's threshold.

    The work of a compressor is proportional to the temperature lift that it makes (Carnot, at a constant share of
    the ideal efficiency); the threshold is where none is needed, the rated wet bulb where ``design_kw_per_kw`` holds.
    """
    fans = unit.economizer_kw_per_kw or 0.0
    rated_lift = (unit.rated_wet_bulb_c or 0.0) - (unit.economizer_wet_bulb_c or 0.0)
    return fans + ((unit.design_kw_per_kw or 0.0) - fans) * excess_c / rated_lift


def water_m3_per_hour(heat_kw: float, unit: CoolingUnit) -> float:
    """Return the water, m³ in an hour, that units of this row evaporate to take ``heat_kw``."""
    return heat_kw * unit.water_l_per_kwh / 1000.0


def serves(rejection: CoolingUnit, kind: str) -> bool:
    """Whether the unit rejects outdoors the heat that units of ``kind`` take from racks.

    Only heat rejection does; a blank list of what it serves means every kind.
    """
    return rejection.kind == REJECTION and kind in COLLECTORS and (not rejection.serves or kind in rejection.serves)
