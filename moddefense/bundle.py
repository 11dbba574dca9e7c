"""A trained pipeline on disk: a folder of plain arrays, JSON and TOML, hashed, verified at load.

::

    manifest.json     format, recipe, corpus, metrics, and size and SHA-256 of every other file
    vocabulary.json   the WordPiece vocabulary
    classifier.npz    weights, float16
    trigger.npz       n-gram weights and intercept
    calibration.json  slope and intercept a label
    policy.toml       thresholds chosen on validation

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
from moddefense.errors import BundleError, WriteError, at
from moddefense.policy import STAGES, Policy, read_policy
from moddefense.resources import bundle_dir, bundle_names

if TYPE_CHECKING:
    from moddefense.classifier.model import Classifier
    from moddefense.lexicon import Lexicon
    from moddefense.pipeline import Guard, Stage
    from moddefense.tokens import Tokenizer
    from moddefense.trigger import Trigger

__all__ = ["FORMAT", "load", "read_manifest", "save", "verify"]

FORMAT = 1
MANIFEST = "manifest.json"
FILES = ("vocabulary.json", "classifier.npz", "trigger.npz", "calibration.json", "policy.toml")
LARGEST = 1 << 30  # bytes of one file; a manifest that claims more is refused unread


def load(
    bundle: str | Path = "default",
    *,
    lexicon: Lexicon | None = None,
    policy: Policy | str | Path | None = None,
    stages: Sequence[str] = STAGES,
) -> Guard:
    """Load a bundle, by shipped name or folder, as a Guard.

    ``lexicon`` replaces the shipped lists, ``policy`` (an object or a TOML file) the bundle's own.
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
    if policy is None:
        policy = read_policy(folder / "policy.toml")
    elif not isinstance(policy, Policy):
        policy = read_policy(policy)
    models = Models(lambda: _read_models(folder, manifest))
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
        made.append(ClassifierStage(models, policy, sample_all=names == ("classifier",)))
    return Guard(made, policy, fingerprints=fingerprints)


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

    The same content gives the same bytes. Raises WriteError when ``folder`` holds something that
    is no bundle, or cannot be written.
    """
    import numpy as np

    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or _foreign(folder)):
        raise WriteError(f"{at(folder)}exists and is not a bundle; name a new folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tokenizer.save(folder / "vocabulary.json")
        half = {key: value.astype(np.float16) for key, value in classifier.weights.items()}
        np.savez_compressed(folder / "classifier.npz", allow_pickle=False, **half)
        np.savez_compressed(
            folder / "trigger.npz",
            weights=trigger.weights.astype(np.float16),
            intercept=np.float64(trigger.intercept),
        )
        calibration = {
            "slope": classifier.calibration.slope.tolist(),
            "intercept": classifier.calibration.intercept.tolist(),
        }
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
            "files": {
                file: {"bytes": (folder / file).stat().st_size, "sha256": _sha256(folder / file)}
                for file in FILES
            },
        }
        (folder / MANIFEST).write_bytes(_serialise(manifest))
    except OSError as error:
        raise WriteError(f"{at(folder)}cannot be written: {error.strerror}") from error


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
    return manifest


def verify(folder: str | Path) -> list[str]:
    """Return what is wrong with a bundle's files, a line a finding; nothing when it is sound.

    Raises BundleError when the manifest itself cannot be used.
    """
    folder = bundle_dir(str(folder))
    listed = read_manifest(folder)["files"]
    findings = []
    for file in FILES:
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
    findings += [f"{at(folder / file)}not part of the bundle" for file in _foreign(folder)]
    return findings


def _require_sound(folder: Path) -> None:
    findings = verify(folder)
    if findings:
        more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
        raise BundleError(f"{findings[0]}{more}; the bundle is damaged: restore it")


def _foreign(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name not in (*FILES, MANIFEST))


def _read_models(
    folder: Path, manifest: Mapping[str, Any]
) -> tuple[Tokenizer, Trigger, Classifier]:
    import numpy as np

    from moddefense.classifier.calibration import Calibration
    from moddefense.classifier.model import Classifier, Settings
    from moddefense.tokens import Tokenizer
    from moddefense.trigger import Trigger

    try:
        tokenizer = Tokenizer.load(folder / "vocabulary.json")
        with np.load(folder / "classifier.npz", allow_pickle=False) as arrays:
            weights = {key: arrays[key].astype(np.float32) for key in arrays.files}
        with np.load(folder / "trigger.npz", allow_pickle=False) as arrays:
            trigger = Trigger(arrays["weights"].astype(np.float32), float(arrays["intercept"]))
        stored = json.loads((folder / "calibration.json").read_text())
        calibration = Calibration(np.array(stored["slope"]), np.array(stored["intercept"]))
        settings = dict(manifest["classifier"])
        labels = tuple(settings.pop("labels"))
        classifier = Classifier(weights, calibration, Settings(label_names=labels, **settings))
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise BundleError(f"{at(folder)}cannot be loaded: {error}; restore the bundle") from error
    if len(weights["embedding"]) != tokenizer.size:
        raise BundleError(
            f"{at(folder)}{len(weights['embedding'])} embeddings for {tokenizer.size} tokens; "
            "vocabulary and classifier are not of one training"
        )
    return tokenizer, trigger, classifier


def _serialise(manifest: Mapping[str, Any]) -> bytes:
    """The one way to write a manifest; ``sha256`` is the hash of all else in it."""
    content = {key: value for key, value in manifest.items() if key != "sha256"}
    canonical = json.dumps(content, sort_keys=True).encode()
    content["sha256"] = hashlib.sha256(canonical).hexdigest()
    return (json.dumps(content, indent=1, sort_keys=True) + "\n").encode()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
