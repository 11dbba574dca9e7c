"""The state of an unfinished training on disk, so that it can go on after a crash.

In the folder lie ``arrays-N.npz`` (weights, optimiser slots) and ``state.json``, which names the
arrays with their hash, the position they were taken at, and the run they belong to. Each file is
written whole before it gets its name, and the state names the new arrays only when they are on the
disk: whenever a run is killed, the folder holds one checkpoint that fits together. The folder is
locked for as long as a training works with it.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

from moddefense.errors import ConfigurationError, ReadError, WriteError, at
from moddefense.locking import locked_folder

__all__ = ["Checkpoint", "Saved", "differences"]

FORMAT = 1
STATE = "state.json"
EVERY = 15.0  # seconds between two checkpoints within an epoch
SHARE = 30  # times as long as writing takes, at least, so that large networks do not only write
EASING = ("recipe.training.learning_rate", "recipe.adversarial.epsilon",
          "recipe.adversarial.weight")  # fmt: skip
"""What may be another when a training that diverged goes on."""


class Saved(NamedTuple):
    """One checkpoint: plain values, and arrays by name."""

    position: dict[str, Any]
    arrays: dict[str, np.ndarray]


class Checkpoint:
    """The folder of one unfinished training, locked. Use it in a ``with`` statement.

    ``every`` is the least number of seconds between two checkpoints that ``due`` asks for. Raises
    WriteError when the folder cannot be made or another training works in it.

    >>> with Checkpoint("models/mine.training") as checkpoint:  # doctest: +SKIP
    ...     train(recipe, corpus, checkpoint=checkpoint, resume=True).bundle.save("models/mine")
    ...     checkpoint.remove()
    """

    def __init__(self, folder: str | Path, *, every: float = EVERY) -> None:
        self.folder = Path(folder)
        self.every = every
        self.changes: list[str] = []
        self._identity: dict[str, Any] = {}
        self._saved: Saved | None = None
        self._number = 0
        self._last = time.monotonic()
        self._pause = every
        self._lock = -1

    def __enter__(self) -> Self:
        try:
            self._lock = locked_folder(self.folder)
        except BlockingIOError:
            raise WriteError(
                f"{at(self.folder)}is locked by another training; wait for it, or choose another "
                "output"
            ) from None
        except OSError as error:
            raise WriteError(f"{at(self.folder)}cannot be written: {error.strerror}") from None
        return self

    def __exit__(self, *exception: object) -> None:
        if not (self.folder / STATE).exists():
            shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self._lock)
        self._lock = -1

    @property
    def started(self) -> bool:
        """Whether an unfinished training has left something here."""
        return (self.folder / STATE).is_file()

    def begin(self, identity: Mapping[str, Any], *, resume: bool) -> None:
        """Say what is trained: nested plain values that must be equal for a training to go on.

        Without ``resume`` what lies here is dropped. Raises ConfigurationError, with the reasons,
        when it belongs to another training; ReadError when it is damaged.
        """
        self._identity = json.loads(json.dumps(identity))
        found = self._read_state() if resume else None
        if found is None:
            self._drop_all_but(())
            return
        self.changes = list(found["changes"])
        reasons = differences(found["identity"], self._identity)
        if found["diverged"]:
            eased = {key: reason for key, reason in reasons.items() if key in EASING}
            if not eased:
                raise ConfigurationError(
                    f"{at(self.folder)}this training stopped because {found['diverged']}; --resume "
                    "needs a lower training.learning_rate or adversarial.epsilon"
                )
            reasons = {key: reason for key, reason in reasons.items() if key not in EASING}
            where = f"epoch {found['position']['epoch'] + 1}, step {found['position']['step']}"
            self.changes.append(f"from {where} on: {'; '.join(eased.values())}")
        if reasons:
            raise ConfigurationError(
                f"{at(self.folder)}cannot resume: {'; '.join(reasons.values())}; train with the "
                "former settings, or without --resume to start anew"
            )
        self._saved = Saved(found["position"], self._read_arrays(found))
        self._number = found["number"]
        self._drop_all_but((STATE, found["arrays"]))

    def restore(self) -> Saved | None:
        """The checkpoint to go on from; None when the training is to start."""
        return self._saved

    @property
    def due(self) -> bool:
        """Whether it is time for another checkpoint."""
        return time.monotonic() - self._last >= self._pause

    def write(self, position: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
        """Replace the checkpoint. Raises WriteError; the former one stays then."""
        began = time.monotonic()
        number = self._number + 1
        content = io.BytesIO()
        np.savez(content, allow_pickle=False, **arrays)
        data = content.getbuffer()
        name = f"arrays-{number}.npz"
        self._put(name, data)
        digest = hashlib.sha256(data).hexdigest()
        self._put_state(number=number, arrays=name, sha256=digest, position=dict(position))
        self._number = number
        self._drop_all_but((STATE, name))
        self._last = time.monotonic()
        self._pause = max(self.every, SHARE * (self._last - began) if self.every else 0)

    def diverged(self, why: str) -> bool:
        """Note that the training stopped after the checkpoint; False when there is none."""
        found = self._read_state()
        if found is None:
            return False
        self._put_state(**{**found, "diverged": why})
        return True

    def remove(self) -> None:
        """Remove the folder: the training is finished and its result saved."""
        # The state goes first: without it the rest counts for nothing.
        (self.folder / STATE).unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _put_state(self, **entries: Any) -> None:
        state = {"diverged": None, "identity": self._identity, "changes": self.changes, **entries}
        content = json.dumps({**state, "format": FORMAT}, indent=1) + "\n"
        self._put(STATE, content.encode())

    def _put(self, name: str, data: bytes | memoryview) -> None:
        fresh = self.folder / f"{name}.new"
        try:
            with open(fresh, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(fresh, self.folder / name)
            os.fsync(self._lock)
        except OSError as error:
            raise WriteError(f"{at(fresh)}cannot be written: {error.strerror}") from error

    def _read_state(self) -> dict[str, Any] | None:
        path = self.folder / STATE
        try:
            state: dict[str, Any] = json.loads(path.read_bytes())
            format = state["format"]
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ReadError(f"{at(path)}cannot be read: {error.strerror}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise self._damaged(path) from error
        if format != FORMAT:
            raise ConfigurationError(
                f"{at(path)}checkpoint format {format!r}; this version reads {FORMAT}: train "
                "without --resume to start anew"
            )
        return state

    def _read_arrays(self, state: Mapping[str, Any]) -> dict[str, np.ndarray]:
        path = self.folder / Path(state["arrays"]).name
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ReadError(f"{at(path)}cannot be read: {error.strerror}") from error
        if hashlib.sha256(data).hexdigest() != state["sha256"]:
            raise self._damaged(path)
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}

    def _damaged(self, path: Path) -> ReadError:
        return ReadError(f"{at(path)}damaged; train without --resume to start anew")

    def _drop_all_but(self, names: tuple[str, ...]) -> None:
        try:
            for path in self.folder.iterdir():
                if path.name not in names:
                    path.unlink()
        except OSError as error:
            raise WriteError(f"{at(self.folder)}cannot be written: {error.strerror}") from error


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, str]:
    """Where two nested mappings differ: dotted key to a reason in words.

    >>> differences({"recipe": {"seed": 1}}, {"recipe": {"seed": 2}})
    {'recipe.seed': 'recipe.seed was 1, is 2'}
    """
    old, new = _flat(before), _flat(now)
    found = {}
    for key in dict.fromkeys([*new, *old]):
        if key not in old or key not in new or old[key] != new[key]:
            was, is_now = (_brief(values[key]) if key in values else "not given"
                           for values in (old, new))  # fmt: skip
            found[key] = f"{key} was {was}, is {is_now}"
    return found


def _flat(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _brief(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else text[:37] + "..."
