"""Bad input about the building: power, cooling, racks and sites."""

from __future__ import annotations

from corpus_base import broken, put, swap

_UPS = b"name,role,kw,efficiency_pct,efficiency_50_pct,battery_minutes,price_usd\n"
_COOLING = (
    b"name,kind,kw,kw_per_kw,design_kw_per_kw,economizer_kw_per_kw,economizer_wet_bulb_c,rated_wet_bulb_c,price_usd\n"
)
_SITES = b"name,kind,power_limit_kw,electricity_usd_per_kwh,redundancy,wet_bulb_c,mean_wet_bulb_c,ups_minutes\n"
_RENTED = b"rented,cloud,,,,,,\n"

PLANT = [
    broken(
        "unknown-redundancy",
        swap("sites.csv", "0.08,N+1", "0.08,N+2"),
        "sites.csv",
        3,
        "redundancy",
        "4N/3",
    ),
    broken(
        "losses-that-fall",
        put("power.csv", _UPS + b"poor,ups,100,99,90,5,30000\n"),
        "power.csv",
        2,
        "efficiency_pct",
        "must not fall",
    ),
    broken(
        "design-day-cooler-than-the-mean",
        put("cooling.csv", _COOLING + b"odd,heat-rejection,100,0.3,0.2,,,,50000\n"),
        "cooling.csv",
        2,
        "design_kw_per_kw",
        "must not be less than kw_per_kw",
    ),
    broken(
        "economizer-without-threshold",
        put("cooling.csv", _COOLING + b"odd,heat-rejection,100,0.2,0.3,0.05,,25,50000\n"),
        "cooling.csv",
        2,
        "economizer_wet_bulb_c",
        "needed beside economizer_kw_per_kw",
    ),
    broken(
        "mean-wet-bulb-alone",
        put("sites.csv", _SITES + b"oslo,owned,500,0.08,N,,9,\n" + _RENTED),
        "sites.csv",
        2,
        "wet_bulb_c",
        "needed beside mean_wet_bulb_c",
    ),
    broken(
        "mean-warmer-than-design",
        put("sites.csv", _SITES + b"oslo,owned,500,0.08,N,19,22,\n" + _RENTED),
        "sites.csv",
        2,
        "mean_wet_bulb_c",
        "must not exceed wet_bulb_c",
    ),
]
