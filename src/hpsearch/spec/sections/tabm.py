"""TabM: an ensemble of perceptrons for tables that share their weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field

from hpsearch.spec.sections.activations import ACTIVATIONS, Activation
from hpsearch.spec.sections.embeddings import (
    CATEGORY_EMBEDDINGS,
    NUMBER_EMBEDDINGS,
    CategoryEmbedding,
    NumberEmbedding,
)
from hpsearch.spec.sections.model_component import ModelComponent
from hpsearch.spec.study_file.distributions import Searchable
from hpsearch.spec.study_file.parts import Count, Rate, written_once


class Tabm(ModelComponent):
    """TabM (Gorishniy, Kotelnikov and Babenko 2024, arXiv 2410.24210), with the defaults of its code.

    `k` perceptrons of `n_blocks` layers of `d_block` units share their kernels and differ by factors of what
    enters and leaves each layer, by biases, and in their heads. The loss is the mean of theirs, a prediction
    the mean of theirs. With `mini` they differ in the factors of what enters the first layer, and in their
    heads.
    """

    name = "tabm"
    recipe: ClassVar[Mapping[str, Any]] = {
        "optimizer": {"adamw": {"weight_decay": 3e-4}},
        "learning_rate": 0.002,
        "decay_biases": False,
        "epochs": 1000,
        "batch_size": 256,
        "early_stopping": {"patience": 16},
    }
    k: Annotated[Searchable[Annotated[int, Field(ge=1, le=1_000)]], written_once("up_to_1000")] = 32
    n_blocks: Annotated[Searchable[Annotated[int, Field(ge=1, le=1_000)]], written_once("up_to_1000")] = 3
    d_block: Searchable[Count] = 512
    activation: Annotated[Searchable[Activation], written_once("embedding_activation")] = ACTIVATIONS[
        "relu"
    ]()
    dropout: Annotated[Searchable[Rate], written_once("rate_of_tables")] = 0.1
    embedding: NumberEmbedding = NUMBER_EMBEDDINGS["none"]()
    categories: CategoryEmbedding = CATEGORY_EMBEDDINGS["one_hot"]()
    mini: Annotated[Searchable[bool], written_once("flag_of_tables")] = False
