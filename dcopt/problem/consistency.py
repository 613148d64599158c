"""What rows say together: rules across tables, one function each, each with a sentence that names the cure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from dcopt.problem import day_rules, demand_rules, rent_rules
from dcopt.problem.draft import Draft
from dcopt.problem.fabric_ports import LINK_COLUMNS, RACK_M, row_m
from dcopt.problem.findings import Finding
from dcopt.problem.parse import ParsedRow
from dcopt.problem.power_caps import LOWEST_SHARE, capped_kw
from dcopt.problem.tables.problem_rows import Settings

PRICED_TABLES = ("nodes", "storage", "racks", "power", "cooling")
_ONE_PURCHASE = "everything is bought in year 1: set purchase_years in settings.csv (such as all, or 1 4 7)"


def check_consistency(draft: Draft) -> None:
    """Add the findings of every rule; rows that are wrong in themselves are passed over."""
    for rule in RULES:
        draft.findings.extend(rule(draft))


def _years(draft: Draft) -> Iterator[Finding]:
    """Jobs and services live within the horizon."""
    horizon = draft.settings.values.get("horizon_years")
    if horizon is None:
        return
    for table in ("training", "inference"):
        for row, typed in draft.valid(table):
            if typed.begins > horizon:
                message = f"lies beyond the horizon of {horizon} years: lower it, or raise settings horizon_years"
                yield row.finding("first_year" if typed.begins == typed.first_year else "years", message)
            elif table == "training" and typed.years and int(typed.years[-1]) > horizon:
                message = f"lies beyond the horizon of {horizon} years: what comes later is not planned"
                yield row.finding("years", message, severity="warning")
            elif typed.last_year is not None and typed.last_year > horizon:
                message = f"lies beyond the horizon of {horizon} years: what comes later is not planned"
                yield row.finding("last_year", message, severity="warning")


def _one_purchase(draft: Draft) -> Iterator[Finding]:
    """Columns and tables of later purchases, where all is bought at the start."""
    settings = draft.settings.row
    if not isinstance(settings, Settings) or len(settings.purchase_dates) > 1:
        return
    for row, offer in draft.valid("offers"):
        if offer.available_from_year > 1:
            yield row.finding("available_from_year", f"{_ONE_PURCHASE}, or leave the offer out")
        if offer.price_change_pct_per_year != 0:
            yield row.finding("price_change_pct_per_year", f"{_ONE_PURCHASE}, or leave it blank")
    for row, existing in draft.valid("existing"):
        if existing.age_years:
            yield row.finding("age_years", f"{_ONE_PURCHASE}, or leave it blank")
    for table in ("prices", "ageing", "limits", "moves"):
        for row, _ in draft.valid(table):
            yield row.finding(None, f"{_ONE_PURCHASE}, or leave the table out")


def _offers(draft: Draft) -> Iterator[Finding]:
    """An offer is one that its sites can take up: owned sites buy, cloud sites rent."""
    sites = draft.typed("sites")
    tables = {name: draft.typed(name) for name in PRICED_TABLES}
    for row, offer in draft.valid("offers"):
        if offer.min_units is not None and offer.max_units is not None and offer.min_units > offer.max_units:
            yield row.finding("min_units", f"must not exceed max_units ({offer.max_units}): lower it")
        if offer.table not in PRICED_TABLES:
            if offer.price_usd is not None:
                message = f"rows of {offer.table} have no price of their own: leave it blank"
                yield row.finding("price_usd", message)
            continue
        item = tables[offer.table].get(offer.name)
        kinds = {site.kind for name, site in sites.items() if offer.site in (None, name)}
        if item is not None and kinds and (offer.site is not None or draft.is_sound("sites")):
            yield from _offer_at(row, offer, item, kinds)


def _offer_at(row: ParsedRow, offer: Any, item: Any, kinds: set[str]) -> Iterator[Finding]:
    where = f"at the site '{offer.site}'" if offer.site else "at any site"
    if kinds == {"cloud"}:
        if offer.price_usd is not None:
            message = (
                f"nothing is bought {where}, which is a cloud site: leave the price blank; rents are in {offer.table}"
            )
            yield row.finding("price_usd", message)
        if offer.table in ("nodes", "storage"):
            column = "rent_usd_per_hour" if offer.table == "nodes" else "rent_usd_per_tb_month"
            if getattr(item, column) is None:
                message = (
                    f"has no {column} in {offer.table}, so it cannot be rented {where}: "
                    "give it a rent, or offer it elsewhere"
                )
                yield row.finding("name", message)
        else:
            message = f"is not needed {where}, where the rent includes it: the offer has no effect"
            yield row.finding("name", message, severity="warning")
        return
    price = item.price_usd if offer.price_usd is None else offer.price_usd
    if price is None and ("cloud" not in kinds or not _has_rent(item)):
        message = f"has no price in {offer.table} or here, so it cannot be bought {where}: fill in price_usd"
        yield row.finding("price_usd", message)
    if price is not None and offer.table == "nodes":
        lacking = [name for name in ("max_kw", "rack_units") if getattr(item, name) is None]
        if lacking:
            message = f"has no {' and no '.join(lacking)} in nodes, which a node that is bought needs: add them there"
            yield row.finding("name", message)


def _has_rent(item: Any) -> bool:
    return getattr(item, "rent_usd_per_hour", getattr(item, "rent_usd_per_tb_month", None)) is not None


def _existing(draft: Draft) -> Iterator[Finding]:
    """Equipment stands at sites that are not rented."""
    sites = draft.typed("sites")
    nodes = draft.typed("nodes")
    for row, existing in draft.valid("existing"):
        site, node = sites.get(existing.site), nodes.get(existing.name)
        if site is not None and site.kind == "cloud":
            yield row.finding("site", "is a cloud site, where nothing of yours stands: name another site")
        if existing.table == "nodes" and node is not None:
            for name in ("max_kw", "rack_units"):
                if getattr(node, name) is None:
                    yield row.finding(
                        "name", f"has no {name} in nodes, which a node that stands somewhere needs: add it there"
                    )


def _datasets(draft: Draft) -> Iterator[Finding]:
    """There are as many sites as copies."""
    for row, dataset in draft.valid("datasets"):
        allowed = len(dataset.sites or draft.tables["sites"])
        if dataset.min_copies > allowed and draft.is_sound("sites"):
            message = f"only {allowed} site(s) may hold a copy: lower it, or allow more sites"
            yield row.finding("min_copies", message)


def _origins(draft: Draft) -> Iterator[Finding]:
    """Where data has an origin, links lead from there to the sites that are to have a copy."""
    if not draft.is_sound("wan", "sites"):
        return
    links = {(link.from_site, link.to_site) for _, link in draft.valid("wan")}
    for row, dataset in draft.valid("datasets"):
        if dataset.origin is None or dataset.origin not in draft.tables["sites"]:
            continue
        allowed = dataset.sites or tuple(draft.tables["sites"])
        reached = [site for site in allowed if site == dataset.origin or (dataset.origin, site) in links]
        if len(reached) < dataset.min_copies or (dataset.sites and len(reached) < len(allowed)):
            lacking = [site for site in allowed if site not in reached]
            message = f"no link leads from '{dataset.origin}' to {', '.join(lacking)}: add it to wan.csv"
            severity = "error" if len(reached) < dataset.min_copies else "warning"
            yield row.finding("origin", message, severity=severity)


def _something_to_choose(draft: Draft) -> Iterator[Finding]:
    """Each workload has nodes and software to choose from, and each facility its parts."""
    if not draft.tables["nodes"] and draft.is_sound("nodes"):
        message = (
            "there are no nodes to choose from: add rows, or use the shipped catalogue (settings catalog = default)"
        )
        yield Finding("error", draft.files["nodes"], message)
    for table, role in (("training", "training"), ("inference", "serving")):
        first = next(iter(draft.tables[table].values()), None)
        if first is None or not draft.is_sound("software", "offers"):
            continue
        if not any(software.role == role for software in _offered(draft, "software", None)):
            message = f"no software of the role '{role}' may be used: add a row to software.csv, or offer one"
            yield first.finding(None, message)


def _plant(draft: Draft) -> Iterator[Finding]:
    """A site that builds its own plant can get every part of it."""
    if not draft.is_sound("power", "cooling", "racks", "offers", "existing"):
        return
    for row, site in draft.valid("sites"):
        if site.kind not in ("owned", "edge"):
            continue
        roles = {part.role for part in _offered(draft, "power", row.key)}
        kinds = {unit.kind for unit in _offered(draft, "cooling", row.key)}
        lacking = [f"power part of the role '{role}'" for role in ("transformer", "ups", "pdu") if role not in roles]
        if "heat-rejection" not in kinds:
            lacking.append("cooling unit of the kind 'heat-rejection'")
        if not kinds - {"heat-rejection"}:
            lacking.append("cooling unit that takes heat from racks")
        if not _offered(draft, "racks", row.key):
            lacking.append("rack")
        ups = [part for part in _offered(draft, "power", row.key) if part.role == "ups"]
        if site.ups_minutes > 0 and ups and not any(part.battery_minutes for part in ups):
            message = "no UPS that can be had here states battery_minutes: fill it in in power.csv, or ask for 0"
            yield row.finding("ups_minutes", message)
        for what in lacking:
            message = f"no {what} can be had at this site: offer one in offers.csv, or add one to the catalogue tables"
            yield row.finding("name", message, severity="warning")


def _power_caps(draft: Draft) -> Iterator[Finding]:
    """A cap of the problem's own leaves a node the power that it needs, and not less than was ever measured."""
    nodes = draft.typed("nodes")
    for row, cap in draft.valid("power_caps"):
        if row.file.startswith("catalog/"):
            continue
        of_chip = [node for node in nodes.values() if node.accelerator == cap.accelerator and node.max_kw is not None]
        short = [node.name for node in of_chip if capped_kw(node, cap) <= node.standby_kw]
        deep = [node.name for node in of_chip if capped_kw(node, cap) < LOWEST_SHARE * node.max_kw]
        if short:
            message = f"leaves {', '.join(short)} no more power than when idle: lower it"
            yield row.finding("saved_kw", message)
        elif deep:
            message = f"leaves {', '.join(deep)} less than {100 * LOWEST_SHARE:g} % of the power: is that meant?"
            yield row.finding("saved_kw", message, severity="warning")


