"""Load a data set, split it and scale it: from the data section of a spec to a frozen `Dataset`."""

from hpsearch.datasets._chance import chance_accuracy, chance_loss
from hpsearch.datasets._dataset import Dataset
from hpsearch.datasets._encoding import Column, Encoding
from hpsearch.datasets._loading import Material, load_dataset, load_material
from hpsearch.datasets._preprocessing import NewRows, Preprocessing
from hpsearch.datasets._rows import Rows, Scaling, Split

__all__ = [
    "Column",
    "Dataset",
    "Encoding",
    "Material",
    "NewRows",
    "Preprocessing",
    "Rows",
    "Scaling",
    "Split",
    "chance_accuracy",
    "chance_loss",
    "load_dataset",
    "load_material",
]
