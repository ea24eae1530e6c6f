"""How many workers train a study, and how many a comparison ever had."""

from __future__ import annotations

from dataclasses import replace
from math import ceil

from hpsearch.engines import Engine
from hpsearch.engines.policy.capacity import Capacity
from hpsearch.report.words.numbers import amount
from hpsearch.spec import StudySpec
from hpsearch.spec.sections.engine import MAX_WORKERS, WorkerCount
from hpsearch.store.resolved import Resolved


def worker_count(asked: WorkerCount | None, spec: StudySpec, engine: Engine) -> tuple[int, str | None]:
    """Return how many workers train a study, and in a sentence why, where that was chosen.

    Args:
        asked: What the command asks for; None for what the study file says, and then for what is usual.
        spec: The spec that the experiment runs by.
        engine: The engine, which knows how many there is room for.
    """
    given = asked or engine.needs.workers or engine.usual_workers
    if given != "auto":
        return given, None
    chosen = min((engine.capacity(), *_useful(spec)), key=lambda one: one.workers)
    return chosen.workers, f"workers: {chosen.workers}, because {chosen.reason}"


def _useful(spec: StudySpec) -> tuple[Capacity, ...]:
    width = spec.search.width or 1
    together = f", of which a worker trains {width} side by side" if width > 1 else ""
    trials = (
        f"there {'is' if spec.search.trials == 1 else 'are'} {amount(spec.search.trials, 'trial')}{together}"
    )
    return Capacity(ceil(spec.search.trials / width), trials), Capacity(MAX_WORKERS, "there are never more")


def with_workers(resolved: Resolved, workers: int) -> Resolved:
    """Note for a comparison the most workers that it ever had: what its seconds mean depends on that."""
    if resolved.kind != "comparison":
        return resolved
    most = max(workers, resolved.decisions.workers or workers)
    return replace(resolved, decisions=replace(resolved.decisions, workers=most))
