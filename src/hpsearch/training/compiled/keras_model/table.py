"""What is known of Keras' own classes: numbers that are fed into a program, and what a configuration tells.

A number that is not in these tables stays in the structure, because that is the configuration minus exactly
what is fed. A layer that is not in `CONFIGURED` keys a program by the text of what it computes.
"""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras

from hpsearch.models.components.rate_factors import GROUPS, RateFactors
from hpsearch.training.compiled.keras_model.number import POSITIVE, SHARE, Number
from hpsearch.training.fit.execution import DROPOUT_RATES

Call = Callable[..., Any]


SCHEDULED = dict.fromkeys(DROPOUT_RATES, "dropout")


def _names(text: str) -> list[str]:
    return text.split()


@dataclass(frozen=True)
class Fed:
    """An attribute of a class that is fed, below a bound.

    `call` makes what stands for the layer's `call` where that needs a Python number. `argument` is the name
    in the signature of the class, where it is another.
    """

    attribute: str
    bound: float = POSITIVE
    call: Callable[[Any, Number], Call] | None = None
    argument: str | None = None

    @property
    def scheduled(self) -> str:
        """Return the word for it in the schedules of an epoch."""
        return SCHEDULED.get(self.attribute, self.attribute)


def _gaussian_dropout(layer: Any, rate: Number) -> Call:
    """Return GaussianDropout's call, in which Keras takes a root by `math`."""

    def call(inputs: Any, training: bool = False) -> Any:  # noqa: FBT001, FBT002 - as Keras calls it
        if not training:
            return inputs
        noise = keras.random.normal(
            keras.ops.shape(inputs),
            mean=1.0,
            stddev=keras.ops.sqrt(rate.value / rate.rest),
            dtype=layer.compute_dtype,
            seed=layer.seed_generator,
        )
        return inputs * noise

    return call


_RATE = (Fed("rate", SHARE),)
_EPSILON = (Fed("epsilon"),)
_RECURRENT = (Fed("dropout", SHARE), Fed("recurrent_dropout", SHARE))
_ATTENTION = (Fed("dropout", SHARE),)


_CONV_LSTM_CELL: type = vars(sys.modules[keras.layers.ConvLSTM1D.__mro__[1].__module__])["ConvLSTMCell"]
"""Keras shows the layers of such cells and not the cells."""

LAYERS: dict[type, tuple[Fed, ...]] = {
    keras.layers.Dropout: _RATE,
    keras.layers.SpatialDropout1D: _RATE,
    keras.layers.SpatialDropout2D: _RATE,
    keras.layers.SpatialDropout3D: _RATE,
    keras.layers.AlphaDropout: _RATE,
    keras.layers.GaussianDropout: (Fed("rate", SHARE, _gaussian_dropout),),
    keras.layers.GaussianNoise: (Fed("stddev"),),
    keras.layers.LSTMCell: _RECURRENT,
    keras.layers.GRUCell: _RECURRENT,
    keras.layers.SimpleRNNCell: _RECURRENT,
    _CONV_LSTM_CELL: _RECURRENT,
    keras.layers.Attention: _ATTENTION,
    keras.layers.AdditiveAttention: _ATTENTION,
    keras.layers.GroupQueryAttention: _ATTENTION,
    keras.layers.MultiHeadAttention: (Fed("_dropout", SHARE, argument="dropout"),),
    keras.layers.LeakyReLU: (Fed("negative_slope"),),
    keras.layers.ReLU: (Fed("negative_slope"),),
    keras.layers.ELU: (Fed("alpha"),),
    keras.layers.BatchNormalization: (Fed("momentum", SHARE), Fed("epsilon")),
    keras.layers.LayerNormalization: _EPSILON,
    keras.layers.GroupNormalization: _EPSILON,
    keras.layers.RMSNormalization: _EPSILON,
}
"""The numbers of layers."""

HIDDEN: dict[type, tuple[str, ...]] = {keras.layers.ActivityRegularization: ("l1", "l2")}
"""Attributes that repeat in the configuration what another object has and computes with."""

REGULARIZERS: dict[type, tuple[Fed, ...]] = {
    keras.regularizers.L1: (Fed("l1"),),
    keras.regularizers.L2: (Fed("l2"),),
    keras.regularizers.L1L2: (Fed("l1"), Fed("l2")),
    keras.regularizers.OrthogonalRegularizer: (Fed("factor"),),
}

