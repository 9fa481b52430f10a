"""A Kubernetes Job from YAML templates, as the Kubernetes Job Operator has it: a header, a body that extends it, and
variables. Its rights: `airflow.tasks.allow({ namespace: 'jobs', jobs: true })`.
"""

from __future__ import annotations

from pathlib import Path

from airflow.sdk import DAG

from airflow_pod_launcher.operators.job import JobOperator as KubernetesJobOperator

with DAG(
    "templated_job", schedule=None, template_searchpath=str(Path(__file__).parent / "templates"), tags=["example"]
):
    command = "for i in 5 4 3 2 1 ; do echo $i ; done"
    KubernetesJobOperator(
        task_id="countdown",
        yaml_file_name="countdown_body.yaml.tmpl",
        yaml_template_fields={"command": command, "task_num": 1},
        yaml_write_path="/tmp",
        yaml_write_filename="rendered.yaml",
        in_cluster=True,
        tail_logs=True,
        delete_completed_job=True,
    )
