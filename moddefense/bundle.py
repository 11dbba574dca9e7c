"""A trained pipeline on disk: a folder of plain arrays, JSON and TOML, hashed, verified at load.

::

    manifest.json     format, recipe, corpus, metrics, and size and SHA-256 of every other file
    vocabulary.json   the WordPiece vocabulary
    classifier.npz    weights, float16
    trigger.npz       n-gram weights and intercept
    calibration.json  slope and intercept a label
    policy.toml       thresholds chosen on validation
    MODEL_CARD.md     data, licences, figures, bias, limits, how to train the same

Nothing in a bundle is code: no pickle, no imports by name. The manifest's bytes are the one
serialisation of its content, and carry its own hash, so that no changed byte passes anywhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moddefense import __version__
from moddefense.errors import BundleError, PolicyError, WriteError, at
from moddefense.policy import STAGES, Policy, read_policy
from moddefense.replacing import replacing
from moddefense.resources import bundle_dir, bundle_names

if TYPE_CHECKING:
    import numpy as np

    from moddefense.classifier.model import Classifier
    from moddefense.lexicon import Lexicon
    from moddefense.pipeline import Guard, Stage
    from moddefense.tokens import Graph, Tokenizer
    from moddefense.trigger import Trigger

__all__ = [
    "CARD",
    "FORMAT",
    "load",
    "read_manifest",
    "read_models",
    "require_labels",
    "save",
    "verify",
]

FORMAT = 1
MANIFEST = "manifest.json"
CARD = "MODEL_CARD.md"  # for people; bundles of earlier versions lack it
FILES = ("vocabulary.json", "classifier.npz", "trigger.npz", "calibration.json", "policy.toml")
MOST_SAMPLES = 10_000  # of dropout: more would only keep the machine busy
LARGEST = 1 << 30  # bytes of one file; a manifest that claims more is refused unread


def load(
    bundle: str | Path = "default",
    *,
    lexicon: Lexicon | None = None,
    policy: Policy | str | Path | None = None,
    stages: Sequence[str] = STAGES,
    graph: Graph | None = None,
) -> Guard:
    """Load a bundle, by shipped name or folder, as a Guard.

    ``lexicon`` replaces the shipped lists, ``policy`` the bundle's own: an object, or a TOML file,
    in which keys that are left out stay the bundle's. ``graph`` cuts texts into WordPieces where
    another process does it; TensorFlow is then not loaded.
    All files are verified now; the models themselves, and TensorFlow, are loaded when the first
    text reaches them. Raises BundleError when the bundle is damaged, ConfigurationError on an
    unknown stage.

    >>> guard = load(stages=["lexicon"])
    >>> guard.screen_one("Have a nice day").decision
    'allow'
    """
    from moddefense.lexicon import Matcher, load_lexicon
    from moddefense.lexicon.stage import LexiconStage
    from moddefense.models import ClassifierStage, Models, TriggerStage
    from moddefense.pipeline import Guard, check_stages

    names = check_stages(stages)
    folder = bundle_dir(str(bundle))
    manifest = read_manifest(folder)
    _require_sound(folder)
    if not isinstance(policy, Policy):
        own = read_policy(folder / "policy.toml")
        policy = own if policy is None else read_policy(policy, base=own)
    require_labels(policy, manifest["classifier"]["labels"])
    models = Models(lambda: _read_models(folder, manifest, graph))
    made: list[Stage] = []
    fingerprints: dict[str, Any] = {
        "version": __version__,
        "stages": list(names),
        "bundle": {"name": manifest["name"], "sha256": manifest["sha256"]},
        "policy": policy.fingerprint,
    }
    if "lexicon" in names:
        matcher = Matcher(lexicon if lexicon is not None else load_lexicon("en"))
        made.append(LexiconStage(matcher))
        fingerprints["lexicon"] = {"name": matcher.lexicon.name, "sha256": matcher.fingerprint}
    if "trigger" in names:
        made.append(TriggerStage(models))
    if "classifier" in names:
        made.append(ClassifierStage(models, sample_all=names == ("classifier",)))
    return Guard(made, policy, fingerprints=fingerprints, folder=folder)


def require_labels(policy: Policy, known: Sequence[str]) -> None:
    """Raise PolicyError when a policy has rules for a label that is not ``known``."""
    for name, _ in policy.labels:
        if name not in known:
            raise PolicyError(
                f"policy: labels.{name}: the bundle has no such label; known are {', '.join(known)}"
            )


def save(
    folder: str | Path,
    *,
    name: str,
    tokenizer: Tokenizer,
    trigger: Trigger,
    classifier: Classifier,
    policy: Policy,
    about: Mapping[str, Any],
) -> None:
    """Write a bundle; ``about`` holds recipe, corpus and metrics for the manifest.

    The same content gives the same bytes. A bundle that is there stays whole until the new one is.
    Raises WriteError when ``folder`` holds something that is no bundle, or cannot be written.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or _foreign(folder)):
        raise WriteError(f"{at(folder)}exists and is not a bundle; name a new folder")
    try:
        with replacing(folder, last=MANIFEST) as fresh:
            _write(fresh, name, tokenizer, trigger, classifier, policy, about)
    except OSError as error:
        raise WriteError(f"{at(folder)}cannot be written: {error.strerror}") from error


