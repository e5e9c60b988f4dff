"""Microsoft's own client (msgraph-sdk) against the simulator, and its models against what was
recorded.

    graph_client.py read BASE TENANT CLIENT SECRET FROM TO   reads everything, prints what it read
    graph_client.py requests DUMP                            checks recorded requests and answers

An answer is read into the SDK's models and written again: the models drop an enum value they do not
know and keep a misspelt field aside, so that only the comparison shows either. Exit code 1 and every
difference on stderr when anything is wrong.
"""

import asyncio
import dataclasses
import datetime
import json
import re
import sys
import urllib.parse
import urllib.request

from kiota_abstractions.authentication import AuthenticationProvider
from kiota_abstractions.base_request_configuration import RequestConfiguration
from kiota_serialization_json.json_parse_node import JsonParseNode
from kiota_serialization_json.json_serialization_writer import JsonSerializationWriter
from msgraph import GraphServiceClient
from msgraph.generated.models.event_collection_response import EventCollectionResponse
from msgraph.generated.models.user_collection_response import UserCollectionResponse
from msgraph.generated.models.event import Event
from msgraph.generated.models.user import User
from msgraph.generated.users.item.calendar_view.calendar_view_request_builder import (
    CalendarViewRequestBuilder,
)
from msgraph.generated.users.item.calendar_view.delta.delta_get_response import DeltaGetResponse
from msgraph.generated.users.item.calendar_view.delta.delta_request_builder import (
    DeltaRequestBuilder,
)
from msgraph.generated.users.users_request_builder import UsersRequestBuilder
from msgraph.graph_request_adapter import GraphRequestAdapter

wrong = []


class Bearer(AuthenticationProvider):
    """The token, over plain HTTP, which the SDK's own providers refuse."""

    def __init__(self, token):
        self.token = token

    async def authenticate_request(self, request, additional_authentication_context=None):
        request.headers.try_add("Authorization", "Bearer " + self.token)


def same(before, after, where):
    """What a round through the models lost or changed."""
    if isinstance(before, dict):
        if not isinstance(after, dict):
            if any(value not in (None, [], {}) for value in before.values()):
                yield f"{where}: lost"
            return
        for name, value in before.items():
            if name.startswith("@odata.") or value is None:
                continue
            if name not in after:
                if value not in ([], {}):
                    yield f"{where}/{name}: lost"
                continue
            yield from same(value, after[name], f"{where}/{name}")
        for name in after.keys() - before.keys():
            if not name.startswith("@odata."):
                yield f"{where}/{name}: appeared"
    elif isinstance(before, list):
        if not isinstance(after, list) or len(before) != len(after):
            yield f"{where}: another length"
            return
        for number, (one, other) in enumerate(zip(before, after)):
            yield from same(one, other, f"{where}/{number}")
    elif instant(before) != instant(after):
        yield f"{where}: {before!r} became {after!r}"


def instant(value):
    """Stamps may be written in several ways; only those with a zone are instants."""
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT.*(Z|[+-]\d\d:\d\d)", value):
        text = re.sub(r"\.\d+", "", value).replace("Z", "+00:00")
        return datetime.datetime.fromisoformat(text)
    return value


def aside(model, where, seen):
    """Fields that the models do not know, wherever they are."""
    if isinstance(model, (list, tuple)):
        for number, one in enumerate(model):
            yield from aside(one, f"{where}/{number}", seen)
        return
    if not hasattr(model, "additional_data") or id(model) in seen:
        return
    seen.add(id(model))
    for name in model.additional_data or {}:
        if not name.startswith("@"):
            yield f"{where}/{name}: unknown to the SDK"
    for field in dataclasses.fields(model):
        if field.name not in ("backing_store", "additional_data"):
            yield from aside(getattr(model, field.name), f"{where}/{field.name}", seen)


def check_answer(body, model, where):
    parsed = JsonParseNode(body).get_object_value(model)
    writer = JsonSerializationWriter()
    parsed.serialize(writer)
    written = json.loads(writer.get_serialized_content())
    wrong.extend(f"{where}: {what}" for what in same(body, written, ""))
    wrong.extend(f"{where}: {what}" for what in aside(parsed, "", set()))
    return parsed


def post(url, form):
    data = urllib.parse.urlencode(form).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data=data)) as answer:
        return json.load(answer)


def fetched(url, token):
    """The bytes themselves, which the SDK does not show."""
    headers = {"Authorization": "Bearer " + token, "Prefer": 'IdType="ImmutableId"'}
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
        return json.load(answer)


def configuration(parameters=None):
    result = RequestConfiguration(query_parameters=parameters)
    result.headers.add("Prefer", 'IdType="ImmutableId"')
    return result


