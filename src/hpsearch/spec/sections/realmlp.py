"""RealMLP: a perceptron for tables whose defaults need no search."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from hpsearch.spec.sections.activations import Activation
from hpsearch.spec.sections.embeddings import CategoryEmbedding, LearnedCategories, NumberEmbedding, Pbld
from hpsearch.spec.sections.model_component import ModelComponent
from hpsearch.spec.study_file.distributions import Searchable
from hpsearch.spec.study_file.parts import ListedOrNone, Positive, Rate, Units, written_once

_FLAG = written_once("flag_of_tables")
_FACTOR = written_once("factor_of_rate")
_RATE = written_once("rate_of_tables")


class RealMlp(ModelComponent):
    """RealMLP-TD (Holzmüller et al. 2024, arXiv 2407.04491), with the defaults of its paper.

    Without `activation` it is SELU for classes and labels and Mish for numbers. The fields that end in `rate`
    are factors of the learning rate: of the learned scale, the biases, the embedding of numbers, the learned
    shares of the activations, and of all where numbers are predicted. Labels are smoothed in training alone;
    `clamp` keeps what is predicted within the targets of the training rows.
    """

    name = "realmlp"
    recipe: ClassVar[Mapping[str, Any]] = {
        "optimizer": {"adam": {"beta_2": 0.95, "epsilon": 1e-8, "weight_decay": 0.02}},
        "learning_rate": 0.04,
        "schedule": {"coslog": {"cycles": 4}},
        "dropout_schedule": "flat_cosine",
        "weight_decay_schedule": "flat_cosine",
        "decay_biases": False,
        "epochs": 256,
        "batch_size": 256,
    }
    hidden: Annotated[Searchable[ListedOrNone[Units]], written_once("hidden")] = (256, 256, 256)
    activation: Annotated[Searchable[Activation] | None, written_once("realmlp.activation")] = None
    parametric_activation: Annotated[Searchable[bool], _FLAG] = True
    embedding: NumberEmbedding = Pbld()
    categories: CategoryEmbedding = LearnedCategories(size=8)
    input_scale: Annotated[Searchable[bool], _FLAG] = True
    dropout: Annotated[Searchable[Rate], _RATE] = 0.15
    label_smoothing: Annotated[Searchable[Rate], _RATE] = 0.1
    clamp: Annotated[Searchable[bool], _FLAG] = True
    scale_rate: Annotated[Searchable[Positive], _FACTOR] = 6.0
    bias_rate: Annotated[Searchable[Positive], _FACTOR] = 0.1
    embedding_rate: Annotated[Searchable[Positive], _FACTOR] = 0.1
    activation_rate: Annotated[Searchable[Positive], _FACTOR] = 0.1
    regression_rate: Annotated[Searchable[Positive], _FACTOR] = 5.0
