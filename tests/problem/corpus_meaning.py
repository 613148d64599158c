"""Bad input that shows in what is meant: rows, references, and rows together."""

from __future__ import annotations

from corpus_base import Mutation, append, both, broken, drop, put, swap

_H100 = "nodes,dgx-h100,oslo,300000,8,,,"


def _fabric(columns: str, cells: str) -> Mutation:
    """Add a fabric of 400 Gbit/s InfiniBand with some cells changed."""
    head = "name,switch,access_link,trunk_link," + columns
    return put("fabrics.csv", f"{head}\nnet,qm9790-ndr,ndr400-mm50,ndr400-sm500,{cells}\n".encode())


ROWS = [
    broken(
        "torus",
        _fabric("topology", "torus"),
        "fabrics.csv",
        2,
        "topology",
        "is not known",
        "rail-optimized",
    ),
    broken(
        "oversubscribed-single-switch",
        _fabric("topology,oversubscription", "single-switch,2"),
        "fabrics.csv",
        2,
        "oversubscription",
        "a single switch has no uplinks",
    ),
    broken(
        "undersubscribed",
        _fabric("topology,oversubscription", "fat-tree,0.5"),
        "fabrics.csv",
        2,
        "oversubscription",
        "a number ≥ 1",
    ),
    broken(
        "no-topology", _fabric("latency_us", "4"), "fabrics.csv", 2, "topology", "needed for a fabric with a switch"
    ),
    broken("four-tiers", _fabric("topology,max_tiers", "fat-tree,4"), "fabrics.csv", 2, "max_tiers", "3"),
    broken(
        "one-port-switch",
        put(
            "switches.csv",
            b"name,technology,ports,port_gbps,max_kw,rack_units,price_usd\nstub,ethernet,1,400,0.1,1,900\n",
        ),
        "switches.csv",
        2,
        "ports",
        "≥ 2",
    ),
    broken(
        "uneven-rails",
        put(
            "nodes.csv",
            b"name,accelerator,accelerators,max_kw,rack_units,price_usd,nics,nic_gbps,rails\n"
            b"mine,h100-sxm,8,10.2,8,250000,8,400,3\n",
        ),
        "nodes.csv",
        2,
        "rails",
        "must divide the ports of the node",
    ),
    broken(
        "owned-without-power",
        swap("sites.csv", ",500,", ",,"),
        "sites.csv",
        3,
        "power_limit_kw",
        "required at a site of kind 'owned'",
    ),
    broken(
        "tokens-or-samples", swap("training.csv", "1e10", ""), "training.csv", 2, "tokens", "either tokens or samples"
    ),
    broken(
        "mean-above-peak",
        swap("inference.csv", "20,8", "20,80"),
        "inference.csv",
        2,
        "mean_requests_per_s",
        "must not exceed",
    ),
    broken(
        "encoder-with-tpot",
        swap("inference.csv", "128,0,,,50", "128,0,,5,50"),
        "inference.csv",
        3,
        "output_tokens",
        "must generate",
    ),
    broken(
        "sold-without-rack-units",
        swap("nodes.csv", "10.2,8,", "10.2,,"),
        "nodes.csv",
        2,
        "rack_units",
        "needed for a node that has a price",
    ),
    broken(
        "odd-replica-size",
        swap("nodes.csv", "1 2 4", "1 3"),
        "nodes.csv",
        2,
        "replica_sizes",
        "3 is not a power of two",
    ),
    broken(
        "unknown-setting",
        swap("settings.csv", "horizon_years", "horizon"),
        "settings.csv",
        3,
        "key",
        "not a setting",
        "did you mean 'horizon_years'",
    ),
    broken(
        "setting-twice", append("settings.csv", "name,other,"), "settings.csv", 5, "key", "stands already in line 2"
    ),
    broken(
        "setting-out-of-range",
        swap("settings.csv", "years,5", "years,50"),
        "settings.csv",
        3,
        "horizon_years",
        "too high",
        "≤ 30",
    ),
]

REFERENCES = [
    broken(
        "unknown-site",
        swap("training.csv", "books,oslo", "books,olso"),
        "training.csv",
        2,
        "sites",
        "no row 'olso'",
        "did you mean 'oslo'",
    ),
    broken(
        "unknown-dataset",
        swap("training.csv", "fp16,books", "fp16,book"),
        "training.csv",
        2,
        "dataset",
        "no row 'book'",
        "did you mean 'books'",
    ),
    broken(
        "unknown-node-offered",
        append("offers.csv", "nodes,dgx-h1000,,,,,,"),
        "offers.csv",
        5,
        "name",
        "no row 'dgx-h1000' in the table nodes",
        "did you mean 'dgx-h100'",
    ),
    broken(
        "unknown-existing",
        swap("existing.csv", "dgx-a100-80", "dgx-a1000"),
        "existing.csv",
        2,
        "name",
        "no row 'dgx-a1000'",
        "did you mean",
    ),
    broken(
        "unknown-chip",
        swap("nodes.csv", "h100-sxm", "h100-smx"),
        "nodes.csv",
        2,
        "accelerator",
        "no row 'h100-smx'",
        "did you mean 'h100-sxm'",
    ),
    broken(
        "unknown-region",
        swap("inference.csv", ",50,,europe", ",50,,europa"),
        "inference.csv",
        2,
        "region",
        "no region 'europa'",
        "did you mean 'europe'",
    ),
    broken(
        "unreached-site",
        swap("regions.csv", "europe,rented", "asia,rented"),
        "inference.csv",
        2,
        "region",
        "no round trip from 'europe' to rented",
    ),
    broken(
        "unknown-model",
        swap("inference.csv", "llama-3.1-8b", "llama-3-8b"),
        "inference.csv",
        2,
        "model",
        "not a known model",
        "did you mean 'llama-3.1-8b'",
    ),
    broken(
        "missing-model-file",
        swap("inference.csv", "llama-3.1-8b", "mine/config.json"),
        "inference.csv",
        2,
        "model",
        "no file",
        "correct the path",
    ),
    broken(
        "broken-model-file",
        both(put("models/bad/config.json", b"{oops"), swap("inference.csv", "llama-3.1-8b", "bad")),
        "inference.csv",
        2,
        "model",
        "config.json",
        "JSON",
    ),
    broken(
        "unknown-architecture",
        both(put("models/bad/config.json", b'{"model_type": "mamba"}'), swap("inference.csv", "llama-3.1-8b", "bad")),
        "inference.csv",
        2,
        "model",
        "mamba",
    ),
]