async def every(first, builder):
    """All rows over all pages."""
    rows = []
    page = first
    while True:
        rows += page.value
        if not page.odata_next_link:
            return rows, page
        page = await builder.with_url(page.odata_next_link).get(
            request_configuration=configuration()
        )


async def read_all(base, tenant, client_id, secret, start, end):
    token = post(
        f"{base}/{tenant}/oauth2/v2.0/token",
        {
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": secret,
            "scope": "https://graph.microsoft.com/.default",
        },
    )["access_token"]
    adapter = GraphRequestAdapter(Bearer(token))
    adapter.base_url = base + "/v1.0"
    client = GraphServiceClient(request_adapter=adapter)
    Users = UsersRequestBuilder.UsersRequestBuilderGetQueryParameters
    View = CalendarViewRequestBuilder.CalendarViewRequestBuilderGetQueryParameters
    Delta = DeltaRequestBuilder.DeltaRequestBuilderGetQueryParameters
    first = await client.users.get(
        request_configuration=configuration(
            Users(select=["id", "userPrincipalName", "mail", "displayName"], top=2)
        )
    )
    users, _ = await every(first, client.users)
    result = {"people": {}}
    check_answer(fetched(base + "/v1.0/users", token), UserCollectionResponse, "users")
    for user in users:
        item = client.users.by_user_id(user.id)
        found = {"id": user.id, "mail": user.mail}
        result["people"][user.user_principal_name] = found
        try:
            first = await item.calendar_view.get(
                request_configuration=configuration(
                    View(start_date_time=start, end_date_time=end, top=3)
                )
            )
        except Exception as error:  # The SDK's own kind; its code is what matters.
            found["error"] = error.error.code
            continue
        events, _ = await every(first, item.calendar_view)
        found["events"] = sorted(event.id for event in events)
        found["starts"] = {event.id: event.start.date_time for event in events}
        query = urllib.parse.urlencode({"startDateTime": start, "endDateTime": end, "$top": 50})
        where = f"{base}/v1.0/users/{user.id}/calendarView"
        check_answer(fetched(f"{where}?{query}", token), EventCollectionResponse, where)
        first = await item.calendar_view.delta.get(
            request_configuration=configuration(Delta(start_date_time=start, end_date_time=end))
        )
        changes, last = await every(first, item.calendar_view.delta)
        found["delta"] = sorted(event.id for event in changes)
        check_answer(fetched(last.odata_delta_link, token), DeltaGetResponse, where + "/delta")
    return result


def read(*arguments):
    return asyncio.run(read_all(*arguments))


def offered(builder):
    """The query parameters of a request, as the SDK's template lists them."""
    template = builder(object(), {}).url_template
    names = re.findall(r"\{&([^}]*)\}|\{\?([^}]*)\}|[?&](\w+)=", template)
    flat = ",".join(part for group in names for part in group if part)
    return {urllib.parse.unquote(name) for name in flat.split(",")}


SORTS = {
    "Users": (UsersRequestBuilder, User, UserCollectionResponse),
    "CalendarView": (CalendarViewRequestBuilder, Event, EventCollectionResponse),
    "Delta": (DeltaRequestBuilder, Event, DeltaGetResponse),
}


def requests(dump):
    with open(dump, encoding="utf-8") as file:
        recorded = json.load(file)
    checked = 0
    for number, request in enumerate(recorded):
        if request["endpoint"] not in SORTS:
            continue
        checked += 1
        builder, row, answer = SORTS[request["endpoint"]]
        where = f"request {number} ({request['endpoint']})"
        query = dict(request["query"])
        # Links are followed as they came.
        followed = {"$skiptoken", "$deltatoken"}
        for name in query.keys() - offered(builder) - followed:
            wrong.append(f"{where}: unknown parameter {name}")
        if request["endpoint"] == "Delta" and any(
            name.startswith("$") and name not in followed for name in query
        ):
            wrong.append(f"{where}: change tracking takes no query options")
        for name in query.get("$select", "id").split(","):
            if name not in row().get_field_deserializers():
                wrong.append(f"{where}: $select: there is no {name}")
        if request["endpoint"] != "Users":
            if not followed & query.keys():
                for name in ("startDateTime", "endDateTime"):
                    if name not in query:
                        wrong.append(f"{where}: {name} is missing")
            # The ids of other requests are others.
            if "ImmutableId" not in request["headers"].get("prefer", ""):
                wrong.append(f"{where}: no immutable ids were asked for")
        if request["answer"] is not None and request["status"] == 200:
            check_answer(request["answer"], answer, where)
    return {"checked": checked}


if __name__ == "__main__":
    task = {"read": read, "requests": requests}[sys.argv[1]]
    print(json.dumps(task(*sys.argv[2:])))
    for line in wrong:
        print(line, file=sys.stderr)
    sys.exit(bool(wrong))
