"""The candidates of several epochs as one: what some epoch could use, for whoever asks about the whole horizon."""

from __future__ import annotations

from dataclasses import replace

from dcopt.candidates.records import Candidates, Period, Pool, ServingCandidate, TrainingCandidate, Verdict


def together(epochs: tuple[Candidates, ...]) -> Candidates:
    """Return everything that some epoch selects from, each thing once, with ``epochs`` as they are.

    A pool is as large as in the epoch in which it may be largest; a workload that runs in some epoch without a
    candidate there has none (the pre-check says why).
    """
    pools: dict[str, Pool] = {}
    training: dict[str, tuple[TrainingCandidate, ...]] = {}
    serving: dict[str, tuple[ServingCandidate, ...]] = {}
    verdicts: dict[tuple[str, str, str, str], Verdict] = {}
    periods: list[Period] = []
    for part in epochs:
        for period in part.periods:
            periods.append(replace(period, index=len(periods)))
        for key, pool in part.pools.items():
            if key not in pools or pool.max_nodes > pools[key].max_nodes:
                pools[key] = pool
        for name, runs in part.training.items():
            training[name] = () if training.get(name) == () else (*training.get(name, ()), *runs)
        for name, replicas in part.serving.items():
            serving[name] = () if serving.get(name) == () else (*serving.get(name, ()), *replicas)
        for verdict in part.verdicts:
            verdicts[verdict.workload, verdict.site, verdict.node, verdict.fabric] = verdict
    return Candidates(
        periods=tuple(periods),
        pools=pools,
        facilities={key: part.facilities[key] for part in epochs for key in part.facilities},
        training=training,
        serving=serving,
        items=tuple({item.key: item for part in epochs for item in part.items}.values()),
        storage_options={key: of for part in epochs for key, of in part.storage_options.items()},
        codecs={key: of for part in epochs for key, of in part.codecs.items()},
        sites={key: of for part in epochs for key, of in part.sites.items()},
        verdicts=list(verdicts.values()),
        epochs=epochs,
    )
