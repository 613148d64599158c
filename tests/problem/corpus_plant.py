"""Bad input about the building: power, cooling, racks and sites."""

from __future__ import annotations

from corpus_base import broken, put, swap

_UPS = b"name,role,kw,efficiency_pct,efficiency_50_pct,battery_minutes,price_usd\n"
_COOLING = (
    b"name,kind,kw,kw_per_kw,design_kw_per_kw,economizer_kw_per_kw,economizer_wet_bulb_c,rated_wet_bulb_c,price_usd\n"
)
_CAPS = b"accelerator,name,saved_kw,training_speed_pct\n"
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
        "air-unit-that-serves-others",
        put("cooling.csv", b"name,kind,kw,kw_per_kw,serves,price_usd\nodd,air,100,0.2,liquid,50000\n"),
        "cooling.csv",
        2,
        "serves",
        "only units of kind heat-rejection serve others",
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
    broken(
        "bands-that-overlap",
        put("tariffs.csv", b"site,from_hour,to_hour,band_usd_per_kwh\noslo,8,20,0.3\noslo,18,22,0.2\n"),
        "tariffs.csv",
        3,
        "from_hour",
        "covers hour 18",
    ),
    broken(
        "a-band-without-hours",
        put("tariffs.csv", b"site,from_hour,to_hour,band_usd_per_kwh\noslo,8,8,0.3\n"),
        "tariffs.csv",
        2,
        "to_hour",
        "must differ from from_hour",
    ),
    broken(
        "a-tariff-in-the-cloud",
        put("tariffs.csv", b"site,from_hour,to_hour,band_usd_per_kwh\nrented,8,20,0.3\n"),
        "tariffs.csv",
        2,
        "site",
        "rent includes energy",
    ),
    broken(
        "a-day-of-three-hours",
        put("solar.csv", b"name,kw,hourly_yield,max_units,price_usd\nroof,100,0 0.5 0,2,90000\n"),
        "solar.csv",
        2,
        "hourly_yield",
        "a day has 24 hours",
    ),
    broken(
        "more-than-the-peak",
        put("solar.csv", b"name,kw,hourly_yield,max_units,price_usd\nroof,100," + b"2 " * 24 + b",2,90000\n"),
        "solar.csv",
        2,
        "hourly_yield",
        "from 0 to 1",
    ),
    broken(
        "a-hall-in-the-cloud",
        put("halls.csv", b"name,site,kw,positions,price_usd\nbig,rented,1000,80,9000000\n"),
        "halls.csv",
        2,
        "site",
        "can have none",
    ),
    broken(
        "an-adder-that-draws-by-the-rack",
        put("adders.csv", b"name,driver,ratio,kw_each\nlights,racks,1,0.1\n"),
        "adders.csv",
        2,
        "kw_each",
        "only what follows site, nodes or requests_per_s",
    ),
    broken(
        "an-adder-that-does-nothing",
        put("adders.csv", b"name,driver,ratio\nfreight,capital,0.03\n"),
        "adders.csv",
        2,
        "price_usd",
        "would do nothing",
    ),
    broken(
        "breaks-without-prices",
        put(
            "offers.csv",
            b"table,name,site,volume_units,volume_prices_usd\nnodes,dgx-h100,oslo,10 20,290000\nnodes,mine,,,\n",
        ),
        "offers.csv",
        2,
        "volume_prices_usd",
        "as many numbers as volume_units",
    ),
    broken(
        "a-cap-below-idle-power",
        put("power_caps.csv", _CAPS + b"h100-sxm,deep,1.1,60\n"),
        "power_caps.csv",
        2,
        "saved_kw",
        "no more power than when idle",
    ),
    broken(
        "a-cap-of-no-chip",
        put("power_caps.csv", _CAPS + b"h100,deep,0.1,90\n"),
        "power_caps.csv",
        2,
        "accelerator",
        "h100-",
    ),
    broken(
        "a-cap-that-speeds-up",
        put("power_caps.csv", _CAPS + b"h100-sxm,deep,0.1,105\n"),
        "power_caps.csv",
        2,
        "training_speed_pct",
        "100",
    ),
    broken(
        "breaks-that-fall",
        put(
            "offers.csv",
            b"table,name,site,volume_units,volume_prices_usd\nnodes,dgx-h100,oslo,20 10,29 28\nnodes,mine,,,\n",
        ),
        "offers.csv",
        2,
        "volume_units",
        "must ascend",
    ),
]