_ANY_OPTIMIZER = (
    Fed("weight_decay"),
    Fed("clipnorm"),
    Fed("clipvalue"),
    Fed("global_clipnorm"),
    Fed("ema_momentum", SHARE),
)
_BETAS = (Fed("beta_1", SHARE), Fed("beta_2", SHARE))
_ADAM = (*_ANY_OPTIMIZER, *_BETAS, Fed("epsilon"))

OPTIMIZERS: dict[type, tuple[Fed, ...]] = {
    keras.optimizers.SGD: (*_ANY_OPTIMIZER, Fed("momentum", SHARE)),
    keras.optimizers.RMSprop: (
        *_ANY_OPTIMIZER,
        Fed("rho", SHARE),
        Fed("momentum", SHARE),
        Fed("epsilon"),
    ),
    keras.optimizers.Adam: _ADAM,
    keras.optimizers.AdamW: _ADAM,
    keras.optimizers.Nadam: _ADAM,
    keras.optimizers.Adamax: _ADAM,
    keras.optimizers.Lamb: _ADAM,
    keras.optimizers.ScheduleFreeAdamW: _ADAM,
    keras.optimizers.Lion: (*_ANY_OPTIMIZER, *_BETAS),
    keras.optimizers.Adagrad: (*_ANY_OPTIMIZER, Fed("epsilon")),
    keras.optimizers.Adadelta: (*_ANY_OPTIMIZER, Fed("rho", SHARE), Fed("epsilon")),
    keras.optimizers.Adafactor: (
        *_ANY_OPTIMIZER,
        Fed("epsilon_1"),
        Fed("epsilon_2"),
        Fed("clip_threshold"),
    ),
    keras.optimizers.Ftrl: (
        *_ANY_OPTIMIZER,
        Fed("l1_regularization_strength"),
        Fed("l2_regularization_strength"),
        Fed("l2_shrinkage_regularization_strength"),
        Fed("beta"),
    ),
    keras.optimizers.Muon: (
        *_ANY_OPTIMIZER,
        Fed("adam_beta_1", SHARE),
        Fed("adam_beta_2", SHARE),
        Fed("adam_weight_decay"),
        Fed("adam_lr_ratio"),
        Fed("momentum", SHARE),
        Fed("rms_rate"),
        Fed("epsilon"),
    ),
    RateFactors: tuple(map(Fed, GROUPS)),
}
"""The coefficients of optimizers; the learning rate is a variable of the optimizer, and part of its state."""

UNFED_OPTIMIZERS = ("LossScaleOptimizer", "MultiOptimizer")
"""Optimizers that are made of others, whose coefficients stay in the structure."""

FIRST_VALUES = ("initial_accumulator_value",)
"""Arguments of optimizers that only say with which values their variables begin."""

_SMOOTH = (Fed("label_smoothing", SHARE),)
_FOCAL = (Fed("alpha", SHARE), Fed("gamma"), *_SMOOTH)

LOSSES: dict[type, tuple[Fed, ...]] = {
    keras.losses.BinaryCrossentropy: _SMOOTH,
    keras.losses.CategoricalCrossentropy: _SMOOTH,
    keras.losses.BinaryFocalCrossentropy: _FOCAL,
    keras.losses.CategoricalFocalCrossentropy: _FOCAL,
    keras.losses.Huber: (Fed("delta"),),
    keras.losses.Tversky: (Fed("alpha"), Fed("beta")),
}
"""The numbers of losses."""

