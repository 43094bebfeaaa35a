"""The API reference as a page of its own: drawn on the server from the OpenAPI document, without scripts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from ninja.openapi.docs import DocsBase

from dojang.products.messages import catalog
from dojang.sandbox.pages import show
from dojang.sandbox.wording import reader_locale

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest, HttpResponse
    from ninja import NinjaAPI

#: Codes these addresses may answer.
_CODES: Final = (
    "call_state",
    "call_unknown",
    "clock_move",
    "corebank_unavailable",
    "mail_unavailable",
    "medium_unknown",
    "outside_unavailable",
    "person_unknown",
    "push_unavailable",
    "request_malformed",
    "sandbox_off",
    "sms_unavailable",
    "telephony_unavailable",
)


class Reference(DocsBase):
    """Renders what ninja knows about an interface with the sandbox's own template.

    `statuses` is the edge's table: HTTP status by error code.
    """

    def __init__(self) -> None:
        self.statuses: Mapping[str, int] = {}

    def render_page(self, request: HttpRequest, api: NinjaAPI, **kwargs: Any) -> HttpResponse:
        """Return the reference page."""
        document: dict[str, Any] = json.loads(json.dumps(api.get_openapi_schema(), default=str))
        locale = reader_locale()
        sentences = catalog(locale)
        codes = {code: int(self.statuses[code]) for code in _CODES}
        context = {
            "place": "reference",
            "openapi_url": self.get_openapi_url(api, kwargs),
            "description": document["info"]["description"].split("\n\n"),
            "groups": _groups(document),
            "problems": [
                {"code": code, "status": status, "sentence": sentences[f"error.{code}"]}
                for code, status in sorted(codes.items(), key=lambda item: (item[1], item[0]))
            ],
        }
        return show(request, "sandbox/reference.html", context)


def _groups(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Sort the operations by tag, in the order the tags are declared."""
    groups = {tag["name"]: {**tag, "operations": []} for tag in document["tags"]}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            groups[operation["tags"][0]]["operations"].append(_operation(document, path, method, operation))
    return list(groups.values())


def _operation(document: dict[str, Any], path: str, method: str, operation: dict[str, Any]) -> dict[str, Any]:
    inputs = [
        {"name": item["name"], "place": item["in"], **_describe(document, item["schema"])}
        for item in operation.get("parameters", ())
    ]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    example: dict[str, Any] = {}
    if body:
        for name, schema in _resolve(document, body)["properties"].items():
            described = _describe(document, schema)
            inputs.append({"name": name, "place": "body", **described})
            example[name] = described["example"]
    good = next(status for status in operation["responses"] if status.startswith("2"))
    answer = operation["responses"][good].get("content", {}).get("application/json", {}).get("schema")
    return {
        "id": operation["operationId"],
        "method": method.upper(),
        "path": path,
        "summary": operation["summary"],
        "description": operation.get("description", ""),
        "inputs": inputs,
        "status": good,
        "outputs": _outputs(document, answer) if answer else [],
        "curl": _curl(method, _filled(path, inputs), example),
    }


def _outputs(document: dict[str, Any], schema: dict[str, Any]) -> list[dict[str, Any]]:
    """List what an answer holds; inner objects follow with their path (``card.cells``, ``calls[].id``)."""
    rows: list[dict[str, Any]] = []

    def add(schema: dict[str, Any], prefix: str) -> None:
        schema = _resolve(document, schema)
        if schema.get("type") == "array":
            add(schema["items"], f"{prefix}[]")
            return
        for name, inner in schema.get("properties", {}).items():
            path = f"{prefix}.{name}" if prefix else name
            rows.append({"name": path, **_describe(document, inner)})
            add(inner, path)

    add(schema, "")
    return rows


def _resolve(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Follow references, and look through "or null"."""
    if "$ref" in schema:
        found: dict[str, Any] = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        return found
    choices = [item for item in schema.get("anyOf", ()) if item.get("type") != "null"]
    return _resolve(document, choices[0]) if len(choices) == 1 else schema


def _describe(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Say in words what values a schema admits, and give one."""
    inner = _resolve(document, schema)
    nullable = any(item.get("type") == "null" for item in schema.get("anyOf", ()))
    kind = inner.get("format") or inner.get("type", "object")
    if kind == "array":
        kind = f"{_describe(document, inner['items'])['type']}[]"
    words = " | ".join(inner["enum"]) if "enum" in inner else kind
    rules = [inner["pattern"]] if "pattern" in inner else []
    if "minimum" in inner:
        rules.append(f"{inner['minimum']} … {inner['maximum']}")
    if "maxLength" in inner:
        rules.append(f"{inner.get('minLength', 0)} … {inner['maxLength']} characters")
    examples = [*schema.get("examples", ()), *inner.get("examples", ()), *inner.get("enum", ())]
    return {
        "type": f"{words} | null" if nullable else words,
        "rules": rules,
        "meaning": schema.get("description") or inner.get("description", ""),
        "example": examples[0] if examples else "…",
    }


def _filled(path: str, inputs: list[dict[str, Any]]) -> str:
    for item in inputs:
        path = path.replace("{" + item["name"] + "}", str(item["example"]))
    return path


def _curl(method: str, path: str, example: dict[str, Any]) -> str:
    address = f"http://127.0.0.1:8000{path}"
    if method == "get":
        return f"curl {address}"
    line = f"curl -X {method.upper()} {address}"
    if example:
        line += (
            f" \\\n  -H 'Content-Type: application/json' \\\n  -d '{json.dumps(example, ensure_ascii=False)}'"
        )
    return line
