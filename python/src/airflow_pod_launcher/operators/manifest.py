"""What operators of manifests share: the request to the runtime, and what becomes of its events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from airflow_pod_launcher.cluster import DEFAULT_CONNECTION, find_cluster
from airflow_pod_launcher.operators.base import RunOperator
from airflow_pod_launcher.runs import PROTOCOL, Run
from airflow_pod_launcher.sdk import AIRFLOW_VERSION, AirflowException

ACTIONS = ("apply", "create", "delete")
ON_FINISH = ("keep", "delete", "delete_succeeded")
ON_KILL = ("keep", "delete")


class ManifestOperator(RunOperator):
    """Applies, creates or deletes objects, and waits for them; what they are a subclass says.

    :param namespace: of objects that say none. Default: the connection's, that of the kube config's context, the
        worker's own, `default`
    :param action: `apply` (create or change, on the server), `create` (refuse what exists) or `delete`
    :param wait_for: conditions: `condition=Available`, `jsonpath={.status.phase}=Bound`, `deleted`, each maybe after
        `Kind:` or `Kind/name:`. Default: none, and `deleted` with `action="delete"`
    :param fail_on: conditions that end the waiting as a failure
    :param wait_timeout: seconds for the waiting; None: no limit
    :param force: take over fields that another manager has
    :param field_manager: whose fields the applied ones are
    :param follow: log what Pods among the objects write, and wait for their end
    :param on_finish_action: what becomes at the end of what the task made: `keep`, `delete` or `delete_succeeded`
    :param on_kill_action: what becomes of it when the task is told to end: `keep` or `delete`
    """

    command: ClassVar[str] = "apply"
    noun: ClassVar[str] = "object"

    template_fields: Sequence[str] = (
        "kubernetes_conn_id",
        "config_file",
        "cluster_context",
        "namespace",
        "wait_for",
        "fail_on",
    )
    ui_color = "#eef0fd"

    def __init__(
        self,
        *,
        kubernetes_conn_id: str | None = DEFAULT_CONNECTION,
        in_cluster: bool | None = None,
        config_file: str | None = None,
        cluster_context: str | None = None,
        namespace: str | None = None,
        action: str = "apply",
        wait_for: str | list[str] | None = None,
        fail_on: str | list[str] | None = None,
        wait_timeout: float | None = 600,
        force: bool = False,
        field_manager: str = "pod-launcher",
        follow: bool = False,
        on_finish_action: str = "keep",
        on_kill_action: str = "keep",
        **kwargs: Any,
    ) -> None:
        for name, value, values in (
            ("action", action, ACTIONS),
            ("on_finish_action", on_finish_action, ON_FINISH),
            ("on_kill_action", on_kill_action, ON_KILL),
        ):
            if value not in values:
                raise AirflowException(f"{name} ({value!r}) must be one of {', '.join(values)}")
        super().__init__(**kwargs)
        self.kubernetes_conn_id = kubernetes_conn_id
        self.in_cluster = in_cluster
        self.config_file = config_file
        self.cluster_context = cluster_context
        self.namespace = namespace
        self.action = action
        self.wait_for = wait_for
        self.fail_on = fail_on
        self.wait_timeout = wait_timeout
        self.force = force
        self.field_manager = field_manager
        self.follow = follow
        self.on_finish_action = on_finish_action
        self.on_kill_action = on_kill_action

    def manifests(self, context: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the manifests of the request: `{"source": …, "yaml": …}` or `{"source": …, "manifest": …}`.

        Raises ValueError for what makes none.
        """
        raise NotImplementedError

    def execute(self, context: Any) -> Any:
        """Do it, and return the objects: `apiVersion`, `kind`, `namespace`, `name`, `uid` and `fate` of each.

        Raises AirflowException when anything is refused (then nothing was changed), what was waited for does not come,
        or the task is told to end.
        """
        return self.run_to_end(self.build_request(context), context)

    def build_request(self, context: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the runtime is asked to do (docs/operators.md).

        Raises AirflowException for parameters that make no request.
        """
        cluster = find_cluster(self.kubernetes_conn_id, self.in_cluster, self.config_file, self.cluster_context)
        ti = context["ti"]
        try:
            manifests = self.manifests(context)
        except ValueError as error:
            raise AirflowException(f"task {self.task_id}: {error}") from error
        return {
            "protocol": PROTOCOL,
            "action": self.action,
            "manifests": manifests,
            "namespace": self.namespace or cluster.namespace,
            "task": {
                "dagId": ti.dag_id,
                "taskId": ti.task_id,
                "runId": ti.run_id,
                "mapIndex": ti.map_index,
                "tryNumber": ti.try_number,
                "airflowVersion": AIRFLOW_VERSION,
            },
            "fieldManager": self.field_manager,
            "force": self.force,
            "wait": self._wait(),
            "failOn": _texts(self.fail_on),
            "timeoutSeconds": self.wait_timeout,
            "follow": self.follow,
            "onFinish": self.on_finish_action,
            "onKill": self.on_kill_action,
            "cluster": cluster.request,
        }

    def _wait(self) -> list[str]:
        if self.wait_for is None:
            return ["deleted"] if self.action == "delete" else []
        return _texts(self.wait_for)

    def _follow(self, run: Run, context: Mapping[str, Any], request: Mapping[str, Any]) -> Any:
        ended: Mapping[str, Any] | None = None
        for event in run.events():
            kind = event.get("type")
            if kind == "log":
                self._log_line(event["container"], event["line"])
            elif kind == "object":
                self.log.info("%s %s", describe(event), event["action"])
            elif kind == "state":
                self.log.info("%s: %s", describe(event), event["status"])
            elif kind == "met":
                self.log.info("%s has met %s", describe(event), event["condition"])
            elif kind == "warning":
                self.log.warning("%s", event["message"])
            elif kind == "ended":
                ended = event
            elif kind == "error":
                raise AirflowException(f"{event['code']}: {event['message']}")
        # Whatever came of it: a task that was told to end has not succeeded.
        if self._killed:
            fates = ", ".join(f"{describe(one)} {one['fate']}" for one in ended["objects"]) if ended else "unknown"
            raise AirflowException(f"the task was told to end; its objects: {fates or 'none'}")
        if ended is None:
            raise AirflowException(f"the runtime ended with exit code {run.exit_code()} and said nothing of its work")
        if ended["outcome"] != "succeeded":
            raise AirflowException(f"{ended['reason']}: {ended['message']}")
        return ended["objects"]


def describe(name: Mapping[str, Any]) -> str:
    """Return `Deployment team/web` of an object's name."""
    namespace = name["namespace"]
    return f"{name['kind']} {f'{namespace}/' if namespace else ''}{name['name']}"


def _texts(given: str | list[str] | None) -> list[str]:
    return [given] if isinstance(given, str) else list(given or [])
