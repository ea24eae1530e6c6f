"""A network that `model.fit` trains, on any backend of Keras."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from hpsearch.data import Rows, Split
from hpsearch.models.components.objectives import Objective, RowMeasures
from hpsearch.models.components.optimizers import clipping_arguments, keras_optimizer
from hpsearch.models.components.precision import computing_in
from hpsearch.models.interface import ModelSource
from hpsearch.models.weights import Weights, put_weights, weights_of
from hpsearch.seeds import derive
from hpsearch.training.fit.averages import Averages
from hpsearch.training.fit.execution import Execution, FitExecution, OrderedBatches
from hpsearch.training.interface import EpochPlan, EpochResult, Network
from hpsearch.training.messages import Member

NOT_DECAYED = ("bias", "beta", "gamma")
"""What is learned beside the weights of layers."""


TOLD = "told"
"""The name of the loss in the units of targets that are transformed, in what `fit` tells."""


class WeightedLoss(keras.metrics.MeanMetricWrapper):  # type: ignore[misc]  # Keras has no types
    """The loss of an epoch as Keras has it: the sum of weighted losses by the number of rows."""

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        if sample_weight is None:
            return super().update_state(y_true, y_pred)
        values = self._fn(y_true, y_pred, **self._fn_kwargs)
        weights = keras.ops.cast(keras.ops.reshape(sample_weight, (-1,)), values.dtype)
        return keras.metrics.Mean.update_state(self, values * weights)


RunBy = Callable[["FitNetwork"], Execution]
"""How the epochs of a network run, given when it is compiled."""


class FitNetwork(Network):
    """A Keras model of a source that is trained by `fit`."""

    def __init__(
        self,
        member: Member,
        split: Split,
        objective: Objective,
        source: ModelSource[Any],
        *,
        stream: bool = False,
        run_by: RunBy = FitExecution,
    ) -> None:
        self.member, self.split, self.objective, self.stream = member, split, objective, stream
        self.source, self.run_by = source, run_by
        self.batch_size = member.configuration.training.batch_size
        with computing_in(member.configuration.training.precision):
            self.model = self._model(split.train.x.shape[1:])
        self._compile()

    def _model(self, features: tuple[int, ...]) -> keras.Model:
        """Make the model, with its first weights."""
        part, seed = self.member.configuration.model, self.member.seed
        model = self.source.network(part, features, self.objective, seed)
        put_weights(model, self.source.first_weights(part, model, self.objective, seed))
        self.source.fit_to(part, model, self.split.train, self.objective, seed)
        return model

    def _compile(self) -> None:
        training = self.member.configuration.training
        optimizer = keras_optimizer(
            training.optimizer, learning_rate=training.learning_rate, **clipping_arguments(training)
        )
        self._compile_with(optimizer, loss=self.objective.keras_loss(from_logits=True))

    def _compile_with(self, optimizer: Any, **arguments: Any) -> None:
        bare = [WeightedLoss(self._bare_losses, name="bare")]
        if self.objective.scaling is not None:
            bare.append(WeightedLoss(self._told_losses, name=TOLD))
        scores, losses = self._score_metrics(), [*bare, *self._loss_metrics()]
        metrics: dict[str, Any] = {"metrics": [*losses, *scores]}
        if self.split.train.weights is not None:
            metrics = {"metrics": scores, "weighted_metrics": losses}
        self.trained.compile(optimizer=optimizer, **metrics, **arguments)
        if self.member.configuration.training.decay_biases is False:
            kept = [one for one in self.trained.trainable_variables if one.name in NOT_DECAYED]
            optimizer.exclude_from_weight_decay(var_list=kept)
        optimizer.build(self.trained.trainable_variables)
        self.averages = Averages(optimizer)
        self.execution = self.run_by(self)

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what a user should know of how the network is trained."""
        return ()

    @property
    def trained(self) -> keras.Model:
        """The model that `fit` is called on; it has the weights of the one that gives the logits."""
        return self.model

    def _bare_losses(self, y: Any, logits: Any) -> Any:
        return self.objective.minimized(self.objective.flat(y), logits)

    def _told_losses(self, y: Any, logits: Any) -> Any:
        return self.objective.losses(self.objective.flat(y), logits)

    def _scores(self, y: Any, logits: Any) -> Any:
        return self.objective.scores_of_logits(self.objective.flat(y), logits)

    @property
    def names_in_history(self) -> dict[str, str]:
        """Return the names in what `fit` tells, by those of the metrics."""
        names = self.objective.metrics
        return {names[0]: "score"} if len(names) == 1 else {name: name for name in names}

    def _score_metrics(self) -> list[Any]:
        """Make the metrics of the score; of several outputs one for each."""
        if len(self.objective.metrics) == 1:
            return [keras.metrics.MeanMetricWrapper(self._scores, name="score")]
        names = [name for name in self.objective.metrics if not name.endswith("_loss")]
        return [keras.metrics.MeanMetricWrapper(self._measure(name), name=name) for name in names]

    def _loss_metrics(self) -> list[Any]:
        """Make the metrics of the loss of each of several outputs."""
        names = [name for name in self.objective.metrics if name.endswith("_loss")]
        return [WeightedLoss(self._measure(name), name=name) for name in names]

    def _measure(self, name: str) -> Callable[[Any, Any], Any]:
        # Keras writes down a function by its name, and a lambda by its code.
        def measured(y: Any, logits: Any) -> Any:
            return self.objective.measures(self.objective.flat(y), logits)[name]

        return measured

    def train(self, plan: EpochPlan) -> EpochResult:
        self._seed_noise(plan.seed)
        self.averages.take_out()
        told, bad_step = self.execution.fit(plan)
        self.averages.put_in()
        metrics = self._measured(told)
        validation, predictions = self._validate(self.split.validation, metrics)
        return EpochResult(metrics | validation, predictions, bad_step)

    def told(self) -> tuple[Any, ...]:
        """Return plain values that part what two networks compute, beside their models."""
        return type(self).__name__, *self.objective.told(), self.split.train.weights is not None

    def _measured(self, told: Any) -> dict[str, float]:
        """Return the metrics of the epoch from what `fit` told."""
        history = told.history
        loss, total = float(history["bare"][-1]), float(history["loss"][-1])
        if TOLD in history:
            known = float(history[TOLD][-1])
            loss, total = known, known + (total - loss) * float(self.objective.penalty_unit)
        return {
            "loss": loss,
            "loss_with_penalties": total,
            **{name: float(history[told][-1]) for name, told in self.names_in_history.items()},
        }

    def _seed_noise(self, seed: int) -> None:
        """Seed every layer that draws, so that an epoch's noise does not depend on the epochs before."""
        for layer in self.model.layers:
            generator = getattr(layer, "seed_generator", None)
            if generator is not None:
                state = np.array([derive(seed, layer.name) % 2**31, 0])
                generator.state.assign(state.astype(keras.backend.standardize_dtype(generator.state.dtype)))

    def _validate(
        self, rows: Rows, trained: dict[str, float]
    ) -> tuple[dict[str, float], NDArray[Any] | None]:
        if not len(rows):
            names = ("loss", "loss_with_penalties", *self.objective.metrics)
            return dict.fromkeys((f"val_{name}" for name in names), math.nan), None
        batches = self._in_batches(rows)
        outputs, losses, measures = self._of_rows(rows, batches)
        loss = mean_of(losses)
        metrics = {
            "val_loss": loss,
            "val_loss_with_penalties": loss
            + self._penalties(batches, trained) * float(self.objective.penalty_unit),
            **{f"val_{name}": mean_of(values) for name, values in measures.items()},
        }
        return metrics, np.asarray(keras.ops.convert_to_numpy(outputs))

    def _of_rows(self, rows: Rows, batches: OrderedBatches) -> RowMeasures:
        weights = () if rows.weights is None else (rows.weights,)
        given = (rows.y, self._logits(batches), *weights)
        return self.execution.measure(*map(keras.ops.convert_to_tensor, given))

    def _in_batches(self, rows: Rows) -> OrderedBatches:
        # Batches of one size, where the rows allow it, are one program.
        batches = math.ceil(len(rows) / max(self.batch_size, 256))
        size = math.ceil(len(rows) / batches)
        return OrderedBatches(rows, np.arange(len(rows), dtype=np.int32), size)

    def _logits(self, batches: Any) -> NDArray[np.float32]:
        return self.execution.predict(batches)

    def _penalties(self, batches: Any, trained: dict[str, float]) -> float:  # noqa: ARG002 - for other models
        """Sum the penalties; those of other models may depend on the rows, and training tells of them."""
        if any(isinstance(layer, keras.layers.ActivityRegularization) for layer in self.model.layers):
            return self._evaluated_penalties(batches)
        return sum(float(keras.ops.convert_to_numpy(penalty)) for penalty in self.model.losses)

    def _evaluated_penalties(self, batches: Any) -> float:
        """Return the penalties of rows as Keras evaluates them: each batch's by its share of the rows."""
        told = self.execution.evaluate(batches)
        return float(told["loss"] - told["bare"])

    def measure(self, plan: EpochPlan) -> None:
        """Measure nothing: gradients differ from backend to backend, and the user's layers are unknown."""

    def diagnose(self, plan: EpochPlan, step: int) -> None:
        """Find nothing, for the same reasons."""

    def weights(self) -> Weights:
        return weights_of(self.model)

    def predictions_by(self, weights: Weights) -> NDArray[Any]:
        put_weights(self.model, weights)
        logits = self._logits(self._in_batches(self.split.validation))
        given = self.objective.predictions(keras.ops.convert_to_tensor(logits))
        return np.asarray(keras.ops.convert_to_numpy(given))

    def arrays_of(self, weights: Any) -> Weights:
        kept: Weights = weights
        return kept

    def hold(self, weights: Weights) -> Any:
        return dict(weights)

    def state(self) -> dict[str, NDArray[Any]]:
        optimizer = self.trained.optimizer.variables
        moved = {f"optimizer/{index}": variable for index, variable in enumerate(optimizer)}
        arrays = {name: np.array(keras.ops.convert_to_numpy(v.value)) for name, v in moved.items()}
        return {**arrays, **weights_of(self.model), **self.averages.state()}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        put_weights(self.model, arrays)
        self.averages.restore(arrays)
        for index, variable in enumerate(self.trained.optimizer.variables):
            variable.assign(arrays[f"optimizer/{index}"])


def mean_of(values: Any) -> float:
    """Return the mean of a tensor, in float64."""
    return float(np.mean(keras.ops.convert_to_numpy(values), dtype=np.float64))
