"""YAML files as Jinja templates, found and extended as Airflow finds templates; what is wrong is told with its line."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from typing import Any

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, Template, TemplateNotFound, TemplateSyntaxError


class TemplateFailed(ValueError):
    """A template cannot be found or rendered; the message has file and line."""


def render_file(name: str, env: Environment, variables: Mapping[str, Any]) -> str:
    """Return the rendered text of a file.

    :param name: relative to the environment's search path, or an absolute path; then what it extends or includes may
        lie beside it, or in the search path
    :param env: of the DAG (`dag.get_template_env(force_sandboxed=True)`)
    :param variables: what the template may use; only what it does use is looked up

    Raises TemplateFailed with file, line and reason.
    """
    folder, base = os.path.split(name)
    if os.path.isabs(name):
        loaders = [FileSystemLoader(folder), *([env.loader] if env.loader is not None else [])]
        env, asked = env.overlay(loader=ChoiceLoader(loaders)), base
    else:
        asked = name
    try:
        return _rendered(env.get_template(asked), variables)
    except TemplateNotFound as error:
        missing = name if error.name == asked else error.name
        place = "" if error.name == asked else f"{_place(name, error)}: "
        raise TemplateFailed(f"{place}template {missing!r} is not found in {', '.join(_folders(env))}") from error
    except TemplateSyntaxError as error:
        raise TemplateFailed(f"{error.filename or name}, line {error.lineno}: {error.message}") from error
    except Exception as error:
        raise TemplateFailed(f"{_place(name, error)}: {type(error).__name__}: {error}") from error


def _rendered(template: Template, variables: Mapping[str, Any]) -> str:
    """Render without a copy of the values: those of Airflow 2 warn when they are looked at, or ask the database."""
    known = copy.copy(variables)
    known.update({name: one for name, one in template.globals.items() if name not in known})  # type: ignore[attr-defined]
    try:
        return "".join(template.root_render_func(template.new_context(known, shared=True)))  # type: ignore[arg-type]
    except Exception:
        # Puts the lines of the templates into the traceback.
        template.environment.handle_exception()


def _place(name: str, error: BaseException) -> str:
    """Return file and line of the innermost template that was at work: Jinja puts them into the traceback."""
    found, trace = name, error.__traceback__
    while trace is not None:
        if "__jinja_exception__" in trace.tb_frame.f_globals:
            found = f"{trace.tb_frame.f_code.co_filename}, line {trace.tb_lineno}"
        trace = trace.tb_next
    return found


def _folders(env: Environment) -> list[str]:
    loaders = env.loader.loaders if isinstance(env.loader, ChoiceLoader) else [env.loader]
    return [path for loader in loaders for path in getattr(loader, "searchpath", ())] or ["no folder"]