def _tariffs(draft: Draft) -> Iterator[Finding]:
    """The bands of a site do not overlap, and cloud sites have none."""
    sites = draft.typed("sites")
    seen: dict[tuple[str, int], int] = {}
    for row, tariff in draft.valid("tariffs"):
        site = sites.get(tariff.site)
        if site is not None and site.kind == "cloud":
            yield row.finding("site", "is a cloud site, whose rent includes energy: name another site")
        for hour in tariff.hours:
            if (tariff.site, hour) in seen:
                other = seen[tariff.site, hour]
                message = f"covers hour {hour}, which the band from {other} covers too: let bands follow each other"
                yield row.finding("from_hour", message)
                break
            seen[tariff.site, hour] = tariff.from_hour


def _building(draft: Draft) -> Iterator[Finding]:
    """Halls, solar and adders stand where they can."""
    sites = draft.typed("sites")
    for table, kinds in (("halls", ("owned", "edge")), ("solar", ("owned", "edge")), ("adders", ("cloud",))):
        for row, item in draft.valid(table):
            site = sites.get(item.site) if item.site else None
            if site is not None and (site.kind in kinds) == (table == "adders"):
                yield row.finding("site", f"is a site of kind '{site.kind}', which can have none: name another site")


def _offered(draft: Draft, table: str, site: str | None) -> list[Any]:
    """Return the rows of a table that may be used at a site (None: at any), as offers and existing rows leave them."""
    rows = draft.typed(table)
    offers = [row.values for row in draft.tables["offers"].values() if row.values.get("table") == table]
    if not offers:
        return list(rows.values())
    there = [row.values for row in draft.tables["existing"].values() if row.values.get("table") == table]
    names = {values["name"] for values in offers if site is None or values["site"] in (None, site)}
    names |= {values["name"] for values in there if site in (None, values["site"])}
    return [row for name, row in rows.items() if name in names]


