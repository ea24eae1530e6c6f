"""How a configuration is trained, as plain code: loss, optimizer, batches, and the best epoch."""

from __future__ import annotations

from collections.abc import Iterator

from hpsearch.data import Dataset
from hpsearch.exceptions import UnsupportedError
from hpsearch.models.components.losses import FROM_LOGITS, FROM_SCORES, OF_NUMBERS
from hpsearch.models.components.objectives import Objective
from hpsearch.models.sources.tabm import MEMBERS
from hpsearch.spec import EarlyStopping, StudySpec, Training
from hpsearch.store.record import TrialRecord
from hpsearch.study.script.expression import call_of
from hpsearch.study.script.metric import is_written, metric_lines, takes_one_hot
from hpsearch.study.script.network import draws
from hpsearch.study.script.schedule import is_moving, schedule_lines
from hpsearch.training.class_weights import weights_of_classes
from hpsearch.training.fit.inner_network import TabmNetwork
from hpsearch.training.fit.network import NOT_DECAYED, FitNetwork
from hpsearch.training.schedules import run_length

DERIVED = '''
def derived(seed, *purpose):
    """Return the seed for a purpose, as the study derived it."""
    text = "\\x1f".join([str(seed), *(f"{type(part).__name__}:{part}" for part in purpose)])
    digest = blake2b(text.encode(), digest_size=8, person=b"hpsearch").digest()
    return int.from_bytes(digest, "big") >> 1

'''

LOSS_OF_MEMBERS = '''
of_rows = {inner}


def loss_of_members(y, logits):
    """Return the mean of the losses of the members, of which `trained` gives the logits in one row."""
    y = keras.ops.repeat(keras.ops.reshape(y, {shape}), {members}, axis=0)
    losses = of_rows(y, keras.ops.reshape(logits, (-1, {units})))
    return keras.ops.mean(keras.ops.reshape(losses, (-1, {members})), axis=1)


trained = keras.Model(inputs, {layer})'''

NOISE = '''
def seed_noise(epoch):
    """Seed what layers such as dropout draw in an epoch."""
    for name, state in states.items():
        state.assign(np.array([derived(derived(SEED, "noise", epoch), name) % 2**31, 0], state.dtype))

'''

JUDGED = '''
def judged():
    """Return {metric} of the validation rows."""
    logits = model.predict(x_validation, batch_size={size}, verbose=0)
    {judged}


best = None
for epoch in range(1, EPOCHS + 1):
    order = np.random.default_rng(derived(SEED, "order", epoch)).permutation(len(x_train)){cut}{noise}
    {trained}.fit(x_train[order], y_train[order], {weights}batch_size=BATCH_SIZE, shuffle=False, verbose=0)
    value = judged()
    print(f"epoch {{epoch}}: {metric} {{value}}")
    if best is None or value {better} best:
        best, best_epoch, weights_of_best = value, epoch, model.get_weights(){stop}

model.set_weights(weights_of_best)
print(f"{metric} {{best!r}} in epoch {{best_epoch}}; the study has {value!r} in epoch {epoch}")'''


def check_training(spec: StudySpec, training: Training, objective: Objective) -> None:
    """Refuse what no script is written for.

    Raises:
        UnsupportedError: It is asked for.
    """
    name = objective.loss_name
    raw = objective.activation == "linear" or name in FROM_LOGITS | FROM_SCORES
    scaling = objective.scaling
    reasons = {
        f"it is judged by {spec.search.first_metric}": not is_written(spec.search.first_metric, objective),
        "its loss is a function of its own": objective.function is not None,
        f"its loss {name} is computed from probabilities": not raw,
        "its targets are transformed by more than their mean and deviation": scaling is not None
        and (scaling.exponent is not None or scaling.low is not None or objective.several),
        "its rates of dropout or its weight decay have a schedule": bool(
            training.dropout_schedule or training.weight_decay_schedule
        ),
        f"its layers compute in {training.precision}": training.precision is not None,
        "its optimizer keeps averages of the weights": bool(getattr(training.optimizer, "use_ema", False)),
    }
    why = next((reason for reason, given in reasons.items() if given), None)
    if why is not None:
        raise UnsupportedError(f"no plain script can be written of this study: {why}")


