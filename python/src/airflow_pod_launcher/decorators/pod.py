"""`@task.pod`: a Python function that runs in a pod of its own."""

from __future__ import annotations

import base64
import pickle
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from airflow_pod_launcher.operators.pod import PodOperator
from airflow_pod_launcher.pod import RESULT_PATH
from airflow_pod_launcher.sdk import AirflowException, decorator_parts

DecoratedOperator, task_decorator_factory = decorator_parts()

MAX_SCRIPT_BYTES = 96 * 1024
"""Linux takes arguments of at most 128 KiB."""

# Annotations may name what the function's module imports, and the pod need not have.
_SCRIPT = """\
from __future__ import annotations
{source}

def _run():
    import base64, json, os, {pickler}
    given = {pickler}.loads(base64.b64decode({inputs!r}))
    result = {name}(*given["args"], **given["kwargs"])
    if {path!r}:
        os.makedirs(os.path.dirname({path!r}), exist_ok=True)
        with open({path!r}, "w") as file:
            json.dump(result, file)

_run()
"""

# The lines are kept where tracebacks look for them, those that Python itself writes. Base64 has no `$(`, which
# Kubernetes would expand.
_BOOTSTRAP = (
    "import base64,linecache as l,sys,traceback;sys.excepthook=traceback.print_exception;"
    "s=base64.b64decode('{script}').decode();f='<@task.pod>';"
    "l.cache[f]=(len(s),None,s.splitlines(True),f);exec(compile(s,f,'exec'))"
)


class PodDecoratedOperator(DecoratedOperator, PodOperator):  # type: ignore[misc, valid-type]
    """Runs a function in a pod whose image has Python; arguments are pickled, the result is JSON.

    :param use_dill: pickle with dill, which the image must have, too
    """

    custom_operator_name = "@task.pod"
    # The function takes their place.
    template_fields: Sequence[str] = tuple(
        name for name in ("op_args", "op_kwargs", *PodOperator.template_fields) if name not in ("cmds", "arguments")
    )
    shallow_copy_attrs: Sequence[str] = ("python_callable",)

    def __init__(self, *, use_dill: bool = False, **kwargs: Any) -> None:
        for name in ("cmds", "arguments"):
            if kwargs.pop(name, None):
                raise AirflowException(f"@task.pod has no parameter {name}: the function is what runs")
        self.use_dill = use_dill
        super().__init__(**kwargs)

    def execute(self, context: Any) -> Any:
        """Run the function in its pod; its result is the task's.

        Raises AirflowException as PodOperator does, and when function and arguments are too large.
        """
        # The result of a decorated operator would be the function's, run here.
        return PodOperator.execute(self, context)

    def build_request(self, context: Any) -> dict[str, Any]:
        """Return what the runtime is asked to do: the function, put into the container's arguments."""
        self.cmds = ["python", "-c"]
        self.arguments = [self._bootstrap()]
        return PodOperator.build_request(self, context)

    def _bootstrap(self) -> str:
        pickler = "dill" if self.use_dill else "pickle"
        dumps = import_module("dill").dumps if self.use_dill else pickle.dumps
        inputs = dumps({"args": list(self.op_args), "kwargs": dict(self.op_kwargs)})
        script = _SCRIPT.format(
            source=self.get_python_source(),
            pickler=pickler,
            inputs=base64.b64encode(inputs).decode(),
            name=self.python_callable.__name__,
            path=RESULT_PATH if self.do_xcom_push else "",
        )
        made = _BOOTSTRAP.format(script=base64.b64encode(script.encode()).decode())
        if len(made) > MAX_SCRIPT_BYTES:
            raise AirflowException(
                f"function and arguments have {len(made)} bytes, and {MAX_SCRIPT_BYTES} are possible: "
                "pass large data by reference"
            )
        return made


def pod_task(
    python_callable: Callable[..., Any] | None = None, multiple_outputs: bool | None = None, **kwargs: Any
) -> Any:
    """Run the decorated function in a pod.

    :param python_callable: the function; it imports what it needs itself
    :param multiple_outputs: a dict that it returns becomes one XCom for each key
    :param kwargs: parameters of PodOperator
    """
    return task_decorator_factory(
        python_callable=python_callable,
        multiple_outputs=multiple_outputs,
        decorated_operator_class=PodDecoratedOperator,
        **kwargs,
    )
