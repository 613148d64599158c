"""A replica's layout as the plain numbers that a design states, and back."""

from __future__ import annotations

from typing import TypedDict

from dcopt.performance.serving_records import Disaggregated, Layout, ReplicaLayout
from dcopt.problem.model_config import ModelConfig

AGGREGATED, DISAGGREGATED = "aggregated", "disaggregated"


class LayoutColumns(TypedDict):
    """A layout as columns.

    ``tensor``, ``pipeline``, ``expert`` and ``attention_data`` are those of the replica, or of a decode worker of a
    disaggregated group; ``prefill_workers``, ``prefill_tensor``, ``prefill_attention_data`` and ``decode_workers`` are
    0 where prompts and answers share the chips, which ``mode`` says.
    """

    tensor: int
    pipeline: int
    expert: int
    attention_data: int
    mode: str
    prefill_workers: int
    prefill_tensor: int
    prefill_attention_data: int
    decode_workers: int


def layout_columns(layout: Layout) -> LayoutColumns:
    """Return the columns of a layout."""
    if isinstance(layout, Disaggregated):
        worker, mode = layout.decode, DISAGGREGATED
        readers, reader, writers = layout.prefill_workers, layout.prefill, layout.decode_workers
        group = (readers, reader.tensor, reader.attention_data, writers)
    else:
        worker, mode, group = layout, AGGREGATED, (0, 0, 0, 0)
    return LayoutColumns(
        tensor=worker.tensor,
        pipeline=worker.pipeline,
        expert=worker.expert,
        attention_data=worker.attention_data,
        mode=mode,
        prefill_workers=group[0],
        prefill_tensor=group[1],
        prefill_attention_data=group[2],
        decode_workers=group[3],
    )


def layout_from(columns: LayoutColumns, model: ModelConfig) -> Layout:
    """Return the layout that columns describe; prefill workers spread experts over all their chips.

    Raises `ValueError` where they describe none.
    """
    worker = ReplicaLayout(columns["tensor"], columns["pipeline"], columns["expert"], columns["attention_data"])
    if min(worker.tensor, worker.pipeline, worker.expert, worker.attention_data) < 1:
        raise ValueError(f"a layout of {worker} does not exist")
    group = (
        columns["prefill_workers"],
        columns["prefill_tensor"],
        columns["prefill_attention_data"],
        columns["decode_workers"],
    )
    if columns["mode"] == AGGREGATED:
        if any(group):
            raise ValueError("an aggregated replica has no prefill and decode workers")
        return worker
    if columns["mode"] != DISAGGREGATED or min(group) < 1:
        raise ValueError(f"no mode '{columns['mode']}' of {group} exists")
    readers, tensor, groups, writers = group
    prefill = ReplicaLayout(tensor, 1, tensor * groups if model.experts else 1, groups)
    return Disaggregated(prefill, readers, worker, writers)
