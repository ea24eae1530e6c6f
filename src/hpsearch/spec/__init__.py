"""The study file as frozen, validated types."""

from hpsearch.spec.sections.architecture import Architecture
from hpsearch.spec.sections.cnn import Cnn
from hpsearch.spec.sections.compare import Claim, Compare
from hpsearch.spec.sections.confirm import Confirm
from hpsearch.spec.sections.data import Data
from hpsearch.spec.sections.keras_tuner_model import Hyperparameter, KerasTunerModel
from hpsearch.spec.sections.layered import Layered
from hpsearch.spec.sections.model import Mlp
from hpsearch.spec.sections.model_component import ModelComponent
from hpsearch.spec.sections.objectives import direction_of
from hpsearch.spec.sections.own_model import OwnModel, own_models
from hpsearch.spec.sections.pretrained import Pretrained, pretrained_models
from hpsearch.spec.sections.python_model import ArgumentMapping, Arguments, PythonModel
from hpsearch.spec.sections.search import Search
from hpsearch.spec.sections.sequential import Sequential
from hpsearch.spec.sections.study import Configuration, StudySpec, read_configuration
from hpsearch.spec.sections.training import EarlyStopping, Training
from hpsearch.spec.study_file.distributions import Choice, Distribution, Numeric
from hpsearch.spec.study_file.loading import StudyFile, load_study_file, print_spec, print_yaml, read_spec
from hpsearch.spec.study_file.parts import Component, Part
from hpsearch.spec.study_file.schema import json_schema

__all__ = [
    "Architecture",
    "ArgumentMapping",
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
    "Hyperparameter",
    "KerasTunerModel",
    "Layered",
    "Mlp",
    "ModelComponent",
    "Numeric",
    "OwnModel",
    "Part",
    "Pretrained",
    "PythonModel",
    "Search",
    "Sequential",
    "StudyFile",
    "StudySpec",
    "Training",
    "direction_of",
    "json_schema",
    "load_study_file",
    "own_models",
    "pretrained_models",
    "print_spec",
    "print_yaml",
    "read_configuration",
    "read_spec",
]