CONFIGURED = frozenset(
    _names(
        """
    Activation ActivityRegularization AdaptiveAveragePooling1D AdaptiveAveragePooling2D
    AdaptiveAveragePooling3D AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D Add
    AdditiveAttention AlphaDropout Attention Average AveragePooling1D AveragePooling2D AveragePooling3D
    BatchNormalization Bidirectional CenterCrop Concatenate Conv1D Conv1DTranspose Conv2D Conv2DTranspose
    Conv3D Conv3DTranspose ConvLSTM1D ConvLSTM2D ConvLSTM3D Cropping1D Cropping2D Cropping3D Dense
    DepthwiseConv1D DepthwiseConv2D Dot Dropout ELU EinsumDense Embedding Flatten GRU GRUCell GaussianDropout
    GaussianNoise GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D GlobalMaxPooling1D
    GlobalMaxPooling2D GlobalMaxPooling3D GroupNormalization GroupedQueryAttention Identity InputLayer LSTM
    LSTMCell LayerNormalization LeakyReLU Masking MaxPooling1D MaxPooling2D MaxPooling3D Maximum Minimum
    MultiHeadAttention Multiply PReLU Permute RMSNormalization RNN ReLU RepeatVector Rescaling Reshape
    ReversibleEmbedding SeparableConv1D SeparableConv2D SimpleRNN SimpleRNNCell Softmax SpatialDropout1D
    SpatialDropout2D SpatialDropout3D SpectralNormalization StackedRNNCells Subtract TimeDistributed
    UnitNormalization UpSampling1D UpSampling2D UpSampling3D ZeroPadding1D ZeroPadding2D ZeroPadding3D
    """
    )
)
"""Layers whose configuration says all that they compute, beside their variables."""

KEYED_BY_TEXT = frozenset(
    _names(
        """
    AugMix AutoContrast CategoryEncoding ContrastLimitedAdaptiveHistogramEqualization CutMix Discretization
    Equalization FlaxLayer HashedCrossing Hashing IntegerLookup JaxLayer Lambda MaxNumBoundingBoxes
    MelSpectrogram MixUp Normalization Pipeline RandAugment RandomBrightness RandomColorDegeneration
    RandomColorJitter RandomContrast RandomCrop RandomElasticTransform RandomErasing RandomFlip
    RandomGaussianBlur RandomGrayscale RandomHue RandomInvert RandomPerspective RandomPosterization
    RandomRotation RandomSaturation RandomSharpness RandomShear RandomTranslation RandomZoom Resizing
    STFTSpectrogram Solarization StringLookup TFSMLayer TextVectorization TorchModuleWrapper
    """
    )
)
"""Layers that hold the user's own code, or values that are neither variables nor in the configuration, or
that draw in ways of their own."""

NO_LAYERS = frozenset({"Input", "InputSpec", "Layer", "Wrapper"})
"""What else stands in `keras.layers`."""

CONVOLUTIONS = frozenset(
    _names(
        """
    Conv1D Conv1DTranspose Conv2D Conv2DTranspose Conv3D Conv3DTranspose ConvLSTM1D ConvLSTM2D ConvLSTM3D
    DepthwiseConv1D DepthwiseConv2D SeparableConv1D SeparableConv2D
    """
    )
)

RECURRENT = frozenset(_names("RNN LSTM GRU SimpleRNN Bidirectional"))


def is_configured(layer: Any) -> bool:
    """Tell whether a layer is of a class of Keras' own whose configuration says all that it computes."""
    return type(layer) in _CONFIGURED_CLASSES


_CONFIGURED_CLASSES = frozenset(
    {one for one in vars(keras.layers).values() if isinstance(one, type) and one.__name__ in CONFIGURED}
    | set(LAYERS)
    | {keras.Sequential, type(keras.Model(_rows := keras.Input((1,)), _rows))}
)


def check_signatures() -> None:
    """Check the tables against the signatures of the installed Keras. Raises TypeError where one is wrong."""
    for kind, fed in {**LAYERS, **REGULARIZERS, **OPTIMIZERS, **LOSSES}.items():
        known = _arguments(kind)
        for one in fed:
            if (one.argument or one.attribute) not in known and kind is not keras.losses.BinaryCrossentropy:
                raise TypeError(f"keras has no argument {one.attribute!r} of {kind.__name__}")


def _arguments(kind: type) -> set[str]:
    names: set[str] = set()
    for one in kind.__mro__:
        if "__init__" in vars(one):
            names |= set(inspect.signature(one).parameters)
    return names


def is_lifted(value: Any, bound: float) -> bool:
    """Tell whether a number is one that a program is fed: a float in its bounds, none that switches."""
    if isinstance(value, bool):
        return False
    if not isinstance(value, int | float):
        if getattr(value, "shape", None) != ():
            return False
        value = float(value)
    return math.isfinite(value) and 0 < value < bound


check_signatures()
