"""The study file as frozen, validated types."""

from hpsearch.spec.architecture import Architecture
from hpsearch.spec.cnn import Cnn
from hpsearch.spec.compare import Claim, Compare
from hpsearch.spec.confirm import Confirm
from hpsearch.spec.data import Data
from hpsearch.spec.distributions import Choice, Distribution, Numeric
from hpsearch.spec.layered import Layered
from hpsearch.spec.loading import StudyFile, load_study_file, print_spec, print_yaml, read_spec
from hpsearch.spec.model import Mlp
from hpsearch.spec.model_component import ModelComponent
from hpsearch.spec.parts import Component, Part
from hpsearch.spec.pretrained import Pretrained, pretrained_models
from hpsearch.spec.python_model import Arguments, PythonModel, python_models
from hpsearch.spec.schema import json_schema
from hpsearch.spec.search import Search, direction_of
from hpsearch.spec.study import Configuration, StudySpec, read_configuration
from hpsearch.spec.training import EarlyStopping, Training

__all__ = [
    "Architecture",
    "Arguments",
    "Choice",
    "Claim",
    "Cnn",
    "Compare",
    "Component",
    "Configuration",
    "Confirm",
    "Data",
    "Distribution",
    "EarlyStopping",
    "Layered",
    "Mlp",
    "ModelComponent",
    "Numeric",
    "Part",
    "Pretrained",
    "PythonModel",
    "Search",
    "StudyFile",
    "StudySpec",
    "Training",
    "direction_of",
    "json_schema",
    "load_study_file",
    "pretrained_models",
    "print_spec",
    "print_yaml",
    "python_models",
    "read_configuration",
    "read_spec",
]
