"""Streams of requests for a simulation: Poisson arrivals with fixed or lognormal lengths, or a recorded trace."""

from __future__ import annotations

import math

import numpy as np

from dcopt.performance.simulation_records import Floats, Requests


def poisson_requests(count: int, requests_per_s: float, seed: int, length_cv: float = 0.0) -> Requests:
    """Return ``count`` requests with Poisson arrivals.

    Parameters
    ----------
    requests_per_s: arrival rate. seed: the same seed gives the same stream; times scale with the rate alone, so two
        rates are compared on the same numbers. length_cv: standard deviation ÷ mean of the lognormal lengths of
        prompts and answers, drawn apart (0: all alike).

    Raises
    ------
    ValueError: no request, or a rate that is not positive.
    """
    if count < 1 or not requests_per_s > 0:
        raise ValueError("a positive number of requests and a positive rate are needed")
    times, inputs, outputs = (np.random.Generator(np.random.PCG64([seed, part])) for part in range(3))
    arrivals = np.cumsum(times.exponential(1.0, count)) / requests_per_s
    return Requests(arrivals, _lengths(inputs, count, length_cv), _lengths(outputs, count, length_cv))


def _lengths(source: np.random.Generator, count: int, cv: float) -> Floats:
    """Return lengths as shares of their mean."""
    if cv <= 0:
        return np.ones(count)
    spread = math.sqrt(math.log1p(cv * cv))
    return source.lognormal(-0.5 * spread * spread, spread, count)


def busiest_minute_rate(arrivals_s: Floats) -> float:
    """Return the requests/s of the 60 s in which most arrive (of all, where they span less)."""
    if len(arrivals_s) < 2:
        raise ValueError("a trace needs at least two requests")
    span = float(arrivals_s[-1] - arrivals_s[0])
    if span <= 60.0:
        return (len(arrivals_s) - 1) / max(span, 1e-9)
    ends = np.searchsorted(arrivals_s, arrivals_s + 60.0, side="left")
    return float((ends - np.arange(len(arrivals_s))).max()) / 60.0


def traced_requests(
    timestamps_s: Floats,
    input_tokens: Floats,
    output_tokens: Floats,
    mean_input: float,
    mean_output: float,
    requests_per_s: float,
    count: int,
) -> Requests:
    """Return ``count`` requests of a recorded trace whose busiest minute has ``requests_per_s``.

    Time is scaled, the order and the lengths are kept, and the trace is repeated where it is shorter.

    Parameters
    ----------
    timestamps_s: when each request came (any origin, any order). input_tokens, output_tokens: its lengths.
    mean_input, mean_output: tokens of the service's mean request, of which the shares are taken (0: no answer).
    """
    order = np.argsort(timestamps_s, kind="stable")
    times = timestamps_s[order] - timestamps_s[order[0]]
    times = times * (busiest_minute_rate(times) / requests_per_s)
    rounds = -(-count // len(times))
    length = float(times[-1]) + float(np.diff(times).mean())
    arrivals = np.concatenate([times + length * number for number in range(rounds)])[:count]
    inputs = np.tile(input_tokens[order] / mean_input, rounds)[:count]
    outputs = np.tile(output_tokens[order] / mean_output if mean_output else np.ones(len(times)), rounds)[:count]
    return Requests(arrivals, inputs, outputs)
