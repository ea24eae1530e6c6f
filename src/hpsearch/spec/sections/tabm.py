"""TabM: an ensemble of perceptrons for tables that share their weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field

from hpsearch.spec.sections.activations import ACTIVATIONS, Activation
from hpsearch.spec.sections.embeddings import (
    CATEGORY_EMBEDDINGS,
    CategoryEmbedding,
    NumberEmbedding,
    Pbld,
)
from hpsearch.spec.sections.model_component import ModelComponent
from hpsearch.spec.study_file.distributions import Searchable
from hpsearch.spec.study_file.parts import Count, Rate, written_once


class Tabm(ModelComponent):
    """TabM (Gorishniy, Kotelnikov and Babenko 2024, arXiv 2410.24210), in sizes for a CPU.

    `k` perceptrons of `n_blocks` layers of `d_block` units share their kernels and differ by factors of what
    enters and leaves each layer, by biases, and in their heads. The loss is the mean of theirs, a prediction
    the mean of theirs. With `mini` they differ in the factors of what enters the first layer, and in their
    heads. The defaults of the paper's code are larger and without an embedding: `k: 32`, `n_blocks: 3`,
    `d_block: 512`, `dropout: 0.1`, `mini: false`, AdamW at 0.002 with a weight decay of 0.0003.
    """

    name = "tabm"
    recipe: ClassVar[Mapping[str, Any]] = {
        "optimizer": {"adamw": {"weight_decay": 0.01}},
        "learning_rate": 0.02,
        "schedule": "cosine",
        "decay_biases": False,
        "epochs": 100,
        "batch_size": 256,
    }
    k: Annotated[Searchable[Annotated[int, Field(ge=1, le=1_000)]], written_once("up_to_1000")] = 16
    n_blocks: Annotated[Searchable[Annotated[int, Field(ge=1, le=1_000)]], written_once("up_to_1000")] = 2
    d_block: Searchable[Count] = 64
    activation: Annotated[Searchable[Activation], written_once("embedding_activation")] = ACTIVATIONS[
        "relu"
    ]()
    dropout: Annotated[Searchable[Rate], written_once("rate_of_tables")] = 0.0
    embedding: NumberEmbedding = Pbld(frequencies=32, sigma=1.0, size=8)
    categories: CategoryEmbedding = CATEGORY_EMBEDDINGS["one_hot"]()
    mini: Annotated[Searchable[bool], written_once("flag_of_tables")] = True
