"""Load a data set, split it and scale it: from the data section of a spec to a frozen `Dataset`."""

from hpsearch.data.chance import chance_accuracy, chance_loss
from hpsearch.data.dataset import Dataset
from hpsearch.data.encoding import Column, Encoding
from hpsearch.data.material import Material, load_dataset, load_material
from hpsearch.data.preprocessing import NewRows, Preprocessing
from hpsearch.data.rows import Rows, Scaling, Split

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
