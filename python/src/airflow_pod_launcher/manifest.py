"""Parts of a pod's manifest from what people write in DAGs. Pure; imports nothing of Kubernetes."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


@dataclass(frozen=True)
class Secret:
    """A Kubernetes Secret that a pod gets, in the words of the stock operator. The worker never sees its content.

    :param deploy_type: `env` or `volume`
    :param deploy_target: the environment variable (upper-cased) or the folder; None with `env` and no key: all of its
        keys become variables
    :param secret: name of the Secret
    :param key: which key; only with a target
    :param items: for a volume: `{"key": …, "path": …}`, the files to make. Default: all keys

    Raises ValueError for a combination that means nothing.
    """

    deploy_type: str
    deploy_target: str | None
    secret: str
    key: str | None = None
    items: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.deploy_type not in ("env", "volume"):
            raise ValueError(f"Secret: deploy_type ({self.deploy_type!r}) must be 'env' or 'volume'")
        if self.deploy_target is None and (self.key is not None or self.deploy_type == "volume"):
            raise ValueError(f"Secret {self.secret}: deploy_target is missing")


def plain(value: Any) -> Any:
    """Return the JSON of a value: objects of the Kubernetes client become what they are in YAML.

    What is neither (an XCom that is not there yet, say) stays as it is.
    """
    attributes = getattr(type(value), "attribute_map", None)
    if isinstance(attributes, Mapping):
        found = {name: plain(getattr(value, attribute)) for attribute, name in attributes.items()}
        return {name: one for name, one in found.items() if one is not None}
    if isinstance(value, Mapping):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(one) for one in value]
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()
    return value


def json_problem(value: Any, path: str) -> str | None:
    """Return what keeps a value from being JSON, with its path; None if nothing does."""
    if isinstance(value, Mapping):
        for key, one in value.items():
            if not isinstance(key, str):
                return f"{path}: the key {key!r} must be text"
            if problem := json_problem(one, f"{path}.{key}"):
                return problem
        return None
    if isinstance(value, list):
        return next((found for at, one in enumerate(value) if (found := json_problem(one, f"{path}[{at}]"))), None)
    if value is None or isinstance(value, (str, int, float, bool)):
        return None
    return f"{path}: {type(value).__name__} is nothing that a pod's manifest can hold"


def env_list(envs: Any) -> Any:
    """Return environment variables as a list of `{"name": …, "value": …}`; a dict is one of names and values."""
    if isinstance(envs, Mapping):
        return [{"name": name, "value": value} for name, value in envs.items()]
    return plain(envs)


def env_texts(envs: list[Any]) -> list[Any]:
    """Return the variables with their values as text, as Kubernetes wants them; None is left to `valueFrom`."""
    return [
        {**one, "value": str(one["value"])} if isinstance(one, dict) and one.get("value") is not None else one
        for one in envs
    ]


def runtime_env_list(infos: Iterable[Any]) -> list[Any]:
    """Return variables from facts of the pod: `{"POD_IP": "status.podIP"}` or objects with `name` and `field_path`."""
    found: list[Any] = []
    for info in infos:
        if isinstance(info, Mapping) and "name" not in info:
            found += [{"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}} for name, path in info.items()]
        else:
            found.append(plain(info))
    return found


def config_map_envs(names: Iterable[str]) -> list[dict[str, Any]]:
    """Return sources of variables: every key of these ConfigMaps."""
    return [{"configMapRef": {"name": name}} for name in names]


def secret_parts(secrets: Iterable[Any]) -> dict[str, list[dict[str, Any]]]:
    """Return `env`, `envFrom`, `volumes` and `volumeMounts` of Secrets: ours, or the stock provider's."""
    parts: dict[str, list[dict[str, Any]]] = {"env": [], "envFrom": [], "volumes": [], "volumeMounts": []}
    for at, one in enumerate(secrets):
        target = one.deploy_target
        if one.deploy_type == "volume":
            volume: dict[str, Any] = {"secretName": one.secret}
            if one.items:
                volume["items"] = plain(one.items)
            # The name must be the same for each repeat of a request.
            name = f"secret-{at}"
            parts["volumes"].append({"name": name, "secret": volume})
            parts["volumeMounts"].append({"name": name, "mountPath": target, "readOnly": True})
        elif one.key is not None:
            source = {"secretKeyRef": {"name": one.secret, "key": one.key}}
            parts["env"].append({"name": str(target).upper(), "valueFrom": source})
        else:
            parts["envFrom"].append({"secretRef": {"name": one.secret}})
    return parts


def pull_secrets(names: Any) -> Any:
    """Return the Secrets for pulling images; a text is a list of names with commas."""
    if isinstance(names, str):
        return [{"name": name.strip()} for name in names.split(",") if name.strip()]
    return plain(names)


def pruned(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that say something: neither None nor empty."""
    return {name: value for name, value in fields.items() if value not in (None, "", [], {})}
