"""Series laid out by others: recurring-ical-events, and a Radicale server.

usage: recurrence_peer.py recurring|radicale CASES

CASES has one JSON object a line: name, zone, ics, from, to (ISO 8601, UTC), occurrences (our own: start
and end as ISO 8601 instants, or dates). Prints what differs and ends with 1 when anything does.
"""

import base64
import datetime
import json
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import xml.etree.ElementTree as tree
import zoneinfo

UTC = datetime.timezone.utc


def instant(text):
    return datetime.datetime.fromisoformat(text).astimezone(UTC)


def shown(moment):
    if isinstance(moment, datetime.datetime):
        return moment.astimezone(UTC).isoformat()
    return moment.isoformat()


def begins_within(start, case):
    """Edges are told apart differently: only what begins in the window is compared."""
    if isinstance(start, datetime.datetime):
        return instant(case["from"]) <= start.astimezone(UTC) < instant(case["to"])
    return instant(case["from"]).date() < start < instant(case["to"]).date()


def ours(case):
    found = []
    for start, end in case["occurrences"]:
        parse = instant if "T" in start else datetime.date.fromisoformat
        if begins_within(parse(start), case):
            found.append((shown(parse(start)), shown(parse(end))))
    return sorted(found)


def by_recurring(case):
    import icalendar
    import recurring_ical_events

    calendar = icalendar.Calendar.from_ical(case["ics"])
    # A day more at the end: an occurrence that lasts is found by its start.
    events = recurring_ical_events.of(calendar).between(
        instant(case["from"]), instant(case["to"]) + datetime.timedelta(days=1)
    )
    found = []
    for event in events:
        if begins_within(event.start, case):
            # Over a change of the clock it keeps the wall clock of an end, we how long it lasts
            # (RFC 5545, 3.8.5.3): there only the start is compared.
            timed = isinstance(event.start, datetime.datetime)
            over = timed and event.start.utcoffset() != event.end.utcoffset()
            found.append((shown(event.start), "*" if over else shown(event.end)))
    return sorted(found)


class Radicale:
    """A server of its own in a temporary folder, on a free port."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.process = subprocess.Popen(
            [
                sys.executable, "-m", "radicale", "--config", "",
                f"--server-hosts=127.0.0.1:{self.port}",
                f"--storage-filesystem-folder={self.folder.name}",
                "--auth-type=none", "--rights-type=authenticated",
                "--reporting-max-freebusy-occurrence=100000",
                "--logging-level=error",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(200):
            try:
                self.ask("OPTIONS", "/")
                return self
            except urllib.error.URLError:
                time.sleep(0.05)
        raise SystemExit("radicale did not start")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.folder.cleanup()

    def ask(self, method, path, body=None, depth="1", kind="application/xml; charset=utf-8"):
        login = base64.b64encode(b"tests:any").decode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            data=body.encode() if body is not None else None,
            method=method,
            headers={"Authorization": f"Basic {login}", "Depth": depth, "Content-Type": kind},
        )
        with urllib.request.urlopen(request) as answer:
            return answer.read().decode()


def stamps(calendar):
    """(start, end) in UTC of every event of an expanded text."""
    import icalendar

    return [
        (shown(event.start), shown(event.end))
        for event in icalendar.Calendar.from_ical(calendar).walk("VEVENT")
        if isinstance(event.start, datetime.datetime)
    ]


def compact(text):
    return instant(text).strftime("%Y%m%dT%H%M%SZ")


def by_radicale(server, case, number):
    path = f"/tests/{number}/"
    server.ask(
        "MKCALENDAR",
        path,
        '<C:mkcalendar xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"/>',
    )
    server.ask("PUT", f"{path}1.ics", case["ics"], kind="text/calendar; charset=utf-8")
    span = f'start="{compact(case["from"])}" end="{compact(case["to"])}"'
    answer = server.ask(
        "REPORT",
        path,
        '<C:calendar-query xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:prop>'
        f"<C:calendar-data><C:expand {span}/></C:calendar-data></D:prop><C:filter>"
        f'<C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT"><C:time-range {span}/>'
        "</C:comp-filter></C:comp-filter></C:filter></C:calendar-query>",
    )
    expanded = []
    for node in tree.fromstring(answer).iter("{urn:ietf:params:xml:ns:caldav}calendar-data"):
        expanded.extend(stamps(node.text))
    busy = server.ask(
        "REPORT",
        path,
        f'<C:free-busy-query xmlns:C="urn:ietf:params:xml:ns:caldav"><C:time-range {span}/>'
        "</C:free-busy-query>",
    )
    return sorted(set(expanded)), busy


def merged(pairs, case):
    """Intervals as their union within the window."""
    first, last = shown(instant(case["from"])), shown(instant(case["to"]))
    union = []
    for start, end in sorted(pairs):
        start, end = max(start, first), min(end, last)
        if start >= end:
            continue
        if union and start <= union[-1][1]:
            union[-1][1] = max(union[-1][1], end)
        else:
            union.append([start, end])
    return union


def near_change(pair, case, any_change):
    """Radicale takes a start that the clock skips with the offset after the gap (RFC 5545, 3.3.5:
    before it); its free-busy keeps the wall clock of an end, unlike its expansion, and leaves out
    what ends in a gap. There it is no judge."""
    zone = zoneinfo.ZoneInfo(case["zone"])
    start = instant(pair[0])
    around = datetime.timedelta(hours=4)
    before, after = ((start + way * around).astimezone(zone).utcoffset() for way in (-1, 1))
    return before != after if any_change else before < after


def busy_intervals(text):
    import icalendar

    found = []
    for part in icalendar.Calendar.from_ical(text).walk("VFREEBUSY"):
        periods = part.get("FREEBUSY", [])
        for period in periods if isinstance(periods, list) else [periods]:
            for start, end in [(period.start, period.end)]:
                found.append((shown(start), shown(end)))
    return found


def main():
    which, path = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        cases = [json.loads(line) for line in file]
    wrong = 0

    def compare(case, what, mine, theirs):
        nonlocal wrong
        if mine != theirs:
            wrong += 1
            if wrong <= 10:
                print(f"{case['name']}: {what}")
                print(case["ics"])
                print("  only ours:  ", [one for one in mine if one not in theirs][:6])
                print("  only theirs:", [one for one in theirs if one not in mine][:6])

    if which == "recurring":
        for case in cases:
            theirs = by_recurring(case)
            over = {start for start, end in theirs if end == "*"}
            mine = sorted((start, "*" if start in over else end) for start, end in ours(case))
            compare(case, "occurrences", mine, theirs)
    else:
        with Radicale() as server:
            for number, case in enumerate(cases):
                expanded, busy = by_radicale(server, case, number)

                def judged(pairs, any_change, case=case):
                    return [pair for pair in pairs if not near_change(pair, case, any_change)]

                within = [one for one in expanded if begins_within(instant(one[0]), case)]
                compare(case, "expand", judged(sorted(set(ours(case))), False), judged(within, False))
                # What began before the window is busy time too.
                whole = [tuple(shown(instant(one)) for one in pair) for pair in case["occurrences"]]
                mine = judged(merged(judged(whole, True), case), True)
                theirs = judged(merged(busy_intervals(busy), case), True)
                compare(case, "free-busy", mine, theirs)
    print(f"{len(cases)} series, {wrong} differ")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
