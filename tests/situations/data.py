"""Small data of the kinds that people bring, drawn in a moment: what can be learned from them is of no interest."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

ROWS = 96


def make(directory: Path) -> None:
    """Write all of it into a directory."""
    draw = np.random.default_rng(0)
    images, colors = draw.random((ROWS, 12, 12)), draw.random((ROWS, 12, 12, 3))
    classes = draw.integers(0, 3, ROWS)
    parts = {"x_train": images[:64], "y_train": classes[:64], "x_test": images[64:], "y_test": classes[64:]}
    np.savez(directory / "digits.npz", **parts)
    np.savez(directory / "colors.npz", x=colors, y=classes)
    np.savez(directory / "ratings.npz", x=draw.integers(0, 20, (ROWS, 2)), y=draw.random(ROWS))
    np.savez(directory / "labels.npz", x=draw.normal(size=(ROWS, 10)), y=draw.integers(0, 2, (ROWS, 3)))
    np.savez(directory / "spring.npz", x=draw.random((ROWS, 1)), y=draw.random(ROWS))
    ages, sexes = draw.integers(1, 90, ROWS), draw.integers(0, 2, ROWS)
    np.savez(directory / "faces.npz", x=images, y_age=ages, y_sex=sexes)
    _texts(directory / "imdb.npz", draw)
    _tables(directory, draw)
    _photos(directory / "photos", draw)


def _texts(path: Path, draw: np.random.Generator) -> None:
    texts, liked = draw.integers(1, 50, (ROWS, 20)), draw.integers(0, 2, ROWS)
    np.savez(path, x_train=texts[:64], y_train=liked[:64], x_test=texts[64:], y_test=liked[64:])


def _tables(directory: Path, draw: np.random.Generator) -> None:
    def numbers(low: int, high: int) -> list[int]:
        return draw.integers(low, high, ROWS).tolist()

    def words(*known: str) -> list[str]:
        return draw.choice(known, ROWS).tolist()

    heart = {
        "age": numbers(30, 80),
        "chest": words("typical", "atypical", "none"),
        "pressure": numbers(90, 180),
    }
    _write(directory / "heart.csv", heart | {"disease": numbers(0, 2)})
    census = {"age": numbers(17, 80), "education": words("school", "college", "doctorate")}
    census |= {"job": words("clerk", "nurse", "farmer"), "people": draw.random(ROWS).round(2).tolist()}
    _write(directory / "census.csv", census | {"income": words("low", "high")})
    weather = {
        name: draw.normal(size=ROWS).round(3).tolist() for name in ("pressure", "humidity", "temperature")
    }
    _write(directory / "weather.csv", weather)
    pima = {name: numbers(0, 100) for name in ("glucose", "insulin", "age")} | {"diabetes": numbers(0, 2)}
    _write(directory / "pima.csv", pima)
    (directory / "headless.csv").write_text(
        "".join((directory / "pima.csv").read_text().splitlines(True)[1:])
    )
    churn = {"surname": [f"Name{number}" for number in range(ROWS)], "country": words("France", "Spain")}
    churn |= {"balance": numbers(0, 9_000)}
    _write(directory / "churn.csv", churn | {"left": numbers(0, 2)})
    houses = {"area": numbers(40, 300), "roof": words("flat", "gable"), "price": numbers(50_000, 900_000)}
    _write(directory / "houses.csv", houses)
    payments = {f"v{number}": draw.normal(size=ROWS).round(4).tolist() for number in range(6)}
    _write(directory / "payments.csv", payments)


def _write(path: Path, columns: dict[str, Sequence[Any]]) -> None:
    rows: Iterable[Sequence[Any]] = zip(*columns.values(), strict=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([list(columns), *rows])


def _photos(directory: Path, draw: np.random.Generator) -> None:
    for name in ("cat", "dog"):
        (directory / name).mkdir(parents=True)
        for number in range(12):
            pixels = draw.integers(0, 256, (14, 12, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(directory / name / f"{number}.png")
