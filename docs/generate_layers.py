"""Write the table of Keras' layers, regularizers and constraints that the spec reads.

Run `python docs/generate_layers.py` after a new release of Keras; a test fails while the table is behind it.
The spec knows no Keras, so the table says what the signatures say, and which numbers of axes a layer takes.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers as kl

TABLE = Path(__file__).parent.parent / "src" / "hpsearch" / "spec" / "sections" / "layer_table.json"

CODE = "holds code: write a model in Python"
SEVERAL = "takes several inputs; {residual: [...]} adds what layers give to what they are given"
CELL = "is the cell of a recurrent layer: use simple_rnn, lstm or gru"
ADAPTED = "learns from data before training, outside of it"
TARGETS = "changes targets too"
UNAVAILABLE = {
    **dict.fromkeys(("FlaxLayer", "JaxLayer", "Lambda", "TFSMLayer", "TorchModuleWrapper"), CODE),
    **dict.fromkeys(
        ("Add", "Average", "Concatenate", "Dot", "Maximum", "Minimum", "Multiply", "Subtract"), SEVERAL
    ),
    **dict.fromkeys(("GRUCell", "LSTMCell", "RNN", "SimpleRNNCell", "StackedRNNCells"), CELL),
    **dict.fromkeys(("Discretization", "IntegerLookup", "StringLookup", "TextVectorization"), ADAPTED),
    **dict.fromkeys(("CutMix", "MaxNumBoundingBoxes", "MixUp"), TARGETS),
    "HashedCrossing": "takes several inputs",
    "InputLayer": "is there already: the rows of the data",
    "Normalization": "is what 'standardize' in the data section does",
    "Pipeline": "is what a list of layers is",
}
"""Layers that no list of a study file can have, and why."""

NO_LAYERS = {"Layer", "Wrapper"}

LEFT_OUT = {
    *("backward_layer", "data_format", "dtype", "flash_attention", "gptq_unpacked_column_size", "lora_alpha"),
    *(
        "lora_rank",
        "name",
        "quantization_config",
        "ragged",
        "return_state",
        "reverse_dtype",
        "seed",
        "sparse",
    ),
    *("stateful", "synchronized", "unroll", "use_cudnn", "weights", "noise_shape", "attention_axes"),
}
"""Arguments that a study decides by itself, or that change nothing in a model of one input and one output."""

COUNTS = {
    *("bins", "chain_depth", "depth_multiplier", "fft_length", "filters", "frame_length", "frame_step"),
    *("groups", "head_dim", "height", "input_dim", "key_dim", "n", "num_bins", "num_chains", "num_heads"),
    *("num_key_value_heads", "num_mel_bins", "num_ops", "num_query_heads", "num_tokens", "output_dim"),
    *("power_iterations", "sampling_rate", "sequence_length", "sequence_stride", "sliding_window"),
    *("units", "value_dim", "width"),
}
SIZES = {"kernel_size", "pool_size", "strides", "dilation_rate", "size", "output_size"}
"""Arguments with one number for all axes, or one for each."""
SHAPES = {"target_shape", "dims", "output_shape", "tile_grid_size"}
RATES = {"dropout", "recurrent_dropout"}
WORDS = {
    "padding": ("valid", "same"),
    "merge_mode": ("sum", "mul", "concat", "ave"),
    "score_mode": ("dot", "concat"),
}

CAUSAL = ("Conv1D", "DepthwiseConv1D", "SeparableConv1D")
RANGES = ("AugMix", "Rand", "Rescaling", "Solarization")
"""Layers whose numbers may be lists: ranges to draw from, or a number for each feature."""

EXAMPLES: dict[str, Any] = {
    **dict.fromkeys(("units", "filters", "output_dim", "n", "num_bins"), 3),
    **dict.fromkeys(
        ("kernel_size", "pool_size", "output_size", "height", "width", "num_heads", "key_dim"), 2
    ),
    **dict.fromkeys(("head_dim", "num_query_heads", "num_key_value_heads"), 2),
    **dict.fromkeys(("rate", "stddev", "factor", "height_factor", "width_factor", "scale"), 0.5),
    "input_dim": 5,
    "activation": "relu",
}
OWN_EXAMPLES: dict[str, dict[str, Any]] = {
    "CategoryEncoding": {"num_tokens": 4},
    "RandomPosterization": {"factor": 4},
    "STFTSpectrogram": {"frame_length": 4},
}
"""Values for arguments that have no default, with which the layers are tried."""

FREE = {"Reshape", "EinsumDense", "Permute"}
"""Layers whose axes their own arguments decide."""

WRAPPERS: dict[str, tuple[str, ...]] = {
    "Bidirectional": ("GRU", "LSTM", "SimpleRNN"),
    "SpectralNormalization": ("Conv1D", "Conv2D", "Conv3D", "Dense"),
    "TimeDistributed": (),
}
"""Layers around another one, and around which; without names around any."""

PAIRS = {"AdditiveAttention": "list", "Attention": "list"}
PAIRS |= dict.fromkeys(("GroupQueryAttention", "MultiHeadAttention"), "arguments")
"""Layers that get their input twice, as query and value, and how."""


def snake(name: str) -> str:
    """Write the name of a class as study files do; Keras' own way parts `re_lu`."""
    name = re.sub(r"([A-Z0-9]+)([A-Z][a-z])", r"\1_\2", name)
    name = re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
    return re.sub(r"_?re_lu$", "relu", name).replace("leakyrelu", "leaky_relu").replace("p_relu", "prelu")