def epochs_of(training: Training, trial: TrialRecord, epochs: int) -> tuple[int, int | None]:
    """Return for how many epochs a script trains, and the patience by which it may end before.

    Where the rule of early stopping has options, or something else ended the trial, it trains as many epochs
    as the trial did.
    """
    early, waited = training.early_stopping, trial.epochs - (trial.best_epoch or 0)
    plain = isinstance(early, EarlyStopping) and early == EarlyStopping(patience=early.patience)
    if plain and early is not None and (trial.epochs == epochs or waited == early.patience):
        return epochs, early.patience
    return trial.epochs, None


def training_lines(
    spec: StudySpec, dataset: Dataset, network: FitNetwork, trial: TrialRecord
) -> Iterator[str]:
    """Write the training of a network, with the weights of its best epoch in the end."""
    training, objective = network.member.configuration.training, network.objective
    length = run_length(training, dataset.train_rows)
    weights = weights_of_classes(training, dataset.splits[0].train, dataset.labels)
    if weights is not None:
        yield f"weights = np.float32({weights.tolist()})[y_train]  # of the classes"
    if takes_one_hot(objective):
        yield f"y_train = np.eye({objective.outputs}, dtype=np.float32)[y_train]"
    yield from schedule_lines(training, length, trial)
    yield from _compiled(network)
    noise = draws(network.model)
    if noise:
        yield from _states(network)
    yield _loop(spec, network, trial, noise=noise, weighted=weights is not None)


def _loop(spec: StudySpec, network: FitNetwork, trial: TrialRecord, *, noise: bool, weighted: bool) -> str:
    """Write the epochs, each with its validation."""
    training = network.member.configuration.training
    length = run_length(training, len(network.split.train))
    _, patience = epochs_of(training, trial, length.epochs)
    left = f"{length.steps} - (epoch - 1) * {length.steps_per_epoch}"
    return JUDGED.format(
        metric=spec.search.first_metric,
        size=network._in_batches(network.split.validation).size,  # noqa: SLF001 - as the study predicted
        judged="\n    ".join(metric_lines(spec.search.first_metric, network.objective)),
        cut="" if training.steps is None else f"[: BATCH_SIZE * ({left})]",
        noise="\n    seed_noise(epoch)" if noise else "",
        weights="sample_weight=weights[order], " if weighted else "",
        better="<" if spec.search.direction == "minimize" else ">",
        trained=_trained(network),
        stop="" if patience is None else f"\n    elif epoch - best_epoch >= {patience}:\n        break",
        value=trial.value,
        epoch=trial.best_epoch,
    )


def _trained(network: FitNetwork) -> str:
    """Return the name of the model that is trained."""
    return "trained" if isinstance(network, TabmNetwork) else "model"


def _compiled(network: FitNetwork) -> Iterator[str]:
    training, optimizer = network.member.configuration.training, network.trained.optimizer
    rate = "Schedule()" if is_moving(training) else repr(training.learning_rate)
    yield f"loss = {call_of(network.objective.inner_loss('logits'), 'name')}"
    trained, loss = _trained(network), "loss"
    if isinstance(network, TabmNetwork):
        yield _loss_of_members(network)
        loss = "loss_of_members"
    yield f"optimizer = {call_of(optimizer, 'name', learning_rate=rate)}"
    if training.decay_biases is False:
        kept = f"[one for one in model.trainable_variables if one.name in {NOT_DECAYED}]"
        yield f"optimizer.exclude_from_weight_decay(var_list={kept})"
    yield f"{trained}.compile(optimizer=optimizer, loss={loss})"


def _loss_of_members(network: TabmNetwork) -> str:
    """Write the mean of the losses of the members of TabM, and the model that it is of."""
    objective, outputs = network.objective, network.trained.outputs[0].shape[-1]
    return LOSS_OF_MEMBERS.format(
        inner=call_of(objective.inner_loss("logits"), "name", reduction="None"),
        shape="(-1,)" if objective.loss_name in OF_NUMBERS else f"(-1, {objective.units})",
        members=outputs // objective.units,
        units=objective.units,
        layer=MEMBERS,
    )


def _states(network: FitNetwork) -> Iterator[str]:
    """Write what seeds each layer that draws, by the names that the study has for them."""
    if hasattr(network, "_random_states"):
        known = "[one for one in model.variables if one.name == 'seed_generator_state']"
        yield f"states = {{f'random/{{index}}': state for index, state in enumerate({known})}}"
    else:
        known = "for layer in model.layers if hasattr(layer, 'seed_generator')"
        yield f"states = {{layer.name: layer.seed_generator.state {known}}}"
    yield NOISE
