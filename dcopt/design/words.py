"""How a design runs a workload, in words."""

from __future__ import annotations

from dcopt.design.records import Design, ServiceRecord, TrainingRecord


def runs_in_words(design: Design, workload: str) -> tuple[str, ...]:
    """Return how ``design`` runs a job or service: a phrase for each part of it, the same in several years once."""
    jobs = {_job(record): None for record in design.training if record.job == workload}
    services = {_service(record): None for record in design.inference if record.service == workload}
    return (*jobs, *services)


def _job(record: TrainingRecord) -> str:
    nodes = "1 node" if record.nodes == 1 else f"{record.nodes} nodes"
    on = "" if record.fabric == "none" or record.nodes == 1 else f" on {record.fabric}"
    return (
        f"{nodes} of {record.node}{on} at {record.site} in {record.precision} with {record.software}, "
        f"{record.days:.3g} of {record.deadline_days:g} days"
    )


def _service(record: ServiceRecord) -> str:
    each = record.accelerators_per_replica
    replicas = "1 replica" if record.replicas == 1 else f"{record.replicas} replicas"
    return (
        f"{replicas} of {each} chip{'' if each == 1 else 's'} on {record.node} at {record.site} as "
        f"{record.compression} with {record.software}"
    )