def table() -> dict[str, dict[str, Any]]:
    """Give the table of the installed Keras."""
    classes = {name: one for name, one in vars(kl).items() if _is_layer(name, one)}
    public = {one: name for name, one in sorted(classes.items(), reverse=True)}
    public |= {one: name for name, one in classes.items() if name == one.__name__}
    return {
        "layers": {
            snake(name): _layer(name, classes[name])
            for name in sorted(public.values())
            if name not in UNAVAILABLE
        },
        "aliases": {
            snake(name): snake(public[one]) for name, one in sorted(classes.items()) if name != public[one]
        },
        "unavailable": {snake(name): reason for name, reason in sorted(UNAVAILABLE.items())},
        "regularizers": _others(keras.regularizers, keras.regularizers.Regularizer),
        "constraints": _others(keras.constraints, keras.constraints.Constraint),
    }


def _is_layer(name: str, one: Any) -> bool:
    return isinstance(one, type) and issubclass(one, keras.layers.Layer) and name not in NO_LAYERS


def _others(module: Any, base: type) -> dict[str, Any]:
    found = {
        name: one
        for name, one in vars(module).items()
        if isinstance(one, type) and issubclass(one, base) and one is not base and name == one.__name__
    }
    return {
        re.sub(r"^l1l2$", "l1_l2", snake(name)): {"class": name, "arguments": dict(_arguments(one))}
        for name, one in sorted(found.items())
    }


def _layer(name: str, kind: type) -> dict[str, Any]:
    entry: dict[str, Any] = {"class": name}
    if name in PAIRS:
        entry["pair"] = PAIRS[name]
    if name in WRAPPERS:
        entry["around"] = [snake(inner) for inner in WRAPPERS[name]]
    elif name not in FREE:
        entry["axes"] = {str(axes): given for axes in _candidates(name) if (given := _tried(name, axes))}
        if not entry["axes"]:
            raise ValueError(f"{name} takes no rows: say in UNAVAILABLE why, or give it an example")
    return {**entry, "arguments": dict(_arguments(kind))}


def _candidates(name: str) -> Iterable[int]:
    """List the numbers of axes that a row can have; Keras would take images without a batch, too."""
    digit = re.search(r"(?<!ConvLSTM)(\d)D(Transpose)?$", name)
    if digit:
        return [int(digit[1]) + 1]
    if any(one.__name__ == "BaseImagePreprocessingLayer" for one in getattr(kl, name).__mro__):
        return [3]
    return range(2 if name in PAIRS else 1, 6)


def _arguments(kind: type) -> Iterator[tuple[str, Any]]:
    """Give the kind of each argument, and its default where there is one."""
    parameters = inspect.signature(kind.__init__).parameters
    recurrent = "recurrent_initializer" in parameters
    for name, parameter in parameters.items():
        if name in ("self", *LEFT_OUT) or parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            continue
        default = parameter.default
        told = _kind_of(kind.__name__, name, default, recurrent=recurrent)
        yield name, [told] if default is parameter.empty else [told, _plain(told, default)]


def _plain(kind: str, default: Any) -> Any:
    if kind == "initializer" and isinstance(default, str):
        return snake(default)
    return json.loads(json.dumps(default))


def _kind_of(layer: str, name: str, default: Any, *, recurrent: bool) -> str:
    words = WORDS.get(name, ()) if isinstance(default, str) else ()
    causal = ("causal",) if name == "padding" and layer in CAUSAL else ()
    rules = (
        *((ending, name.endswith(ending)) for ending in ("initializer", "regularizer", "constraint")),
        ("plain_activation", name.endswith("activation") and (recurrent or layer == "Activation")),
        ("activation", name == "activation"),
        ("layer", name == "layer"),
        ("rate", name in RATES or (name == "rate" and "Dropout" in layer)),
        ("flag", isinstance(default, bool)),
        (" ".join(("words", *words, *causal)), bool(words)),
        ("count", name in COUNTS),
        ("sizes", name in SIZES),
        ("shape", name in SHAPES),
        ("axis", name == "axis"),
        ("argument", layer.startswith(RANGES)),
        ("number", isinstance(default, float) or name in ("max_value", "stddev")),
    )
    return next((kind for kind, holds in rules if holds), "argument")


def _tried(name: str, axes: int) -> int | None:
    """Count the axes that a layer gives for rows of so many; None where it takes none."""
    kind = getattr(kl, name)
    parameters = inspect.signature(kind.__init__).parameters
    required = [
        key for key, one in parameters.items() if one.default is one.empty and key not in ("self", "kwargs")
    ]
    given = {key: EXAMPLES[key] for key in required} | OWN_EXAMPLES.get(name, {})
    for channels in (3, 32):
        rows = np.full((2, *[6] * (axes - 1), channels), 0.5, np.float32)
        try:
            layer = kind(**given)
            pair = PAIRS.get(name)
            given_twice = (rows, rows) if pair == "arguments" else ([rows, rows],)
            outputs = layer(*(given_twice if pair else (rows,)))
        except Exception:  # noqa: BLE001, S112 - Keras raises whatever it raises
            continue
        if len(getattr(outputs, "shape", ())) > 1 and outputs.shape[0] == len(rows):
            return len(outputs.shape) - 1
    return None


def written() -> str:
    """Write the table as JSON, one layer on a line."""
    parts = []
    for section, entries in table().items():
        lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(entry)}" for name, entry in entries.items())
        parts.append(f" {json.dumps(section)}: {{\n{lines}\n }}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    TABLE.write_text(written(), encoding="utf-8")
