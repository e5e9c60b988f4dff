"""What Google says of its own APIs, made into checks.

The discovery documents that google-api-python-client brings along become strict JSON Schemas (a
field that is not in the document is an error) and checks of a request's parameters. Nothing of
them is kept in this repository.
"""

import datetime
import json
import os
import re

import googleapiclient
import jsonschema

DOCUMENTS = os.path.join(os.path.dirname(googleapiclient.__file__), "discovery_cache", "documents")

# Typed "any" in the document; from the reference of the resource User.
EMAILS = {
    "type": "array",
    "items": {
        "type": "object",
        "additionalProperties": False,
        "required": ["address"],
        "properties": {
            "address": {"type": "string", "pattern": "@"},
            "type": {"enum": ["custom", "home", "other", "work"]},
            "customType": {"type": "string"},
            "primary": {"type": "boolean"},
        },
    },
}

# Only the text of the reference says this (events.list, parameter syncToken).
NOT_WITH_SYNC_TOKEN = {
    "iCalUID",
    "orderBy",
    "privateExtendedProperty",
    "q",
    "sharedExtendedProperty",
    "timeMin",
    "timeMax",
    "updatedMin",
}

formats = jsonschema.FormatChecker()


@formats.checks("date-time", raises=ValueError)
def _date_time(text):
    if isinstance(text, str) and datetime.datetime.fromisoformat(text).tzinfo is None:
        raise ValueError("no offset")
    return True


@formats.checks("date", raises=ValueError)
def _date(text):
    if isinstance(text, str):
        datetime.date.fromisoformat(text)
    return True


def _strict(part):
    """A schema of a discovery document as a JSON Schema."""
    if "$ref" in part:
        return {"$ref": "#/definitions/" + part["$ref"]}
    if part.get("type") == "any":
        return {}
    schema = {key: part[key] for key in ("type", "enum", "format", "pattern") if key in part}
    if part.get("type") == "object":
        properties = part.get("properties", {})
        schema["properties"] = {name: _strict(inner) for name, inner in properties.items()}
        others = part.get("additionalProperties")
        schema["additionalProperties"] = _strict(others) if others else False
    if "items" in part:
        schema["items"] = _strict(part["items"])
    return schema


class Api:
    """One discovery document and one method of it."""

    def __init__(self, document, answer, *method):
        with open(os.path.join(DOCUMENTS, document), encoding="utf-8") as file:
            self.document = json.load(file)
        definitions = {name: _strict(part) for name, part in self.document["schemas"].items()}
        if "User" in definitions:
            definitions["User"]["properties"]["emails"] = EMAILS
        self.answer = answer
        self.validator = jsonschema.Draft7Validator(
            {"$ref": "#/definitions/" + answer, "definitions": definitions},
            format_checker=formats,
        )
        resource, name = method
        self.method = self.document["resources"][resource]["methods"][name]
        path = re.escape("/" + self.document["servicePath"] + self.method["path"])
        self.path = re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", path) + "$")

    def check_answer(self, body, where):
        """Every violation of the contract by an answer."""
        return [
            f"{where}: {'/'.join(map(str, error.absolute_path))}: {error.message}"
            for error in self.validator.iter_errors(body)
        ]

    def check_request(self, request):
        """Every violation of the contract by a request."""
        wrong = []
        if request["method"] != self.method["httpMethod"]:
            wrong.append(f"method {request['method']}")
        if not self.path.match(request["path"]):
            wrong.append(f"path {request['path']}")
        known = dict(self.document["parameters"])
        known.update(self.method["parameters"])
        names = [name for name, _ in request["query"]]
        for name, value in request["query"]:
            about = known.get(name)
            if about is None or about["location"] != "query":
                wrong.append(f"unknown parameter {name}")
                continue
            if names.count(name) > 1 and not about.get("repeated"):
                wrong.append(f"{name} twice")
            wrong += [f"{name}={value}: {what}" for what in _value(about, value)]
        for name, about in self.method["parameters"].items():
            if about.get("required") and about["location"] == "query" and name not in names:
                wrong.append(f"{name} is missing")
        query = dict(request["query"])
        if "fields" in query:
            wrong += self._mask(query["fields"])
        if "syncToken" in query:
            wrong += [f"syncToken with {name}" for name in NOT_WITH_SYNC_TOKEN & set(names)]
            if query.get("showDeleted") == "false":
                wrong.append("syncToken with showDeleted=false")
        if query.get("orderBy") == "startTime" and query.get("singleEvents") != "true":
            wrong.append("orderBy=startTime without singleEvents")
        if self.answer == "Users" and not {"customer", "domain"} & set(names):
            wrong.append("neither customer nor domain")
        return wrong

    def _mask(self, text):
        """Fields of a mask that no answer has."""
        tokens = re.findall(r"[A-Za-z0-9_*$]+|[(),/]", text)
        if "".join(tokens) != text:
            return [f"fields: cannot be read: {text}"]
        wrong = []

        def inside(schema):
            while True:
                if "$ref" in schema:
                    schema = self.document["schemas"][schema["$ref"]]
                elif "items" in schema:
                    schema = schema["items"]
                else:
                    return schema

        def listed(schema):
            while True:
                path(schema)
                if not tokens or tokens[0] != ",":
                    return
                tokens.pop(0)

        def path(schema):
            if not tokens or tokens[0] in "(),/":
                wrong.append("fields: a name is missing")
                return
            name = tokens.pop(0)
            schema = inside(schema)
            inner = {"type": "any"}
            if name in schema.get("properties", {}):
                inner = schema["properties"][name]
            elif schema.get("type") != "any" and name != "*":
                wrong.append(f"fields: there is no {name} in {schema.get('id', 'this')}")
            if tokens and tokens[0] == "/":
                tokens.pop(0)
                path(inner)
            elif tokens and tokens[0] == "(":
                tokens.pop(0)
                listed(inner)
                if not tokens or tokens.pop(0) != ")":
                    wrong.append("fields: a bracket is not closed")

        listed({"$ref": self.answer})
        return wrong + (["fields: more than a list"] if tokens else [])


def _value(about, value):
    """What is wrong with the value of a parameter."""
    if "enum" in about and value not in about["enum"]:
        yield f"not one of {about['enum']}"
    if about.get("type") == "boolean" and value not in ("true", "false"):
        yield "not a boolean"
    if about.get("type") == "integer":
        if not re.fullmatch(r"-?\d+", value):
            yield "not a number"
        elif int(value) < int(about.get("minimum", value)):
            yield "too small"
        elif int(value) > int(about.get("maximum", value)):
            yield "too large"
    if about.get("format") == "date-time":
        try:
            _date_time(value)
        except ValueError as error:
            yield str(error)
    if "pattern" in about and not re.fullmatch(about["pattern"], value):
        yield "not of its pattern"


DIRECTORY = Api("admin.directory_v1.json", "Users", "users", "list")
EVENTS = Api("calendar.v3.json", "Events", "events", "list")
