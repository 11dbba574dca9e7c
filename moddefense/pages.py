"""HTML pages that need nothing else: a template of a package, in the frame that all pages share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["render_page"]


def render_page(
    package: str,
    template: str,
    values: Mapping[str, Any],
    *,
    filters: Mapping[str, Callable[..., str]] | None = None,
) -> str:
    """Return the page that a template in the folder ``templates`` of ``package`` makes of values.

    It extends ``page.html``, whose blocks are title, style and body. Values are escaped, and one
    that the template names and nobody gave is an error.
    """
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader("moddefense")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= filters or {}
    return environment.get_template(template).render(**values)
