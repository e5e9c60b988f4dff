"""Google's own client against the simulator, and the makers' contract against what was recorded.

    google_client.py read BASE KEY_FILE ADMIN FROM TO   reads everything, prints what it read
    google_client.py changes BASE KEY_FILE TOKENS       goes on from sync tokens, prints what changed
    google_client.py requests DUMP                      checks recorded requests and answers

KEY_FILE is a service account's key; domain-wide delegation is used. Every answer is held against
the discovery documents. Exit code 1 and every violation on stderr when anything is wrong.
"""

import json
import sys

from google.oauth2 import service_account
from googleapiclient import discovery, errors

from google_contract import DIRECTORY, EVENTS

SCOPES = [
    "https://www.googleapis.com/auth/admin.directory.user.readonly",
    "https://www.googleapis.com/auth/calendar.events.readonly",
]
wrong = []


def credentials(base, key_file, subject):
    with open(key_file, encoding="utf-8") as file:
        key = json.load(file)
    key["token_uri"] = base + "/token"
    return service_account.Credentials.from_service_account_info(
        key, scopes=SCOPES, subject=subject
    )


def api(name, version, endpoint, as_whom):
    return discovery.build(
        name,
        version,
        credentials=as_whom,
        client_options={"api_endpoint": endpoint},
        static_discovery=True,
        cache_discovery=False,
    )


def pages(method, contract, **arguments):
    """Every page, checked."""
    request = method.list(**arguments)
    while request is not None:
        body = request.execute()
        wrong.extend(contract.check_answer(body, request.uri))
        if contract is EVENTS and ("nextPageToken" in body) == ("nextSyncToken" in body):
            wrong.append(f"{request.uri}: a sync token belongs to the last page alone")
        yield body
        request = method.list_next(request, body)


def calendar(base, key_file, address):
    return api("calendar", "v3", base + "/calendar/v3/", credentials(base, key_file, address))


def read(base, key_file, admin, start, end):
    directory = api("admin", "directory_v1", base + "/", credentials(base, key_file, admin))
    people = {}
    count = 0
    for page in pages(directory.users(), DIRECTORY, customer="my_customer", maxResults=2):
        count += 1
        for user in page.get("users", []):
            people[user["primaryEmail"]] = {"suspended": user["suspended"]}
    result = {"directory_pages": count, "people": people}
    for address, found in people.items():
        if found["suspended"]:
            continue
        events = []
        for page in pages(
            calendar(base, key_file, address).events(),
            EVENTS,
            calendarId=address,
            timeMin=start,
            timeMax=end,
            singleEvents=True,
            maxResults=3,
        ):
            events += page["items"]
            found["syncToken"] = page.get("nextSyncToken")
        found["events"] = events
    return result


def changes(base, key_file, tokens):
    result = {}
    for address, token in json.loads(tokens).items():
        listing = dict(calendarId=address, syncToken=token, singleEvents=True, maxResults=3)
        events = []
        try:
            service = calendar(base, key_file, address).events()
            for page in pages(service, EVENTS, **listing):
                events += page["items"]
            result[address] = events
        except errors.HttpError as error:
            result[address] = {"status": error.status_code, "reasons": error.error_details}
        # The client builds what only the reference forbids; the server must refuse it.
        try:
            service.list(timeMin="2026-03-01T00:00:00Z", **listing).execute()
            wrong.append("a sync token with timeMin was taken")
        except errors.HttpError as error:
            if error.status_code != 400:
                wrong.append(f"a sync token with timeMin: {error.status_code}")
    return result


def requests(dump):
    with open(dump, encoding="utf-8") as file:
        recorded = json.load(file)
    checked = 0
    for number, request in enumerate(recorded):
        contract = {"Directory": DIRECTORY, "Events": EVENTS}.get(request["endpoint"])
        if contract is None:
            continue
        checked += 1
        where = f"request {number} ({request['endpoint']})"
        wrong.extend(f"{where}: {what}" for what in contract.check_request(request))
        if request["answer"] is not None and request["status"] == 200:
            wrong.extend(contract.check_answer(request["answer"], where))
    return {"checked": checked}


if __name__ == "__main__":
    task = {"read": read, "changes": changes, "requests": requests}[sys.argv[1]]
    print(json.dumps(task(*sys.argv[2:])))
    for line in wrong:
        print(line, file=sys.stderr)
    sys.exit(bool(wrong))
