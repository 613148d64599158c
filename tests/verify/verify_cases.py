"""Small problems whose designs, solved in seconds, hold every kind of record."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dcopt.design.records import Design
from dcopt.pipeline.run import RunOptions
from dcopt.problem.problem import Problem

OPTIONS = RunOptions(time_limit_s=60, threads=2)


@dataclass(frozen=True)
class Case:
    """A solved problem: where it was written, its RUN, its design, and the design as plain JSON."""

    folder: Path
    run: Path
    problem: Problem
    design: Design
    json: dict[str, Any]


ALPHA = {
    "settings": """
        key,value
        name,alpha
        horizon_years,2
        confidence_pct,50
        carbon_price_usd_per_t,40
        staff_usd_per_kw_year,200
        residual_pct,60
        cost_inflation_pct,2
        energy_inflation_pct,4
        spare_target_pct,99.9
        """,
    "sites": """
        name,kind,power_limit_kw,rack_positions,electricity_usd_per_kwh,demand_charge_usd_per_kw_month,carbon_kg_per_kwh,build_usd_per_kw,water_usd_per_m3,water_limit_m3_per_year,redundancy,networks
        hall,owned,90,12,0.12,9,0.3,4000,3,3000,N+1,in-band out-of-band
        """,
    "training": """
        name,model,tokens,sequence_length,global_batch,deadline_days,runs_per_year,precisions,dataset,overhead_factor
        llm,llama-2-7b,120000000000,4096,512,25,2,bf16,text,1.2
        tune,bert-large,1000000000,384,64,30,1,bf16,,1
        """,
    "inference": """
        name,model,peak_requests_per_s,mean_requests_per_s,input_tokens,output_tokens,latency_ms,percentile,max_quality_loss_pct,headroom_pct,reload_s
        answers,bert-base,3000,300,384,0,100,99,1,10,20
        """,
    "datasets": """
        name,size_tb,dataset_tokens,compressibility,hot_pct,growth_pct_per_year,min_copies
        text,20,5000000000000,text,60,10,1
        """,
    "offers": """
        table,name,site,price_usd,max_units
        nodes,hgx-a100-80-8,,90000,6
        nodes,l4-4,,,6
        fabrics,none,,,
        fabrics,ndr400-rail,,,
        storage,ceph-nvme-154,,,
        storage,object-hdd-432,,,
        racks,air-20kw,,,12
        racks,rear-door-50kw,,,
        power,transformer-100,,,
        power,generator-100,,,
        power,ups-50,,,
        power,pdu-25,,,
        power,pdu-60,,,
        cooling,crah-30,,,
        cooling,rear-door-50,,,
        cooling,chiller-air-50,,,
        cooling,cooling-tower-1000,,,
        cooling,chiller-tower-1000,,,
        """,
    "existing": """
        site,table,name,units
        hall,nodes,l4-4,1
        hall,racks,air-20kw,1
        """,
    "measurements": """
        id,task,model,node,accelerators,global_batch,sequence_length,precision,software,step_s
        seen,training,llama-2-7b,hgx-a100-80-8,8,64,4096,bf16,megatron,7
        """,
}
"""An owned site with N+1: two jobs on one pool with a network, an encoder service, hot and cold data. One is calibrated
by a measurement of fewer chips."""

BETA = {
    "settings": """
        key,value
        name,beta
        horizon_years,2
        staff_usd_per_kw_year,100
        """,
    "sites": """
        name,kind,power_limit_kw,rack_positions,electricity_usd_per_kwh,demand_charge_usd_per_kw_month,carbon_kg_per_kwh,build_usd_per_kw,colocation_usd_per_kw_month,colocation_pue,redundancy
        metro,colocation,60,8,0.1,10,0.2,,180,1.4,N
        wet,owned,80,8,0.08,10,0.2,3000,,,N
        rented,cloud,,,,,,,,,
        """,
    "training": """
        name,model,samples,epochs,sequence_length,global_batch,deadline_days,runs_per_year,precisions,dataset,sites,first_year,last_year
        tune,bert-large,2000000,3,384,64,3,3,bf16,notes,rented,2,2
        """,
    "inference": """
        name,model,peak_requests_per_s,mean_requests_per_s,input_tokens,output_tokens,ttft_ms,tpot_ms,percentile,max_quality_loss_pct,availability_pct,growth_pct_per_year,region,sites
        chat,llama-3.1-8b,10,4,400,200,800,60,95,3,99.5,10,callers,metro
        batch,llama-3.1-70b,3,1,800,200,2000,80,95,1,,0,callers,wet
        bursts,llama-3.1-8b,2,1,400,200,1500,80,95,0,,0,callers,rented
        """,
    "datasets": """
        name,size_tb,compressibility,hot_pct,min_copies,sites,origin,growth_pct_per_year
        notes,4,text,100,1,rented,metro,10
        archive,30,log,20,1,metro wet,,
        """,
    "wan": """
        from_site,to_site,gbps,usd_per_month,usd_per_gb
        metro,rented,10,300,0.01
        """,
    "regions": """
        region,site,rtt_ms
        callers,metro,8
        callers,wet,20
        callers,rented,35
        """,
    "offers": """
        table,name,site,price_usd,max_units
        nodes,l40s-4,metro,,6
        nodes,hgx-b200-8-liquid,wet,300000,2
        nodes,hgx-h100-8,rented,,4
        nodes,l40s-4,rented,,8
        fabrics,none,,,
        fabrics,builtin,rented,,
        storage,ceph-nvme-154,,,
        storage,object-hdd-432,,,
        storage,cloud-lustre-125,,,
        """,
    "solar": """
        name,site,kw,hourly_yield,max_units,price_usd
        roof,wet,5,0 0 0 0 0 0 0 0.5 0.5 0.5 0.5 0.5 0.5 0.5 0.5 0.5 0.5 0.5 0 0 0 0 0 0,2,3000
        """,
    "halls": """
        name,site,kw,positions,price_usd
        vault,wet,60,8,90000
        """,
    "tariffs": """
        site,from_hour,to_hour,band_usd_per_kwh
        wet,7,21,0.2
        """,
    "adders": """
        name,driver,ratio,minimum,step,price_usd,usd_per_year,kw_each,rack_units_each
        login,nodes,0.1,1,1,14000,,0.5,1
        freight,capital,0.02,,,1,,,
        insurance,capital,0.004,,,,1,,
        """,
}
"""A colocation, a liquid-cooled hall with solar, and a cloud; adders.

