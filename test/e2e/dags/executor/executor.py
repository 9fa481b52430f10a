"""Tasks whose pods die in every way that Kubernetes knows, tasks that bring pods of their own, and one that talks."""

import os
import time
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, task
from kubernetes.client import models as k8s

IMAGE = "docker.io/cdk8s-airflow/airflow:executor"
SLOT = "example.com/e2e-executor-slot"
TEMPLATES = Path(__file__).parent / "templates"


def pod(base: dict[str, Any] | None = None, annotations: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    """Override fields of the container that the task runs in, and of its pod."""
    container = k8s.V1Container(name="base", **(base or {}))
    # Nothing here needs time to say goodbye.
    spec = {"termination_grace_period_seconds": 1, **spec, "containers": [container]}
    metadata = k8s.V1ObjectMeta(annotations=annotations)
    return {"pod_override": k8s.V1Pod(metadata=metadata, spec=k8s.V1PodSpec(**spec))}


def first_attempt_waits() -> k8s.V1Container:
    """An init container that keeps the first pod of a launch from ever beginning its task."""
    attempt = k8s.V1ObjectFieldSelector(field_path="metadata.labels['airflow-pod-launcher/attempt']")
    return k8s.V1Container(
        name="wait",
        image=IMAGE,
        image_pull_policy="IfNotPresent",
        command=["bash", "-c", '[ "$ATTEMPT" != 1 ] || exec sleep 600'],
        env=[k8s.V1EnvVar(name="ATTEMPT", value_from=k8s.V1EnvVarSource(field_ref=attempt))],
        security_context=k8s.V1SecurityContext(
            allow_privilege_escalation=False, capabilities=k8s.V1Capabilities(drop=["ALL"])
        ),
    )


def one_task(name: str, executor_config: dict[str, Any], python: Any = None) -> None:
    """Make a DAG `executor_<name>` of one task that is called as the DAG is."""
    with DAG(f"executor_{name}", schedule=None, catchup=False):

        @task(task_id=name, executor_config=executor_config)
        def run() -> None:
            (python or print)()

        run()


def linger() -> None:
    print("until the pod dies", flush=True)
    time.sleep(600)


def fill() -> None:
    Path("/fill/too-much").write_bytes(b"x" * 8 * 1024 * 1024)
    linger()


def talk() -> None:
    """Each line waits for the file that lets it out."""
    for number in (1, 2):
        while not Path(f"/tmp/say-{number}").exists():
            time.sleep(0.1)
        print(f"line {number} of a task that talks", flush=True)
    while not Path("/tmp/go").exists():
        time.sleep(0.1)


def show_environment() -> None:
    print(f"VARIANT is {os.environ['VARIANT']}")


# --- pods that die before a log is written: their command is not Airflow's -----------------------------------------

memory = {"memory": "48Mi"}
greedy = "print('more and more', flush=True); held = [b'x' * 1048576 * n for n in range(1, 200)]"
one_task(
    "out_of_memory",
    pod(
        base={
            "command": ["python", "-c", greedy],
            "resources": k8s.V1ResourceRequirements(limits=memory, requests=memory),
        }
    ),
)
one_task("crashed", pod(base={"command": ["bash", "-c", "echo last words; exit 3"]}))
one_task("unpullable", pod(base={"image": "localhost/cdk8s-airflow/no-such-image:1"}))

# --- pods that die before their task begins ------------------------------------------------------------------------

one_task("deleted_pending", pod(init_containers=[first_attempt_waits()]))
one_task("evicted_pending", pod(init_containers=[first_attempt_waits()]))
one_task(
    "preempted",
    pod(
        base={
            "resources": k8s.V1ResourceRequirements(
                limits={SLOT: "1"}, requests={SLOT: "1", "cpu": "50m", "memory": "192Mi"}
            )
        },
        init_containers=[first_attempt_waits()],
    ),
)
gone = k8s.V1NodeSelectorTerm(
    match_expressions=[k8s.V1NodeSelectorRequirement(key="e2e-executor", operator="In", values=["gone"])]
)
one_task(
    "node_gone",
    pod(
        # Without a kubelet nobody else ends the pod.
        termination_grace_period_seconds=0,
        affinity=k8s.V1Affinity(
            node_affinity=k8s.V1NodeAffinity(
                preferred_during_scheduling_ignored_during_execution=[
                    k8s.V1PreferredSchedulingTerm(weight=100, preference=gone)
                ]
            )
        ),
        tolerations=[
            k8s.V1Toleration(key="e2e-executor", operator="Exists"),
            k8s.V1Toleration(
                key="node.kubernetes.io/not-ready", operator="Exists", effect="NoExecute", toleration_seconds=0
            ),
        ],
    ),
)

# --- pods that die while their task runs ---------------------------------------------------------------------------

one_task("deleted_running", pod(), linger)
one_task(
    "evicted_running",
    pod(
        base={"volume_mounts": [k8s.V1VolumeMount(name="fill", mount_path="/fill")]},
        volumes=[k8s.V1Volume(name="fill", empty_dir=k8s.V1EmptyDirVolumeSource(size_limit="1Mi"))],
    ),
    fill,
)

# --- pods of the task's own ----------------------------------------------------------------------------------------

variant = [k8s.V1EnvVar(name="VARIANT", value="from the override")]
one_task("overridden", pod(base={"env": variant}, annotations={"e2e/pod": "overridden"}), show_environment)
one_task("template", {"pod_template_file": str(TEMPLATES / "own.yaml")}, show_environment)
one_task("template_broken", {"pod_template_file": str(TEMPLATES / "broken.template")})
one_task("template_without_base", {"pod_template_file": str(TEMPLATES / "without_base.yaml")})
one_task("template_missing", {"pod_template_file": str(TEMPLATES / "missing.yaml")})
one_task(
    "refused",
    pod(base={"resources": k8s.V1ResourceRequirements(limits={"memory": "1Mi"}, requests={"memory": "2Mi"})}),
)

one_task("talking", pod(), talk)
