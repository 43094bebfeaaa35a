"""The interface's own description: what the framework writes, with problems under their own media type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ninja import NinjaAPI

if TYPE_CHECKING:
    from ninja.openapi.schema import OpenAPISchema

_PROBLEM = "#/components/schemas/ProblemOut"


class Interface(NinjaAPI):
    """A JSON interface that describes problems (RFC 9457) under their own media type."""

    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:
        """Return the OpenAPI 3.1 document."""
        document = super().get_openapi_schema(**options)
        for path in document["paths"].values():
            for operation in path.values():
                for answer in operation["responses"].values():
                    _name_problem(answer)
        return document


def _name_problem(answer: dict[str, Any]) -> None:
    content = answer.get("content", {})
    body = content.get("application/json", {})
    if body.get("schema", {}).get("$ref") == _PROBLEM:
        content["application/problem+json"] = content.pop("application/json")