def _fabrics(draft: Draft) -> Iterator[Finding]:
    """The cables of a fabric speak what its switch speaks and reach as far as they are meant to."""
    switches, links = draft.typed("switches"), draft.typed("links")
    racks = draft.settings.values.get("racks_per_row") or 0
    for row, fabric in draft.valid("fabrics"):
        switch = switches.get(fabric.switch)
        if switch is None:
            continue
        for column in LINK_COLUMNS:
            link = links.get(getattr(fabric, column))
            if link is not None and link.technology != switch.technology:
                message = (
                    f"carries {link.technology} and the switch '{switch.name}' speaks {switch.technology}: "
                    "name a cable of that technology"
                )
                yield row.finding(column, message)
        for column, longest, where in (
            ("rack_link", RACK_M, "within a rack"),
            ("row_link", row_m(racks), f"along a row of {racks} racks"),
        ):
            link = links.get(getattr(fabric, column))
            if link is not None and link.max_m is not None and link.max_m < longest:
                message = f"reaches {link.max_m:g} m, and a run {where} takes up to {longest:g} m: name a longer cable"
                yield row.finding(column, message)


def _side_networks(draft: Draft) -> Iterator[Finding]:
    """The cables of a network beside the fabric speak what its switch speaks and bring their ends."""
    switches, links = draft.typed("switches"), draft.typed("links")
    for row, network in draft.valid("networks"):
        switch = switches.get(network.switch)
        for column in ("access_link", "trunk_link"):
            link = links.get(getattr(network, column))
            if link is None or switch is None:
                continue
            if link.technology != switch.technology:
                message = (
                    f"carries {link.technology} and the switch '{switch.name}' speaks {switch.technology}: "
                    "name a cable of that technology"
                )
                yield row.finding(column, message)
            if link.transceiver is not None:
                yield row.finding(column, "takes transceivers: name a cable that brings its ends")


