"""The settings of a recipe, section by section, with their meaning, limits and defaults."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from moddefense.errors import RecipeError
from moddefense.recipe.merging import merge

KINDS = ("conv", "gru", "lstm", "mean")
METHODS = ("none", "random", "fgm", "fgsm", "pgd", "freelb", "vat", "fgm+vat")


def _key(default: Any, help: str, *, low: float | None = None, high: float | None = None,
         choices: tuple[str, ...] | None = None) -> Any:  # fmt: skip
    metadata = {"help": help, "low": low, "high": high, "choices": choices}
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass(frozen=True)
class CorpusKeys:
    """What to read from the corpus and how to split it."""

    text_column: str = _key("text", "column with the text")
    label_columns: tuple[str, ...] = _key(
        ("label",), "columns with 0/1 labels; empty or -1 means unknown"
    )
    validation_share: float = _key(
        0.1, "share for validation when the corpus has no split", low=0.01, high=0.5
    )
    test_share: float = _key(0.1, "share for test when the corpus has no split", low=0, high=0.5)
    source: str = _key("", "where the texts come from, for the model card")
    licence: str = _key("", "the licence of the texts, for the model card")


@dataclasses.dataclass(frozen=True)
class VocabularyKeys:
    """The WordPiece vocabulary, learnt on the training split."""

    size: int = _key(16000, "pieces at most", low=100, high=200_000)
    min_frequency: int = _key(3, "least count of a piece", low=1)
    opening_frequency: int = _key(
        8, "least count for a word beginning to get an embedding of its own", low=1
    )


@dataclasses.dataclass(frozen=True)
class NetworkKeys:
    """The classifier network."""

    kind: str = _key(
        "conv", "convolution, bidirectional GRU, LSTM, or mean of embeddings", choices=KINDS
    )
    embedding: int = _key(64, "embedding width", low=1, high=1024)
    channels: int = _key(
        128, "convolution channels, or units of a recurrent layer", low=1, high=4096
    )
    width: int = _key(3, "tokens that a convolution sees; odd", low=1, high=9)
    hidden: int = _key(64, "units of the hidden layer", low=1, high=4096)
    embedding_dropout: float = _key(0.4, "share of embedding values dropped", low=0, high=0.9)
    dropout: float = _key(0.3, "share of pooled features and hidden units dropped", low=0, high=0.9)
    window: int = _key(256, "tokens a window; longer texts are cut in overlapping windows", low=8)
    overlap: int = _key(32, "tokens that neighbouring windows share", low=0)


@dataclasses.dataclass(frozen=True)
class PretrainingKeys:
    """Language-model pretraining of the embeddings, and of the encoder where it is recurrent."""

    epochs: int = _key(0, "passes over the texts before training; 0 leaves it out", low=0)
    batch_size: int = _key(64, "texts a step", low=1)
    learning_rate: float = _key(0.003, "learning rate of Adam", low=0)
    negatives: int = _key(256, "tokens that each true one is compared with", low=1)
    side: int = _key(5, "neighbours to each side that conv and mean predict from", low=1, high=50)


@dataclasses.dataclass(frozen=True)
class AdversarialKeys:
    """Perturbation of the embeddings in training."""

    method: str = _key("fgm", "which perturbation", choices=METHODS)
    epsilon: float = _key(
        5.0, "L2 norm of the perturbation of a whole text; for fgsm, of each value", low=0
    )
    weight: float = _key(1.0, "weight of the adversarial loss beside the clean one", low=0)
    steps: int = _key(3, "steps of pgd and freelb", low=1, high=20)
    step: float = _key(0.5, "length of such a step, as a share of epsilon", low=0, high=2)
    unlabeled_ratio: float = _key(
        1.0, "unlabelled texts a step for each labelled one, for vat and fgm+vat", low=0, high=16
    )


@dataclasses.dataclass(frozen=True)
class AugmentationKeys:
    """Texts that are added to the training split."""

    harmless_words: int = _key(
        0, "texts of harmless words that the corpus does not know, as examples of no harm", low=0
    )
    lang: str = _key("en", "language of these words")
    tricky: float = _key(
        0.5, "share of these words that have a listed word inside, where there are such",
        low=0, high=1,
    )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class NoiseKeys:
    """Disguised copies of training texts, by families of attacks and their relative frequency."""

    share: float = _key(0.0, "share of the training texts that get a disguised copy", low=0, high=1)
    leet: float = _key(1.0, "digits and symbols for letters", low=0)
    repetition: float = _key(0.5, "letters drawn out", low=0)
    masking: float = _key(1.0, "letters covered", low=0)
    spacing: float = _key(1.0, "spaces between letters", low=0)
    punctuation: float = _key(1.0, "punctuation between letters", low=0)
    keyboard: float = _key(1.5, "the key beside the right one", low=0)
    swap: float = _key(1.5, "letters in the wrong order", low=0)
    delete: float = _key(1.5, "letters left out", low=0)
    insert: float = _key(1.5, "letters too many", low=0)
    phonetic: float = _key(3.0, "words written as they sound", low=0)
    misspelling: float = _key(3.0, "words misspelt as people do on purpose", low=0)
    join: float = _key(1.0, "words joined", low=0)
    split: float = _key(1.0, "words split", low=0)
    no_spaces: float = _key(1.0, "all spaces left out", low=0)
    love: float = _key(1.0, "a kind word added", low=0)
    append: float = _key(1.0, "harmless words added", low=0)
    padding: float = _key(0.5, "harmless sentences around", low=0)

    def __post_init__(self) -> None:
        if self.share and not any(self.kinds.values()):
            raise RecipeError("noise.share: no kind of noise has a frequency above 0; give one")

    @property
    def kinds(self) -> dict[str, float]:
        """Relative frequency by name of the family."""
        fields = (field.name for field in dataclasses.fields(self) if field.name != "share")
        return {name.replace("_", "-"): getattr(self, name) for name in fields}


@dataclasses.dataclass(frozen=True)
class TrainingKeys:
    """The optimisation."""

    epochs: int = _key(8, "passes over the training split at most", low=1)
    batch_size: int = _key(64, "texts a step", low=1)
    learning_rate: float = _key(0.001, "peak learning rate of Adam", low=0)
    early_stopping: bool = _key(True, "stop when validation no longer improves; keep the best")
    patience: int = _key(2, "epochs without improvement before stopping", low=1)


@dataclasses.dataclass(frozen=True)
class CalibrationKeys:
    """What turns logits into probabilities, fitted on validation."""

    method: str = _key(
        "auto", "how a logit becomes a probability, for each label; auto: what is best on "
        "validation", choices=("auto", "platt", "temperature", "isotonic"),
    )  # fmt: skip
    prevalence: float = _key(
        0.1, "share of harmful texts where the bundle will run; 0 keeps the corpus's",
        low=0, high=0.99,
    )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class WideKeys:
    """The linear model over token n-grams that adds to the network's logit of harm."""

    enabled: bool = _key(True, "whether there is one")
    buckets: int = _key(1 << 18, "hash buckets for token unigrams and bigrams", low=16)
    inverse_penalty: float = _key(0.3, "C of the logistic regression", low=1e-6)
    letters: int = _key(
        1 << 18, "hash buckets for n-grams of the letters of words, of a model beside; 0: none",
        low=0, high=1 << 24,
    )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class CombinationKeys:
    """How the opinions of several definitions of harm become the score."""

    main: float = _key(
        0.9, "share of weight of the main corpus when the combination is learnt", low=0.1, high=1
    )


