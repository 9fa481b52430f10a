from __future__ import annotations

from collections import UserDict
from pathlib import Path

import jinja2
import pytest

from airflow_pod_launcher.yaml_templates import TemplateFailed, render_file


@pytest.fixture
def env(tmp_path: Path) -> jinja2.Environment:
    for name, text in {
        "head.yaml": "kind: Job\n{% block spec %}{% endblock %}\n{{ foot }}",
        "body.yaml": "{% extends 'head.yaml' %}\n{% block spec %}\nspec: {{ spec }}{% endblock %}",
        "lost.yaml": "{% extends 'nowhere.yaml' %}",
        "syntax.yaml": "kind: Job\nspec: {% if %}",
        "broken.yaml": "kind: Job\n\nspec: {{ 1 / zero }}",
    }.items():
        (tmp_path / name).write_text(text)
    return jinja2.Environment(loader=jinja2.FileSystemLoader(tmp_path), undefined=jinja2.StrictUndefined)


def test_a_template_extends_another_one_of_the_search_path(env: jinja2.Environment) -> None:
    assert render_file("body.yaml", env, {"spec": "{}", "foot": "# end"}) == "kind: Job\n\nspec: {}\n# end"


def test_only_what_a_template_uses_is_looked_up(env: jinja2.Environment) -> None:
    class Context(UserDict[str, str]):
        def __getitem__(self, name: str) -> str:
            assert name != "deprecated"
            return super().__getitem__(name)

    env.globals["foot"] = "# of all"
    assert "# of all" in render_file("body.yaml", env, Context(spec="{}", deprecated="no"))


def test_an_absolute_path_needs_no_search_path_and_finds_what_lies_beside_it(
    env: jinja2.Environment, tmp_path: Path
) -> None:
    path = str(tmp_path / "body.yaml")
    assert "spec: {}" in render_file(path, jinja2.Environment(), {"spec": "{}", "foot": ""})
    other = tmp_path / "other"
    other.mkdir()
    (other / "body.yaml").write_text("{% extends 'head.yaml' %}{% block spec %}other{% endblock %}")
    assert "other" in render_file(str(other / "body.yaml"), env, {"foot": ""})


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("body.yaml", r"body\.yaml, line 3: UndefinedError: 'spec' is undefined"),
        ("lost.yaml", r"lost\.yaml, line 1: template 'nowhere\.yaml' is not found in /"),
        ("syntax.yaml", r"syntax\.yaml, line 2: Expected an expression"),
        ("broken.yaml", r"broken\.yaml, line 3: ZeroDivisionError: division by zero"),
        ("missing.yaml", r"^template 'missing\.yaml' is not found in /"),
    ],
)
def test_what_is_wrong_is_told_with_file_and_line(env: jinja2.Environment, name: str, message: str) -> None:
    with pytest.raises(TemplateFailed, match=message):
        render_file(name, env, {"zero": 0, "foot": ""})


def test_what_is_wrong_in_the_extended_template_is_told_there(env: jinja2.Environment) -> None:
    with pytest.raises(TemplateFailed, match=r"head\.yaml, line 3: UndefinedError: 'foot' is undefined"):
        render_file("body.yaml", env, {"spec": "{}"})
