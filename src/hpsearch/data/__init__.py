"""Load a data set, split it and scale it: from the data section of a spec to a frozen `Dataset`."""

from hpsearch.data.chance import are_labels, chance_accuracy, chance_loss
from hpsearch.data.dataset import Dataset
from hpsearch.data.encoding import Column, Encoding
from hpsearch.data.prepared_splits import prepared_as
from hpsearch.data.preprocessing import NewRows, Preprocessing
from hpsearch.data.raw_data import RawData, load_dataset, load_raw_data
from hpsearch.data.rows import Rows, Scaling, Split

__all__ = [
    "Column",
    "Dataset",
    "Encoding",
    "NewRows",
    "Preprocessing",
    "RawData",
    "Rows",
    "Scaling",
    "Split",
    "are_labels",
    "chance_accuracy",
    "chance_loss",
    "load_dataset",
    "load_raw_data",
    "prepared_as",
]