Decoder services, a rented job, growth, availability.
"""


GAMMA = {
    "settings": """
        key,value
        name,gamma
        horizon_years,2
        """,
    "sites": """
        name,kind,power_limit_kw,electricity_usd_per_kwh,build_usd_per_kw,redundancy
        hall,owned,90,0.12,4000,N
        """,
    "training": """
        name,model,samples,epochs,sequence_length,global_batch,deadline_days,runs_per_year,precisions,preemptible,after
        tune,bert-large,9000000,3,384,64,12,3,bf16,yes,
        check,bert-base,1000000,1,384,64,12,1,bf16,yes,tune
        """,
    "inference": """
        name,model,peak_requests_per_s,profile,input_tokens,output_tokens,latency_ms,percentile,max_quality_loss_pct,headroom_pct
        answers,bert-base,24000,office,384,0,100,99,1,10
        """,
    "profiles": """
        name,hourly
        office,0.2 0.2 0.2 0.2 0.2 0.2 0.2 0.2 1 1 1 1 1 1 1 1 1 1 0.5 0.5 0.5 0.5 0.2 0.2
        """,
    "tariffs": """
        site,from_hour,to_hour,band_usd_per_kwh
        hall,8,20,0.2
        """,
    "offers": """
        table,name,max_units
        nodes,l4-4,20
        fabrics,none,
        storage,ceph-nvme-154,
        racks,air-20kw,
        power,transformer-100,
        power,ups-50,
        power,pdu-25,
        cooling,crah-30,
        cooling,chiller-air-50,
        """,
}
"""A service whose nodes jobs use at night, under a tariff."""


DELTA = {
    "settings": """
        key,value
        name,delta
        horizon_years,4
        tax_rate_pct,25
        depreciation,declining
        financing,lease
        purchase_years,1 2 4
        residual_pct,50
        """,
    "sites": """
        name,kind,power_limit_kw,rack_positions,electricity_usd_per_kwh,build_usd_per_kw
        hall,owned,20,12,0.12,4000
        """,
    "limits": """
        site,year,power_kw
        hall,2,90
        """,
    "inference": """
        name,model,peak_requests_per_s,mean_requests_per_s,input_tokens,output_tokens,latency_ms,percentile,max_quality_loss_pct
        answers,bert-base,9000,900,384,0,100,99,1
        """,
    "demand": """
        name,year,peak_requests_per_s
        answers,2,16000
        answers,3,22000
        """,
    "offers": """
        table,name,price_usd,available_from_year,available_to_year,price_change_pct_per_year
        nodes,l4-4,,,,
        nodes,l40s-4,,2,,-20
        fabrics,none,,,,
        racks,air-20kw,,,,
        power,transformer-100,,,,
        power,ups-50,,,,
        power,pdu-25,,,,
        cooling,crah-30,,,,
        cooling,chiller-air-50,,,,
        """,
    "prices": """
        table,name,year,price_usd
        racks,air-20kw,2,2500
        """,
    "ageing": """
        table,name,age_years,resale_pct,maintenance_pct,out_pct
        nodes,l4-4,1,60,0,0
        nodes,l4-4,6,10,3,5
        nodes,l4-4,7,5,6,10
        """,
    "existing": """
        site,table,name,units,age_years
        hall,nodes,l4-4,2,3
        """,
}
"""A hall that grows over three purchase dates: prices, demand and a grid connection by year, resale, an old node."""


def write_problem(folder: Path, tables: dict[str, str]) -> Path:
    """Write the tables as CSV files into ``folder`` and return it."""
    folder.mkdir(parents=True)
    for name, text in tables.items():
        lines = [line.strip() for line in text.strip().splitlines()]
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder
