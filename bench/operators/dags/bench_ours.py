"""Pods as tasks by this project's operator."""

import os

from airflow_pod_launcher.operators.pod import PodOperator as Operator
from airflow.sdk import DAG
from measured import measured

POD = {
    "image": "busybox:1",
    "namespace": os.environ["BENCH_NAMESPACE"],
    "config_file": os.environ["BENCH_KUBECONFIG"],
    "kubernetes_conn_id": None,
    "termination_grace_period": 1,
}
LINES = "i=0; while [ $i -lt 100 ]; do seq $((i * 1000)) $((i * 1000 + 999)); i=$((i + 1)); sleep 0.1; done"
SCRIPTS = {
    "echo": ("echo hello; sleep 3; echo bye", False),
    "deferred": ("echo hello; sleep 3; echo bye", True),
    "lines": (LINES, False),
    "lines_deferred": (LINES, True),
}

for name, (script, deferrable) in SCRIPTS.items():
    with DAG(f"bench_{name}_ours", schedule=None, catchup=False):
        measured(Operator)(task_id=name, cmds=["sh", "-c", script], deferrable=deferrable, **POD)
