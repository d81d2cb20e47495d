"""The JSON schema of a tool's input, made of the function's signature through pydantic.

The rules that this file keeps:

- what the schema says and what is accepted agree: no field that it does not name, at any depth;
- the same function gives the same bytes: fields in the order of the parameters;
- no noise: no titles, which only repeat the names, and nothing that JSON Schema does not know.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Final, TypeAlias

import pydantic
from pydantic.errors import PydanticUserError
from pydantic.json_schema import GenerateJsonSchema

from tools.errors import DeclarationError

Schema: TypeAlias = dict[str, Any]

_STRICT: Final = pydantic.ConfigDict(extra="forbid", allow_inf_nan=False, protected_namespaces=())


def model_of(
    tool: str, function: Callable[..., object], hints: Mapping[str, Any]
) -> type[pydantic.BaseModel]:
    """Make a model of the parameters; its fields have other names, since any may be taken.

    Raises:
        DeclarationError: pydantic does not know a type.
    """
    parameters = inspect.signature(function).parameters
    fields = {
        f"field_{at}": _field(name, hint, parameters[name].default)
        for at, (name, hint) in enumerate(hints.items())
    }
    try:
        return pydantic.create_model("Input", __config__=_STRICT, **fields)
    except (PydanticUserError, TypeError) as error:
        raise _no_schema(tool, error) from error


def _field(name: str, hint: Any, default: object) -> Any:
    annotation = Annotated[hint, pydantic.Field(alias=name)]
    if default is inspect.Parameter.empty:
        return (annotation, ...)
    return (annotation, default)


def _no_schema(tool: str, error: Exception) -> DeclarationError:
    reason = str(error).partition("\n")[0]
    return DeclarationError(
        f"tool {tool!r}: its parameters cannot be described to a model ({reason}): use types that "
        "JSON has, or models, dataclasses and typed dictionaries of them"
    )


class _Generator(GenerateJsonSchema):
    """As pydantic's own, but a default that JSON cannot hold is left out in silence."""

    ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012  (theirs)

    def sort(self, value: Any, parent_key: str | None = None) -> Any:  # noqa: ARG002  (theirs)
        """Keep the order of definition."""
        return value


def schema_of(
    tool: str, model: type[pydantic.BaseModel], descriptions: Mapping[str, str]
) -> Schema:
    """Give the JSON schema; a field without a description gets its docstring's.

    Raises:
        DeclarationError: JSON has no such types, or fields are allowed that are not named.
    """
    try:
        schema = model.model_json_schema(schema_generator=_Generator)
    except PydanticUserError as error:
        raise _no_schema(tool, error) from error
    for each in _schemas(schema):
        if "properties" in each:
            _close(tool, each)
        for noise in ("title", "discriminator"):
            each.pop(noise, None)
    for name, field in schema["properties"].items():
        if name in descriptions:
            field.setdefault("description", descriptions[name])
    return schema


def _close(tool: str, schema: Schema) -> None:
    """Say that an object has no field that it does not name; what allows others is refused."""
    if schema.get("additionalProperties", False) is not False:
        raise DeclarationError(
            f"tool {tool!r}: {schema.get('title')} allows fields that it does not name: "
            "use a dict for them, or drop `extra`"
        )
    schema["additionalProperties"] = False


def _schemas(schema: object) -> Iterator[Schema]:
    """Give a schema and all within it; what stands in `default`, `enum` and the like is none."""
    if not isinstance(schema, dict):
        return
    yield schema
    for key in ("properties", "$defs", "patternProperties"):
        for each in schema.get(key, {}).values():
            yield from _schemas(each)
    for key in ("items", "additionalProperties", "propertyNames", "not", "contains"):
        yield from _schemas(schema.get(key))
    for key in ("anyOf", "oneOf", "allOf", "prefixItems"):
        for each in schema.get(key, ()):
            yield from _schemas(each)


def containers_of(schema: Schema) -> frozenset[str]:
    """Give the fields that take an array or an object and no string."""
    return frozenset(
        name
        for name, field in schema["properties"].items()
        if (kinds := set(_kinds(field, schema)) - {"null"}) and kinds <= {"array", "object"}
    )


def _kinds(field: Schema, root: Schema) -> Iterator[str]:
    if "$ref" in field:
        name = field["$ref"].removeprefix("#/$defs/")
        yield from _kinds(root["$defs"][name], root)
        return
    choices = [*field.get("anyOf", ()), *field.get("oneOf", ())]
    for choice in choices:
        yield from _kinds(choice, root)
    if not choices:
        yield field.get("type", "anything")
