"""Why a design is as it is, in plain lines: the promises, what binds, what lost."""

from __future__ import annotations

from dcopt.design.records import Design


def explain_design(design: Design) -> str:
    """Return the explanation of a design, or the diagnosis of a problem without one."""
    if design.status in ("infeasible", "no_solution"):
        word = "no design exists" if design.status == "infeasible" else "no design was found"
        return "\n".join([f"{design.problem}: {word}", *(f"  - {line}" for line in design.diagnosis)])
    lines = [f"{design.problem}: {design.status}, TCO {design.tco_usd or 0:,.0f} USD"]
    lines += ["", "What binds:"]
    lines += [f"  {b.row} ({b.used_pct:.1f} % used): {b.sentence}" for b in design.binding] or ["  no limit is used up"]
    lines += ["", "Why these candidates:"]
    for job in {record.job: record for record in design.training}.values():
        parts = sorted(job.breakdown_s.items(), key=lambda item: -item[1])
        least = 0.005 * job.step_s
        shares = ", ".join(f"{name} {seconds / job.step_s:.0%}" for name, seconds in parts if seconds > least)
        lines.append(
            f"  {job.job}: {job.nodes} × {job.node} on {job.fabric}, {job.days:.4g} of {job.deadline_days:g} days; "
            f"a step of {job.step_s:.4g} s is {shares}; in production {job.production_factor:g} times that, "
            f"and {job.goodput:.1%} of the time makes progress"
        )
        lines += _losers(design, job.job)
    for name in dict.fromkeys(record.service for record in design.inference):
        for part in [r for r in design.inference if r.service == name and r.year == design.inference[0].year]:
            lines.append(
                f"  {name}: {part.replicas} replicas of {part.accelerators_per_replica} on {part.node} "
                f"({part.compression}, {part.software}), {part.latency_ms:.4g} ms at p{part.percentile:g}, "
                f"{part.utilization:.0%} of what they carry within the promises"
            )
        lines += _losers(design, name)
    if design.baseline is not None:
        base = design.baseline
        lines += ["", f"One node and fabric everywhere ({base.node}, {base.fabric}): {base.tco_usd:,.0f} USD"]
        lines[-1] += f", {base.saving_usd:,.0f} more"
    return "\n".join(lines)


def _losers(design: Design, workload: str) -> list[str]:
    return [
        f"    not {r.node} on {r.fabric} at {r.site}: {r.description}; {r.reason}"
        for r in design.rejected
        if r.workload == workload
    ]
