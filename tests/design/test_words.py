"""What a design runs, in words: what differs between years names its years."""

from __future__ import annotations

from functools import cache

from small import design_of, job, owned_site, service

from dcopt.design.records import Design
from dcopt.design.words import runs_in_words


@cache
def design() -> Design:
    return design_of(owned_site([job()], [service()]).set(horizon_years=3), 1e-3)


def test_what_is_the_same_in_all_years_names_none() -> None:
    (phrase,) = runs_in_words(design(), "learn")
    assert "year" not in phrase


def with_replicas(found: Design, counts: dict[int, int]) -> Design:
    services = [record.model_copy(update={"replicas": counts[record.year]}) for record in found.inference]
    return found.model_copy(update={"inference": tuple(services)})


def test_replicas_that_grow_in_number_are_counted_by_year() -> None:
    (phrase,) = runs_in_words(with_replicas(design(), {1: 2, 2: 2, 3: 5}), "chat")
    assert phrase.startswith("2 (years 1 to 2) and 5 (year 3) replicas of ")
    (phrase,) = runs_in_words(with_replicas(design(), {1: 2, 2: 4, 3: 5}), "chat")
    assert phrase.startswith("2 (year 1), 4 (year 2) and 5 (year 3) replicas of ")


def test_a_part_of_some_years_names_them() -> None:
    found = design()
    moved = [record.model_copy(update={"site": "rome"}) if record.year == 3 else record for record in found.training]
    phrases = runs_in_words(found.model_copy(update={"training": tuple(moved)}), "learn")
    assert [phrase.rpartition(" (")[2] for phrase in phrases] == ["years 1 to 2)", "year 3)"]


def test_one_replica_is_one() -> None:
    (phrase,) = runs_in_words(with_replicas(design(), {1: 1, 2: 1, 3: 1}), "chat")
    assert phrase.startswith("1 replica of ")
