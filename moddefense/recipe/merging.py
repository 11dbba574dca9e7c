"""Values into settings: the right keys, of the right kind and within their limits, or an error."""

from __future__ import annotations

import dataclasses
import math
import types
from collections.abc import Mapping
from typing import Any

from moddefense.errors import RecipeError

__all__ = ["merge"]


def merge(settings: Any, nested: Mapping[str, Any], prefix: str, where: Any) -> Any:
    """Return ``settings``, a dataclass of dataclasses, with the values of ``nested``.

    ``where(key)`` is what an error begins with: file and line of a dotted key, which begins with
    ``prefix``. Raises RecipeError on an unknown key or a value of the wrong kind or range.
    """
    fields = {field.name: field for field in dataclasses.fields(settings)}
    changes: dict[str, Any] = {}
    for name, value in nested.items():
        key = f"{prefix}{name}"
        if name not in fields:
            known = ", ".join(fields)
            raise RecipeError(f"{where(key)}unknown recipe key {key!r}; known here are {known}")
        current = getattr(settings, name)
        if dataclasses.is_dataclass(current):
            if not isinstance(value, Mapping):
                raise RecipeError(f"{where(key)}{key}: {value!r} is not a section of keys")
            changes[name] = merge(current, value, f"{key}.", where)
        else:
            changes[name] = _check(key, value, current, fields[name].metadata, where)
    try:
        return dataclasses.replace(settings, **changes)
    except RecipeError as error:
        key = str(error).split(":", 1)[0]
        raise RecipeError(f"{where(key)}{error}") from None


def _check(
    key: str, value: Any, current: Any, limits: types.MappingProxyType[Any, Any], where: Any
) -> Any:
    if isinstance(current, tuple):
        value = tuple(value.split(",")) if isinstance(value, str) else value
        names = value if isinstance(value, list | tuple) else ()
        if not names or not all(isinstance(v, str) and v for v in names):
            raise RecipeError(
                f"{where(key)}{key}: {value!r} is not a list of names; name at least one"
            )
        return tuple(value)
    if isinstance(current, float) and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type(value) is not type(current):
        wanted = type(current).__name__
        raise RecipeError(f"{where(key)}{key}: {value!r} is not a {wanted}, like {current!r}")
    low, high, choices = limits["low"], limits["high"], limits["choices"]
    if choices and value not in choices:
        raise RecipeError(f"{where(key)}{key}: {value!r} is none of {', '.join(choices)}")
    if isinstance(value, float) and not math.isfinite(value):
        raise RecipeError(f"{where(key)}{key}: {value!r} is out of range; give a finite number")
    if (low is not None and not value >= low) or (high is not None and not value <= high):
        bounds = f"at least {low}" if high is None else f"from {low} to {high}"
        raise RecipeError(f"{where(key)}{key}: {value!r} is out of range; give a number {bounds}")
    return value
