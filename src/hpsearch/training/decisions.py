"""What is decided automatically when a study is opened, and holds for it from then on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, Self

Cores = Literal["one", "all"]

ON_OFF: Mapping[str, bool] = {"on": True, "off": False}

WORDS: Mapping[str, Mapping[str, Any]] = {
    "cores": {"one": "one", "all": "all"},
    "compilation cache": ON_OFF,
    "vmapped": ON_OFF,
    "probes": ON_OFF,
}
"""What is decided between a few words, and what each stands for."""


@dataclass(frozen=True, kw_only=True)
class Decisions:
    """What a study was not told and decided when it began; None is not decided, or not told by its files.

    Attributes:
        backend: The backend of Keras.
        validation: What the scores suffer from, where the validation rows are those of the test part.
        cores: Whether a training process has one core, or all.
        compilation_cache: Whether compiled programs are kept on disk.
        model_code: The SHA-256 of the Python files that its models come from.
        donor: The SHA-256 of the saved models that it reuses.
        trainer: The class that trains its members.
        width: How many members train side by side.
        vmapped: Whether these train in one call; else each has a thread of its own.
        probes: Whether networks are probed while they train.
        workers: The most training processes that a comparison ever had.
        target_transform: How the targets of a regression are transformed.
        sampler: Which sampler suggests the trials, and why.
        warm_start: How many trials of which other studies it learns from, and why of no more.
        stream: What is known of training rows that Python gives batch by batch.
    """

    backend: str | None = None
    validation: str | None = None
    cores: Cores | None = None
    compilation_cache: bool | None = None
    model_code: str | None = None
    donor: str | None = None
    trainer: str | None = None
    width: int | None = None
    vmapped: bool | None = None
    probes: bool | None = None
    workers: int | None = None
    target_transform: str | None = None
    sampler: str | None = None
    warm_start: str | None = None
    stream: str | None = None

    @property
    def known_transform(self) -> str:
        """Return how targets are transformed; studies that did not decide it left them as they are."""
        return self.target_transform or "none"

    @classmethod
    def read(cls, words: Mapping[str, str]) -> Self:
        """Read the words of a file.

        Raises:
            TypeError: A name is none that `words` writes.
            ValueError: A word is none that it writes.
        """
        found = cls(**{name.replace(" ", "_"): _value(name, word) for name, word in words.items()})
        if found.words() != dict(words):
            raise ValueError(f"not as they are written: {words}")
        return found

    def words(self) -> dict[str, str]:
        """Return what was decided by the names and words that files and reports have for it."""
        values = {one.name.replace("_", " "): getattr(self, one.name) for one in fields(self)}
        return {name: _word(value) for name, value in values.items() if value is not None}


def _value(name: str, word: str) -> Any:
    if name in ("width", "workers"):
        return int(word)
    if name in WORDS:
        if word not in WORDS[name]:
            raise ValueError(f"{name}: {word!r} is none of {', '.join(WORDS[name])}")
        return WORDS[name][word]
    return word


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)