def _write(
    folder: Path, name: str, tokenizer: Tokenizer, trigger: Trigger, classifier: Classifier,
    policy: Policy, about: Mapping[str, Any],
) -> None:  # fmt: skip
    import numpy as np

    from moddefense.model_card import render_card

    tokenizer.save(folder / "vocabulary.json")
    half = {key: value.astype(np.float16) for key, value in classifier.weights.items()}
    np.savez_compressed(folder / "classifier.npz", allow_pickle=False, **half)
    np.savez_compressed(
        folder / "trigger.npz",
        weights=trigger.weights.astype(np.float16),
        intercept=np.float64(trigger.intercept),
    )
    calibration = classifier.calibration.as_dict()
    (folder / "calibration.json").write_text(json.dumps(calibration, indent=1) + "\n")
    (folder / "policy.toml").write_text(policy.to_toml())
    settings = classifier.settings
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "name": name,
        "version": __version__,
        "classifier": {
            "labels": list(settings.label_names),
            "window": settings.window,
            "overlap": settings.overlap,
            "dropout": settings.dropout,
            "samples": settings.samples,
            "seed": settings.seed,
        },
        **about,
    }
    (folder / CARD).write_text(render_card(manifest), encoding="utf-8")
    manifest["files"] = {
        file: {"bytes": (folder / file).stat().st_size, "sha256": _sha256(folder / file)}
        for file in (*FILES, CARD)
    }
    (folder / MANIFEST).write_bytes(_serialise(manifest))


def read_manifest(folder: str | Path) -> dict[str, Any]:
    """Read and check ``manifest.json`` of a bundle folder or shipped bundle.

    Raises BundleError when it is missing, of another format, or changed since it was written.
    """
    folder = bundle_dir(str(folder))
    path = folder / MANIFEST
    try:
        raw = path.read_bytes()
    except OSError as error:
        shipped = ", ".join(bundle_names()) or "none"
        raise BundleError(
            f"{at(folder)}no bundle here ({MANIFEST}: {error.strerror}); shipped bundles are "
            f"{shipped}"
        ) from error
    try:
        manifest = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{at(path)}damaged: not valid JSON; restore the bundle") from error
    if not isinstance(manifest, dict) or "format" not in manifest:
        raise BundleError(f"{at(path)}damaged: not a bundle's manifest; restore the bundle")
    if manifest["format"] != FORMAT:
        raise BundleError(
            f"{at(path)}bundle format {manifest['format']!r}; this version reads {FORMAT}: "
            "install the version that wrote it, or train again"
        )
    if raw != _serialise(manifest):
        raise BundleError(f"{at(path)}damaged: changed since it was written; restore the bundle")
    problem = _manifest_problem(manifest)
    if problem:
        raise BundleError(f"{at(path)}{problem}; train the bundle again")
    return manifest


def verify(folder: str | Path) -> list[str]:
    """Return what is wrong with a bundle's files, a line a finding; nothing when it is sound.

    Raises BundleError when the manifest itself cannot be used.
    """
    folder = bundle_dir(str(folder))
    listed = read_manifest(folder)["files"]
    findings = []
    for file in (*FILES, *((CARD,) if CARD in listed else ())):
        if file not in listed:
            findings.append(f"{at(folder / MANIFEST)}does not list {file}")
            continue
        path, expected = folder / file, listed[file]
        if not path.is_file():
            findings.append(f"{at(path)}missing")
        elif expected["bytes"] > LARGEST:
            findings.append(f"{at(path)}{expected['bytes']} bytes are more than {LARGEST}")
        elif path.stat().st_size != expected["bytes"]:
            size = path.stat().st_size
            findings.append(f"{at(path)}has {size} bytes, {expected['bytes']} were written")
        elif _sha256(path) != expected["sha256"]:
            findings.append(f"{at(path)}content differs from what was written (SHA-256)")
    unlisted = [CARD] if CARD not in listed and (folder / CARD).exists() else []
    findings += [
        f"{at(folder / file)}not part of the bundle" for file in (*unlisted, *_foreign(folder))
    ]
    return findings


def read_models(bundle: str | Path) -> tuple[Tokenizer, Trigger, Classifier]:
    """Read the models of a bundle, by shipped name or folder, to look into them.

    Loads no TensorFlow until the tokenizer is used. Raises BundleError when the bundle is damaged.
    """
    folder = bundle_dir(str(bundle))
    return _read_models(folder, read_manifest(folder), None)


def _require_sound(folder: Path) -> None:
    findings = verify(folder)
    if findings:
        more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
        raise BundleError(f"{findings[0]}{more}; the bundle is damaged: restore it")


def _foreign(folder: Path) -> list[str]:
    known = (*FILES, CARD, MANIFEST)
    return sorted(path.name for path in folder.iterdir() if path.name not in known)


