"""From a recipe and a corpus to a bundle and a report.

The steps, each on the split that may see it: vocabulary, classifier (train; early stopping on
validation), calibration, trigger, thresholds (validation), and one evaluation on test at the end.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from moddefense import __version__
from moddefense import bundle as bundles
from moddefense.augmentation import augmented
from moddefense.checks import contradictions, few_texts
from moddefense.classifier.calibration import Calibration, prevalence_weights
from moddefense.classifier.checkpoint import Checkpoint, differences
from moddefense.classifier.fitting import Progress, fit
from moddefense.classifier.model import Classifier, Settings, network_weights
from moddefense.classifier.network import Network
from moddefense.classifier.pretraining import pretrain
from moddefense.corpus import Corpus, Split
from moddefense.errors import ConfigurationError, TrainingError, at
from moddefense.evaluation.metrics import auc
from moddefense.evaluation.training import split_metrics
from moddefense.folding import fold_many
from moddefense.letters import Spelling
from moddefense.ngrams import NgramModel
from moddefense.opinions import definition_weights, learn_combination, scored_part
from moddefense.policy import Policy
from moddefense.provenance import describe_files
from moddefense.recipe import Recipe
from moddefense.thresholds import flagged_by, label_thresholds, score_thresholds
from moddefense.tokens import Tokenizer, Tokens, learn_vocabulary
from moddefense.trigger import Trigger, recall_threshold
from moddefense.unlabeled import Unlabeled, learns_from_unlabeled, require_use

__all__ = ["Bundle", "TrainingResult", "finished", "identity", "train"]


@dataclasses.dataclass(frozen=True)
class Bundle:
    """A trained pipeline in memory."""

    name: str
    tokenizer: Tokenizer
    trigger: Trigger
    classifier: Classifier
    policy: Policy
    about: dict[str, Any]

    def save(self, folder: str | Path) -> None:
        """Write it to a folder, from which ``moddefense.load`` reads it."""
        bundles.save(folder, **{f.name: getattr(self, f.name) for f in dataclasses.fields(self)})


@dataclasses.dataclass(frozen=True)
class TrainingResult:
    """A bundle and the report on its training: history, notes on the data, metrics."""

    bundle: Bundle
    report: dict[str, Any]


def train(
    recipe: Recipe,
    corpus: Corpus,
    *,
    val: Corpus | None = None,
    test: Corpus | None = None,
    unlabeled: Unlabeled | None = None,
    trigger_on: Unlabeled | None = None,
    trigger_off: Unlabeled | None = None,
    progress: Progress | None = None,
    checkpoint: Checkpoint | None = None,
    resume: bool = False,
) -> TrainingResult:
    """Train a bundle on a labelled corpus.

    The corpus is split by its ``split`` column, else by the recipe's shares; ``val`` and ``test``
    replace those parts. From ``unlabeled`` texts, but for those that a split has, learn a method
    that can and pretraining. ``trigger_on`` and ``trigger_off`` are examples of one's own of what
    should set off the trigger and what should not. ``progress`` is called with a dict for each step
    and epoch. The same recipe and corpus give the same bundle on the same machine. In
    ``checkpoint`` the training is kept while it lasts, and with ``resume`` goes on from there as if
    it had never stopped. Raises TrainingError when a split is empty or has one class only, or when
    the loss stops being a number; ConfigurationError when what is to be resumed is another
    training, or the method has no use for ``unlabeled``.

    >>> result = train(load_recipe("default"), Corpus.read("comments.csv"))  # doctest: +SKIP
    >>> result.bundle.save("models/mine")  # doctest: +SKIP
    """
    if unlabeled is not None:
        require_use(recipe)
    others: dict[str, Corpus | Unlabeled | None] = {"val": val, "test": test,
                                                    "unlabeled": unlabeled,
                                                    "trigger_on": trigger_on,
                                                    "trigger_off": trigger_off}  # fmt: skip
    sources = _sources(corpus, **others)
    if checkpoint is not None:
        checkpoint.begin(identity(recipe, sources), resume=resume)
    split = Split.of(
        corpus, seed=recipe.seed, validation_share=recipe.corpus.validation_share,
        test_share=recipe.corpus.test_share, val=val, test=test,
    )  # fmt: skip
    _require_classes(split)
    notes = [*corpus.notes, *contradictions(corpus), *split.notes, *few_texts(split)]
    if unlabeled is not None:
        unlabeled = unlabeled.apart_from(split)
        notes += [*unlabeled.notes, f"{len(unlabeled)} texts without label"]
    sizes = {name: len(getattr(split, name)) for name in ("train", "val", "test")}
    _tell(progress, kind="start", texts=sizes, notes=notes)
    tokenizer = _vocabulary(recipe, split.train)
    examples = augmented(recipe, split.train)
    if len(examples) > sizes["train"]:
        notes.append(f"train: {len(examples) - sizes['train']} texts added, see augmentation")
    parts = {"train": examples, "val": split.val, "test": split.test}
    tokens = {name: tokenizer(part.texts) for name, part in parts.items()}
    # The network learns from disguises as they are: what respelling leaves of them teaches little.
    written = {"train": tokenizer.as_written(examples.texts)}
    if unlabeled is not None:
        written["unlabeled"] = tokenizer.as_written(unlabeled.texts)
    targets = {name: _targets(part) for name, part in parts.items()}
    classifier, history = _classifier(
        recipe, split, tokenizer, tokens, written, targets, progress, checkpoint
    )
    scores = {name: classifier.score(tokens[name]) for name in tokens}
    policy = score_thresholds(recipe, split.val, classifier, tokens["val"], scores["val"][:, 0])
    trigger = _trigger(
        recipe, examples, tokens["train"], scores["train"][:, 0] >= policy.classifier_review,
        [tokenizer(own.texts if own else ()) for own in (trigger_off, trigger_on)],
    )  # fmt: skip
    flagged = flagged_by(policy, classifier, tokens["val"], scores["val"][:, 0])
    trigger = _calibrated(recipe, split.val, tokens["val"], flagged, trigger)
    policy = dataclasses.replace(
        policy,
        trigger_threshold=recall_threshold(
            trigger.probabilities(tokens["val"]), flagged, recipe.trigger.target_recall
        ),
    )
    policy, found_thresholds = label_thresholds(recipe, split.val, policy, scores["val"])
    metrics = {
        name: split_metrics(
            recipe, parts[name], tokens[name], scores[name], classifier, trigger, policy
        )
        for name in ("val", "test")
        if len(parts[name])
    }
    about: dict[str, Any] = {
        "recipe": recipe.as_dict(),
        "corpus": {
            **sources,
            "texts": sizes,
            "notes": notes,
        },
        "data": describe_files(
            {"corpus": corpus.source} | {k: c.source for k, c in others.items() if c is not None},
            described=corpus.about,
            source=recipe.corpus.source,
            licence=recipe.corpus.licence,
        ),
        "metrics": metrics,
        **found_thresholds,
    }
    if checkpoint is not None and checkpoint.changes:
        about["changes_in_training"] = checkpoint.changes
    bundle = Bundle(recipe.name, tokenizer, trigger, classifier, policy, about)
    _tell(progress, kind="done", metrics=metrics)
    return TrainingResult(bundle, {**about, "history": history})


def finished(
    folder: str | Path, recipe: Recipe, corpus: Corpus, *, val: Corpus | None = None,
    test: Corpus | None = None, unlabeled: Unlabeled | None = None,
    trigger_on: Unlabeled | None = None, trigger_off: Unlabeled | None = None,
) -> bool:  # fmt: skip
    """Whether ``folder`` has the bundle that this training would give; False for no bundle.

    Raises ConfigurationError, with the reasons, when it has another.
    """
    if not (Path(folder) / bundles.MANIFEST).is_file():
        return False
    manifest = bundles.read_manifest(folder)
    sources = _sources(
        corpus, val=val, test=test, unlabeled=unlabeled, trigger_on=trigger_on,
        trigger_off=trigger_off,
    )  # fmt: skip
    before = {
        "recipe": manifest.get("recipe", {}),
        "corpus": {
            key: value
            for key, value in manifest.get("corpus", {}).items()
            if key == "source" or key.endswith("sha256")
        },
    }
    now = {"recipe": recipe.as_dict(), "corpus": sources}
    if reasons := differences(before, now):
        raise ConfigurationError(
            f"{at(folder)}is the bundle of another training: {'; '.join(reasons.values())}; train "
            "without --resume to replace it"
        )
    return True


def identity(recipe: Recipe, sources: dict[str, str]) -> dict[str, Any]:
    """What must be equal for a training to go on where another stopped."""
    versions = {"moddefense": __version__, "numpy": np.__version__, "keras": keras.__version__,
                "tensorflow": tf.__version__}  # fmt: skip
    return {"recipe": recipe.as_dict(), "corpus": sources, "versions": versions}


def _sources(corpus: Corpus, **others: Corpus | Unlabeled | None) -> dict[str, str]:
    """Names and hashes of the corpora, for the manifest."""
    # The file's name and not its folder: where it lay says nothing to others.
    names = ", ".join(Path(part).name for part in corpus.source.split(", "))
    return {
        "source": names,
        "sha256": corpus.fingerprint,
        **{f"{name}_sha256": c.fingerprint for name, c in others.items() if c is not None},
    }


def _require_classes(split: Split) -> None:
    for name in ("train", "val", "test"):
        part: Corpus = getattr(split, name)
        harmful = int((part.harmful == 1).sum())
        unknown = int(np.isnan(part.harmful).sum())
        if unknown:
            raise TrainingError(
                f"{part.source}: {unknown} texts of {name} have no known label; leave them out"
            )
        if name != "test" and not 0 < harmful < len(part):
            raise TrainingError(
                f"{part.source}: {name} has {len(part)} texts, {harmful} of them harmful; both "
                "classes are needed to learn and to calibrate"
            )
        scored = part.scored[~np.isnan(part.scored)]
        if name != "test" and not 0 < (scored == 1).sum() < len(scored):
            raise TrainingError(
                f"{part.source}: {name} has {len(scored)} texts of the first corpus, "
                f"{int((scored == 1).sum())} of them harmful; both classes are needed for the score"
            )


def _vocabulary(recipe: Recipe, corpus: Corpus) -> Tokenizer:
    folded = fold_many(corpus.texts)
    keys = recipe.vocabulary
    learnt = learn_vocabulary(
        folded, size=keys.size, min_frequency=keys.min_frequency, lang=recipe.augmentation.lang
    )
    return learnt.with_openings(folded, min_frequency=keys.opening_frequency)


def _targets(corpus: Corpus) -> np.ndarray:
    """What the network learns: harm as such, then each label when there are several."""
    if len(corpus.label_names) == 1:
        return corpus.scored[:, None]
    return np.concatenate([corpus.scored[:, None], corpus.labels], axis=1)


def _label_weights(corpus: Corpus) -> np.ndarray | None:
    """How much each column of the targets counts."""
    if corpus.label_weights is None:
        return None
    first = [] if len(corpus.label_names) == 1 else corpus.label_weights[:1]
    return np.array([*first, *corpus.label_weights], np.float32)


def _classifier(
    recipe: Recipe, split: Split, tokenizer: Tokenizer, tokens: dict[str, Tokens],
    written: dict[str, Tokens], targets: dict[str, np.ndarray], progress: Progress | None,
    checkpoint: Checkpoint | None,
) -> tuple[Classifier, list[dict[str, float]]]:  # fmt: skip
    keys = recipe.network
    network = Network(
        kind=keys.kind, vocabulary=tokenizer.size, labels=targets["train"].shape[1],
        embedding=keys.embedding, channels=keys.channels, reach=keys.width, hidden=keys.hidden,
        embedding_dropout=keys.embedding_dropout, dropout=keys.dropout, seed=recipe.seed,
    )  # fmt: skip
    unlabeled = written.get("unlabeled")
    seen = written["train"] if unlabeled is None else written["train"].extend(unlabeled)
    network.embedding.set_frequencies(np.bincount(seen.values, minlength=tokenizer.size))
    settings = Settings(
        label_names=split.train.label_names, window=keys.window, overlap=keys.overlap,
        dropout=keys.dropout, samples=recipe.uncertainty.samples, seed=recipe.seed,
    )  # fmt: skip
    identity = Calibration(np.ones(targets["val"].shape[1]), np.zeros(targets["val"].shape[1]))
    none = NgramModel(np.zeros(1, np.float32), 0.0)

    spelling = Spelling.of(tokenizer)

    def current(
        mix: np.ndarray, wide: NgramModel, letters: np.ndarray | None, calibration: Calibration
    ) -> Classifier:
        weights = network_weights(network)
        # A sum of logits is a logit of summed weights: the combination costs nothing to serve.
        for name in ("out", "out_bias"):
            weights[name] = weights[name].copy()
            weights[name][..., 0] = weights[name] @ mix
        weights |= {"wide": wide.weights, "wide_intercept": np.array(wide.intercept)}
        if letters is not None:
            weights["letters"] = letters
        # Calibration and thresholds must fit what will be served.
        half = {k: _as_stored(w) for k, w in weights.items()}
        return Classifier(half, calibration, settings, spelling)

    alone = np.eye(targets["val"].shape[1])[0]
    watched, watched_tokens = scored_part(split.val, tokens["val"])

    def validate() -> float:
        with np.errstate(over="ignore", invalid="ignore"):
            logits = current(alone, none, None, identity).logits(watched_tokens)
        if not np.isfinite(logits).all():  # weights beyond what a bundle can store
            return float("nan")
        value = auc(watched.scored, logits[:, 0])
        assert value is not None  # both classes are there: _require_classes
        return value

    begun = checkpoint is not None and checkpoint.restore() is not None
    if recipe.pretraining.epochs and not begun:
        pretrain(network, seen, recipe, progress=progress)
    history = fit(
        network, written["train"], targets["train"], recipe, validate, progress=progress,
        checkpoint=checkpoint, unlabeled=unlabeled if learns_from_unlabeled(recipe) else None,
        label_weights=_label_weights(split.train),
    )  # fmt: skip
    mix, wide, letters = learn_combination(
        recipe, split, tokens, current(alone, none, None, identity).logits(tokens["val"]),
        spelling,
    )  # fmt: skip
    logits = current(mix, wide, letters, identity).logits(tokens["val"])
    weights = definition_weights(split.val, recipe.calibration.prevalence)
    calibrated = Calibration.fit(logits, targets["val"], weights, method=recipe.calibration.method)
    return current(mix, wide, letters, calibrated), history


def _trigger(
    recipe: Recipe, corpus: Corpus, tokens: Tokens, flagged: np.ndarray, own: Sequence[Tokens]
) -> Trigger:
    """Fit the trigger; ``own`` are examples of what should not, and should, set it off."""
    keys = recipe.trigger
    wanted = (corpus.harmful == 1) | flagged
    weights = prevalence_weights(wanted.astype(float), recipe.calibration.prevalence)
    for answer, examples in enumerate(own):
        count = len(examples.lengths)
        tokens = tokens.extend(examples)
        wanted = np.append(wanted, np.full(count, bool(answer)))
        weights = np.append(weights, np.full(count, keys.example_weight))
    trigger = Trigger.fit(
        tokens, wanted.astype(int), weights, buckets=keys.buckets,
        inverse_penalty=keys.inverse_penalty,
    )  # fmt: skip
    return Trigger(_as_stored(trigger.weights), trigger.intercept)


def _calibrated(
    recipe: Recipe, val: Corpus, tokens: Tokens, flagged: np.ndarray, trigger: Trigger
) -> Trigger:
    """Calibrate on the texts that the score is about, at the recipe's prevalence."""
    weights = definition_weights(val, recipe.calibration.prevalence)
    wanted = ((val.harmful == 1) | flagged).astype(float)
    _, tokens, wanted, weights = scored_part(val, tokens, wanted, weights)
    trigger = trigger.calibrated(tokens, wanted, weights)
    return Trigger(_as_stored(trigger.weights), trigger.intercept)


def _as_stored(weights: np.ndarray) -> np.ndarray:
    """Weights with the precision that a bundle keeps."""
    return weights.astype(np.float16).astype(np.float32)


def _tell(progress: Progress | None, **event: Any) -> None:
    if progress is not None:
        progress(event)
