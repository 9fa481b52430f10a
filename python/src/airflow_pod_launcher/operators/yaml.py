"""Applies, creates or deletes objects of any kind as a task (docs/operators.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from airflow_pod_launcher.manifest import json_problem, plain
from airflow_pod_launcher.operators.manifest import ManifestOperator
from airflow_pod_launcher.sdk import AirflowException, airflow_home
from airflow_pod_launcher.yaml_templates import render_file

FOLDER = "kub-yaml"
"""Of named YAML files, in AIRFLOW_HOME or in the DAG's template search path."""

_ENDINGS = ("", ".yaml", ".yml", ".json")


class YamlOperator(ManifestOperator):
    """Applies manifests, waits for a condition, deletes.

    One of `manifest`, `yaml_files` and `yaml_name` says what. Files are Jinja templates with `{% extends %}`.

    :param manifest: YAML with any number of documents, an object as a dict, or a list of these
    :param yaml_files: a path, or a name in the DAG's template search path; or a list of them
    :param yaml_name: name of a file in the folder, with or without its ending
    :param yaml_folder: that folder. Default: `kub-yaml` in AIRFLOW_HOME, else in the DAG's template search path
    :param yaml_template_fields: variables of the files, beside those of every Airflow template
    """

    template_fields: Sequence[str] = (
        *ManifestOperator.template_fields,
        "manifest",
        "yaml_files",
        "yaml_name",
        "yaml_folder",
        "yaml_template_fields",
    )

    def __init__(
        self,
        *,
        manifest: Any = None,
        yaml_files: str | list[str] | None = None,
        yaml_name: str | None = None,
        yaml_folder: str | None = None,
        yaml_template_fields: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        if sum(given is not None for given in (manifest, yaml_files, yaml_name)) != 1:
            raise AirflowException("YamlOperator needs one of manifest, yaml_files and yaml_name")
        super().__init__(**kwargs)
        self.manifest = plain(manifest)
        self.yaml_files = yaml_files
        self.yaml_name = yaml_name
        self.yaml_folder = yaml_folder
        self.yaml_template_fields = yaml_template_fields or {}

    def manifests(self, context: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the manifests; files are rendered."""
        if self.manifest is not None:
            given = self.manifest if isinstance(self.manifest, list) else [self.manifest]
            return [_inline(one, "manifest" if len(given) == 1 else f"manifest[{at}]") for at, one in enumerate(given)]
        dag = context.get("dag") or self.get_dag()
        # A native environment would make objects of the text.
        env = self.get_template_env() if dag is None else dag.get_template_env(force_sandboxed=True)
        if self.yaml_name is not None:
            files = [find_named(self.yaml_name, self.yaml_folder, env)]
        else:
            files = [self.yaml_files] if isinstance(self.yaml_files, str) else list(self.yaml_files or [])
        variables = {**context, **self.yaml_template_fields}
        return [{"source": name, "yaml": render_file(name, env, variables)} for name in files]


def find_named(name: str, folder: str | None, env: Any) -> str:
    """Return the file of a name, as `render_file` takes it.

    :param folder: where to look. Default: `kub-yaml` in AIRFLOW_HOME, else in the search path of `env`

    Raises ValueError when there is none, or the name leads out of the folder.
    """
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise ValueError(f"yaml_name ({name!r}) must be the name of a file in the folder")
    home = Path(folder) if folder is not None else airflow_home() / FOLDER
    for ending in _ENDINGS:
        if (home / f"{name}{ending}").is_file():
            return str((home / f"{name}{ending}").resolve())
    looked = [str(home)]
    if folder is None and env.loader is not None:
        there = set(env.loader.list_templates())
        looked.append(f"{FOLDER}/ of the template search path")
        for ending in _ENDINGS:
            if f"{FOLDER}/{name}{ending}" in there:
                return f"{FOLDER}/{name}{ending}"
    raise ValueError(f"yaml_name ({name!r}) is no file in {' or '.join(looked)}, with or without .yaml, .yml or .json")


def _inline(given: Any, source: str) -> dict[str, Any]:
    if isinstance(given, str):
        return {"source": source, "yaml": given}
    if not isinstance(given, dict):
        raise ValueError(f"{source} ({type(given).__name__}) must be text or an object")
    if problem := json_problem(given, source):
        raise ValueError(problem)
    return {"source": source, "manifest": given}