def _read_models(
    folder: Path, manifest: Mapping[str, Any], graph: Graph | None = None
) -> tuple[Tokenizer, Trigger, Classifier]:
    import numpy as np

    from moddefense.classifier.calibration import Calibration
    from moddefense.classifier.model import Classifier, Settings
    from moddefense.letters import Spelling
    from moddefense.tokens import Tokenizer
    from moddefense.trigger import Trigger

    if read_manifest(folder) != manifest:
        raise BundleError(f"{at(folder)}replaced since it was loaded; load it again")
    _require_sound(folder)
    try:
        tokenizer = Tokenizer.load(folder / "vocabulary.json", graph=graph)
        weights = {k: v.astype(np.float32) for k, v in _arrays(folder / "classifier.npz").items()}
        linear = _arrays(folder / "trigger.npz")
        trigger = Trigger(linear["weights"].astype(np.float32), float(linear["intercept"]))
        stored = json.loads((folder / "calibration.json").read_text())
        calibration = Calibration.from_dict(stored)
        settings = dict(manifest["classifier"])
        labels = tuple(settings.pop("labels"))
        classifier = Classifier(
            weights, calibration, Settings(label_names=labels, **settings), Spelling.of(tokenizer)
        )
        problem = _model_problem(tokenizer.size, weights, classifier, trigger)
    except Exception as error:  # whatever breaks here, it is for what the files hold
        why = " ".join(f"{type(error).__name__}: {error}".split())
        raise BundleError(f"{at(folder)}cannot be loaded: {why}; restore the bundle") from error
    if problem:
        raise BundleError(f"{at(folder)}{problem}; its files are not of one training")
    return tokenizer, trigger, classifier


def _arrays(path: Path) -> dict[str, np.ndarray]:
    import numpy as np

    # Opened here, for numpy would leave a file that is no archive open.
    with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        return {key: arrays[key] for key in arrays.files}


def _manifest_problem(manifest: Mapping[str, Any]) -> str | None:
    """What an intact manifest, which somebody else may have made, lacks to be used."""
    files, network = manifest.get("files"), manifest.get("classifier")
    if not isinstance(manifest.get("name"), str):
        return "name is not a string"
    if not isinstance(files, dict) or not all(
        isinstance(entry, dict)
        and isinstance(entry.get("bytes"), int)
        and isinstance(entry.get("sha256"), str)
        for entry in files.values()
    ):
        return "files are not listed with bytes and sha256"
    wanted = {"labels": list, "window": int, "overlap": int, "dropout": float, "samples": int,
              "seed": int}  # fmt: skip
    if not isinstance(network, dict) or {k: type(v) for k, v in network.items()} != wanted:
        return f"classifier does not have {', '.join(wanted)} of the right types"
    labels = network["labels"]
    if (
        not labels
        or len(set(map(str, labels))) < len(labels)
        or not all(isinstance(label, str) for label in labels)
    ):
        return "classifier.labels are not different names"
    if not (
        0 <= network["overlap"] < network["window"]
        and 0 <= network["dropout"] < 1
        and 1 <= network["samples"] <= MOST_SAMPLES
        and network["seed"] >= 0
    ):
        return "a value of classifier is out of range"
    return None


def _model_problem(
    tokens: int, weights: Mapping[str, np.ndarray], classifier: Classifier, trigger: Trigger
) -> str | None:
    """What does not fit together: shapes, or values that are not numbers."""
    import numpy as np

    from moddefense.classifier.pooling import encoder_shapes

    names = classifier.label_names
    encoder, features = encoder_shapes(weights)
    hidden, outputs = weights["in"].shape[1], len(names) + (len(names) > 1)
    shapes = {
        **encoder, "embedding": (tokens, weights["embedding"].shape[1]),
        "in": (features, hidden), "in_bias": (hidden,), "out": (hidden, outputs),
        "out_bias": (outputs,), "wide_intercept": (),
    }  # fmt: skip
    for name, shape in shapes.items():
        if weights[name].shape != shape:
            return f"classifier.npz: {name} is {weights[name].shape}, not {shape}"
    arrays = {
        **weights,
        "trigger": trigger.weights,
        "trigger_intercept": np.array(trigger.intercept),
    }
    if (problem := classifier.calibration.problem(outputs)) is not None:
        return f"calibration.json: {problem}"
    for name in {"wide", "letters", "trigger"} & arrays.keys():
        if arrays[name].ndim != 1 or not arrays[name].size:
            return f"{name} is {arrays[name].shape}, not one row of weights"
    if "kernel" in weights and len(weights["kernel"]) % 2 == 0:
        return f"classifier.npz: kernel spans {len(weights['kernel'])} tokens, which is even"
    wrong = [name for name, values in arrays.items() if not np.isfinite(values).all()]
    return f"{wrong[0]} is not finite" if wrong else None


def _serialise(manifest: Mapping[str, Any]) -> bytes:
    """The one way to write a manifest; ``sha256`` is the hash of all else in it."""
    content = {key: value for key, value in manifest.items() if key != "sha256"}
    canonical = json.dumps(content, sort_keys=True).encode()
    content["sha256"] = hashlib.sha256(canonical).hexdigest()
    return (json.dumps(content, indent=1, sort_keys=True) + "\n").encode()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