TOGETHER = [
    broken(
        "ethernet-cable-on-infiniband",
        _fabric("topology,hall_link", "fat-tree,eth400-sm500"),
        "fabrics.csv",
        2,
        "hall_link",
        "the switch 'qm9790-ndr' speaks infiniband",
    ),
    broken(
        "copper-along-a-row",
        _fabric("topology,row_link", "fat-tree,ndr400-dac-2"),
        "fabrics.csv",
        2,
        "row_link",
        "reaches 2 m",
        "name a longer cable",
    ),
    broken(
        "beyond-horizon",
        swap("training.csv", "64,1,bf16,,,1", "64,1,bf16,,,9"),
        "training.csv",
        3,
        "first_year",
        "beyond the horizon of 5 years",
    ),
    broken(
        "later-offer",
        swap("offers.csv", _H100, "nodes,dgx-h100,oslo,300000,8,,3,"),
        "offers.csv",
        2,
        "available_from_year",
        "years of purchase are not decided yet",
    ),
    broken(
        "price-change",
        swap("offers.csv", _H100, "nodes,dgx-h100,oslo,300000,8,,,-10"),
        "offers.csv",
        2,
        "price_change_pct_per_year",
        "years of purchase are not decided yet",
    ),
    broken(
        "aged-kit",
        swap("existing.csv", "a100-80,2,", "a100-80,2,3"),
        "existing.csv",
        2,
        "age_years",
        "years of purchase are not decided yet",
    ),
    broken(
        "min-above-max",
        swap("offers.csv", _H100, "nodes,dgx-h100,oslo,300000,8,9,,"),
        "offers.csv",
        2,
        "min_units",
        "must not exceed max_units (8)",
    ),
    broken(
        "price-at-cloud-site",
        swap("offers.csv", "nodes,dgx-h100,rented,,", "nodes,dgx-h100,rented,5,"),
        "offers.csv",
        3,
        "price_usd",
        "nothing is bought",
        "cloud site",
    ),
    broken(
        "no-rent",
        append("offers.csv", "nodes,mine,rented,,,,,"),
        "offers.csv",
        5,
        "name",
        "no rent_usd_per_hour",
        "cannot be rented",
    ),
    broken(
        "no-price", swap("nodes.csv", "250000", ""), "offers.csv", 4, "price_usd", "has no price", "fill in price_usd"
    ),
    broken(
        "priced-fabric",
        append("offers.csv", "fabrics,none,,5,,,,"),
        "offers.csv",
        5,
        "price_usd",
        "no price of their own",
    ),
    broken(
        "kit-at-cloud-site",
        swap("existing.csv", "oslo,nodes", "rented,nodes"),
        "existing.csv",
        2,
        "site",
        "is a cloud site",
    ),
    broken("too-many-copies", swap("datasets.csv", "text,1", "text,2"), "datasets.csv", 2, "min_copies", "only 1 site"),
    broken(
        "encoder-that-generates",
        swap("inference.csv", "llama-3.1-8b", "bert-base"),
        "inference.csv",
        2,
        "output_tokens",
        "encoder",
        "write 0",
    ),
    broken(
        "blank-input-tokens",
        swap("inference.csv", "8,500", "8,"),
        "inference.csv",
        2,
        "input_tokens",
        "how many tokens",
    ),
    broken(
        "request-too-long", swap("inference.csv", ",128,", ",700,"), "inference.csv", 3, "input_tokens", "takes 512"
    ),
    broken(
        "sequence-too-long",
        swap("training.csv", "1e8,512", "1e8,2048"),
        "training.csv",
        3,
        "sequence_length",
        "512 positions",
    ),
    broken(
        "nothing-to-run",
        both(drop("training.csv"), drop("inference.csv")),
        "training.csv",
        None,
        None,
        "something to run",
        "inference.csv",
    ),
    broken(
        "no-software",
        append("offers.csv", "software,vllm,,,,,,"),
        "training.csv",
        2,
        None,
        "no software of the role 'training'",
    ),
]