def _lengths(draft: Draft) -> Iterator[Finding]:
    """Sequences and requests fit the model that reads them."""
    for row, job in draft.valid("training"):
        model = draft.models.get(job.model)
        if model is None:
            continue
        if job.sequence_length is None and model.default_tokens < 1:
            yield row.finding("sequence_length", f"the model '{job.model}' states no length of its own: fill it in")
        elif job.sequence_length is not None and model.learned_positions and job.sequence_length > model.max_positions:
            message = f"the model '{job.model}' has {model.max_positions} positions: lower it"
            yield row.finding("sequence_length", message)
    for row, service in draft.valid("inference"):
        model = draft.models.get(service.model)
        if model is not None:
            yield from _service_lengths(row, service, model)


def _service_lengths(row: ParsedRow, service: Any, model: Any) -> Iterator[Finding]:
    if service.input_tokens is None and model.kind != "vision":
        yield row.finding("input_tokens", "is blank: say how many tokens a request has (only images have their own)")
    if service.output_tokens > 0 and not model.generates:
        message = f"the model '{service.model}' is an encoder, which generates nothing: write 0 and promise latency_ms"
        yield row.finding("output_tokens", message)
    longest = (service.input_tokens or 0) + (service.output_tokens if model.generates else 0)
    if model.kind != "vision" and longest > model.max_positions:
        message = (
            f"input and output together have {longest} tokens and the model '{service.model}' "
            f"takes {model.max_positions}: check the lengths"
        )
        severity = "error" if model.learned_positions else "warning"
        yield row.finding("input_tokens", message, severity=severity)
    if service.ttft_ms is None and service.tpot_ms is None and service.latency_ms is None:
        message = "nothing is promised (ttft_ms, tpot_ms, latency_ms are blank): any speed will do; is that meant?"
        yield row.finding("latency_ms", message, severity="warning")


RULES: tuple[Callable[[Draft], Iterator[Finding]], ...] = (
    _years,
    _one_purchase,
    _offers,
    _existing,
    _datasets,
    _origins,
    _something_to_choose,
    _plant,
    _power_caps,
    _tariffs,
    _building,
    _fabrics,
    _side_networks,
    _lengths,
    *day_rules.RULES,
    *rent_rules.RULES,
    *demand_rules.RULES,
)
"""The rules, in the order in which they are applied."""