@dataclasses.dataclass(frozen=True)
class TriggerKeys:
    """The logistic trigger before the classifier."""

    buckets: int = _key(1 << 18, "hash buckets for token unigrams and bigrams", low=16)
    inverse_penalty: float = _key(0.3, "C of the logistic regression", low=1e-6)
    target_recall: float = _key(
        0.99, "share of what the classifier flags that must set it off", low=0.5, high=1
    )
    example_weight: float = _key(
        5.0, "weight of an example of one's own (--trigger-on, --trigger-off)", low=0
    )


@dataclasses.dataclass(frozen=True)
class UncertaintyKeys:
    """Dropout sampling."""

    samples: int = _key(32, "dropout samples a text", low=2)


@dataclasses.dataclass(frozen=True)
class PolicyKeys:
    """How validation chooses the policy's thresholds."""

    review_false_positives: float = _key(
        0.05, "share of harmless texts that the classifier may send to review", low=0, high=1
    )
    block_precision: float = _key(
        0.95, "least precision of what the classifier blocks, at the calibration's prevalence",
        low=0, high=1,
    )  # fmt: skip
    label_recall: float = _key(
        0.0, "share of each label's texts that its own review threshold reaches; 0: it has none",
        low=0, high=1,
    )  # fmt: skip
    label_precision: float = _key(
        0.0, "least precision at each label's own block threshold, at the calibration's "
        "prevalence; 0: it has none", low=0, high=1,
    )  # fmt: skip
    uncertainty_reach: float = _key(
        0.5, "spreads that a score must keep from a threshold to be sure", low=0, high=10
    )


@dataclasses.dataclass(frozen=True)
class Recipe:
    """All settings of one training run. Sections are attributes: ``recipe.training.epochs``."""

    name: str = _key("unnamed", "name of the recipe")
    description: str = _key("", "what it is for")
    seed: int = _key(0, "fixes splits, initial weights, order and dropout", low=0, high=2_000_000)
    corpus: CorpusKeys = CorpusKeys()
    vocabulary: VocabularyKeys = VocabularyKeys()
    network: NetworkKeys = NetworkKeys()
    pretraining: PretrainingKeys = PretrainingKeys()
    adversarial: AdversarialKeys = AdversarialKeys()
    augmentation: AugmentationKeys = AugmentationKeys()
    noise: NoiseKeys = NoiseKeys()
    training: TrainingKeys = TrainingKeys()
    wide: WideKeys = WideKeys()
    combination: CombinationKeys = CombinationKeys()
    calibration: CalibrationKeys = CalibrationKeys()
    trigger: TriggerKeys = TriggerKeys()
    uncertainty: UncertaintyKeys = UncertaintyKeys()
    policy: PolicyKeys = PolicyKeys()

    def __post_init__(self) -> None:
        if self.network.width % 2 == 0:
            raise RecipeError(f"network.width: {self.network.width} is even; give an odd number")
        if self.network.overlap >= self.network.window:
            raise RecipeError(
                f"network.overlap: {self.network.overlap} is not below network.window "
                f"{self.network.window}"
            )

    def as_dict(self) -> dict[str, Any]:
        """Return the recipe as nested plain values, as the TOML has them."""
        nested: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(self)))
        return nested

    def override(self, settings: Mapping[str, Any]) -> Recipe:
        """Return a copy with dotted keys replaced.

        Raises RecipeError on an unknown key or a value of the wrong type or range.

        >>> Recipe().override({"training.epochs": 3}).training.epochs
        3
        """
        nested: dict[str, Any] = {}
        for key, value in settings.items():
            *sections, name = key.split(".")
            target = nested
            for section in sections:
                target = target.setdefault(section, {})
                if not isinstance(target, dict):
                    raise RecipeError(f"{key}: {section} is given a value of its own as well")
            target[name] = value
        return merge(self, nested, "", lambda key: "")
