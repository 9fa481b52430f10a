"""A Helm chart: installed, upgraded, tested, and uninstalled. The image of Airflow must have `helm`.

Helm keeps its releases in Secrets, for which it needs a right to all of a namespace; in ConfigMaps it does not:

    const write = ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'];
    airflow.tasks.allow({
      namespace: 'jobs', pods: true,
      rules: [
        { apiGroups: [''], resources: ['configmaps'], verbs: write },
        { apiGroups: ['apps'], resources: ['deployments', 'replicasets'], verbs: write },
      ],
    })
"""

from __future__ import annotations

from pathlib import Path

from airflow.sdk import DAG, TriggerRule

from airflow_pod_launcher.operators.helm import HelmOperator

CHART = str(Path(__file__).parent / "charts" / "greeter")
COMMON = {"namespace": "jobs", "release": "greeter", "env": {"HELM_DRIVER": "configmap"}}

with DAG("helm_release", schedule=None, max_active_runs=1, tags=["example"]):
    install = HelmOperator(task_id="install", chart=CHART, rollback_on_failure=True, **COMMON)
    upgrade = HelmOperator(task_id="upgrade", chart=CHART, values={"greeting": "good day"}, **COMMON)
    test = HelmOperator(task_id="test", action="test", **COMMON)
    uninstall = HelmOperator(task_id="uninstall", action="uninstall", trigger_rule=TriggerRule.ALL_DONE, **COMMON)
    install >> upgrade >> test >> uninstall
