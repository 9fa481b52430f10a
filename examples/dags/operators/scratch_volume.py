"""A volume for the time of a run: made, written by one pod, read by another one, and deleted whatever happened.

The pods are told what to write by a ConfigMap, which is a file of the folder kub-yaml beside this one.
"""

from __future__ import annotations

from airflow.sdk import DAG

from airflow_pod_launcher.operators.pod import PodOperator
from airflow_pod_launcher.operators.volume_claim import VolumeClaimOperator
from airflow_pod_launcher.operators.yaml import YamlOperator

SETTINGS = {"yaml_name": "settings", "yaml_template_fields": {"greeting": "hello"}, "namespace": "jobs"}

POD = {
    "namespace": "jobs",
    "image": "busybox:1",
    "cmds": ["sh", "-c"],
    "volumes": [{"name": "scratch", "persistentVolumeClaim": {"claimName": "scratch"}}],
    "volume_mounts": [{"name": "scratch", "mountPath": "/scratch"}],
}

# One run at a time: there is one claim.
with DAG("scratch_volume", schedule=None, max_active_runs=1):
    volume = VolumeClaimOperator(task_id="make_volume", name="scratch", size="10Mi", namespace="jobs")
    settings = YamlOperator(task_id="apply_settings", **SETTINGS)
    write = PodOperator(
        task_id="write", arguments=['echo "$GREETING" > /scratch/greeting'], configmaps=["settings"], **POD
    )
    read = PodOperator(task_id="read", arguments=["cat /scratch/greeting"], **POD)
    no_settings = YamlOperator(task_id="delete_settings", action="delete", **SETTINGS)
    no_volume = VolumeClaimOperator(task_id="delete_volume", name="scratch", action="delete", namespace="jobs")
    [volume, settings] >> write >> read >> [no_settings, no_volume]
    # They run whatever happens between, and a run that failed between stays one that failed.
    no_settings.as_teardown(setups=settings)
    no_volume.as_teardown(setups=volume)
