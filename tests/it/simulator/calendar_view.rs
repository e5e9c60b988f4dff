//! Microsoft Graph: the view of a calendar, and its changes.

use serde_json::{Value, json};

use super::faults::Does;
use super::graph::{authorized, bad, link, parameters, person, question, select, top};
use super::graph_event::{event, mutable_id};
use super::oauth::Access;
use super::paging::Listing;
use super::reply::Reply;
use super::server::{Request, State};
use super::truth::{Entry, Event, Person, State as Is, number};

/// What `Prefer` says: https://learn.microsoft.com/graph/outlook-immutable-id and the page of
/// user: list calendarView.
struct Prefer {
    immutable: bool,
    zone: String,
    page_size: Option<usize>,
}

impl Prefer {
    fn of(request: &Request) -> Result<Prefer, Box<Reply>> {
        let mut prefer = Prefer {
            immutable: false,
            zone: "UTC".into(),
            page_size: None,
        };
        for part in request.header("prefer").unwrap_or_default().split(',') {
            let Some((name, value)) = part.split_once('=') else {
                continue;
            };
            let value = value.trim().trim_matches('"');
            match name.trim().to_lowercase().as_str() {
                "idtype" => prefer.immutable = value == "ImmutableId",
                "outlook.timezone" => {
                    if value.parse::<chrono_tz::Tz>().is_err() {
                        return Err(Box::new(Reply::graph(
                            400,
                            "ErrorInvalidTimeZone",
                            "A valid TimeZone value must be specified.",
                        )));
                    }
                    prefer.zone = value.into();
                }
                "odata.maxpagesize" => prefer.page_size = value.parse().ok(),
                _ => {}
            }
        }
        Ok(prefer)
    }
}

/// The window of a view; an offset is honoured, without one it is UTC (user: list calendarView).
fn window(request: &Request) -> Result<(i64, i64), Box<Reply>> {
    let bound = |name: &str| {
        let text = request.one(name).ok_or_else(|| {
            Box::new(Reply::graph(
                400,
                "ErrorInvalidParameter",
                "This request requires a time window specified by the query string parameters \
                 StartDateTime and EndDateTime.",
            ))
        })?;
        chrono::DateTime::parse_from_rfc3339(text)
            .map(|instant| instant.timestamp())
            .or_else(|_| {
                chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f")
                    .map(|naive| naive.and_utc().timestamp())
            })
            .map_err(|_| {
                Box::new(Reply::graph(
                    400,
                    "ErrorInvalidParameter",
                    &format!("The value of {name} is not a date and time."),
                ))
            })
    };
    let (from, to) = (bound("startDateTime")?, bound("endDateTime")?);
    if to <= from {
        return Err(Box::new(Reply::graph(
            400,
            "ErrorInvalidParameter",
            "The End date must be after the Start date.",
        )));
    }
    Ok((from, to))
}

/// Properties of an event that may be selected (microsoftgraph/msgraph-metadata, type event).
const EVENT: &[&str] = &[
    "id",
    "createdDateTime",
    "lastModifiedDateTime",
    "changeKey",
    "categories",
    "transactionId",
    "originalStartTimeZone",
    "originalEndTimeZone",
    "iCalUId",
    "reminderMinutesBeforeStart",
    "isReminderOn",
    "hasAttachments",
    "hideAttendees",
    "subject",
    "body",
    "bodyPreview",
    "importance",
    "sensitivity",
    "isAllDay",
    "isCancelled",
    "isDraft",
    "isOrganizer",
    "isOnlineMeeting",
    "onlineMeeting",
    "onlineMeetingProvider",
    "onlineMeetingUrl",
    "responseRequested",
    "responseStatus",
    "seriesMasterId",
    "showAs",
    "type",
    "webLink",
    "start",
    "end",
    "originalStart",
    "location",
    "locations",
    "recurrence",
    "attendees",
    "organizer",
    "allowNewTimeProposals",
];

/// The caller may read this calendar.
fn readable<'a>(state: &'a State, access: &Access, who: &str) -> Result<&'a Person, Box<Reply>> {
    let roles = [
        "Calendars.ReadBasic.All",
        "Calendars.Read",
        "Calendars.ReadWrite",
    ];
    if !access
        .scopes
        .iter()
        .any(|role| roles.contains(&role.as_str()))
    {
        return Err(Box::new(Reply::graph(
            403,
            "ErrorAccessDenied",
            "Access is denied. Check credentials and try again.",
        )));
    }
    let Some(person) = person(&state.truth, who) else {
        return Err(Box::new(Reply::graph(
            404,
            "Request_ResourceNotFound",
            "Resource does not exist or one of its queried reference-property objects are not \
             present.",
        )));
    };
    if !person.mailbox {
        return Err(Box::new(Reply::no_mailbox()));
    }
    Ok(person)
}

/// `GET /v1.0/users/{who}/calendarView`: docs-contrib user-list-calendarview.md
pub(super) fn view(state: &mut State, request: &Request, who: &str, faults: &[Does]) -> Reply {
    viewed(state, request, who, faults).unwrap_or_else(|reply| *reply)
}

fn viewed(
    state: &mut State,
    request: &Request,
    who: &str,
    faults: &[Does],
) -> Result<Reply, Box<Reply>> {
    let access = authorized(state, request)?;
    parameters(
        request,
        &[
            "startDateTime",
            "endDateTime",
            "$select",
            "$top",
            "$orderby",
            "$skiptoken",
        ],
    )?;
    let prefer = Prefer::of(request)?;
    let (from, to) = window(request)?;
    let selected = select(request, EVENT, "microsoft.graph.event")?;
    if let Some(order) = request.one("$orderby")
        && !order.to_lowercase().starts_with("start/datetime")
    {
        return Err(bad("The simulator orders by start/dateTime only."));
    }
    let page_size = top(request, prefer.page_size.unwrap_or(10), 1_000)?;
    let page_size = state.page_size(page_size);
    let person = readable(state, &access, who)?;
    let owner = person.graph_id().to_owned();
    let body_too = !access
        .scopes
        .contains(&"Calendars.ReadBasic.All".to_owned());
    let make = |entry: &Entry| {
        let mut row = event(person, entry, &prefer.zone, body_too);
        if let (Some(selected), Some(row)) = (&selected, row.as_object_mut()) {
            // "createdDateTime and lastModifiedDateTime don't support $select".
            row.retain(|name, _| {
                name == "id"
                    || name == "@odata.etag"
                    || (selected.contains(name)
                        && name != "createdDateTime"
                        && name != "lastModifiedDateTime")
            });
        }
        row
    };
    let stranger = faults
        .iter()
        .any(|fault| matches!(fault, Does::OutOfWindowRows))
        .then(|| make(&far_away()));
    let asked = question(request);
    let token = match request.one("$skiptoken") {
        Some(token) => token.to_owned(),
        None => {
            // A cancelled meeting stays in the calendar, a deleted one does not.
            let mut entries: Vec<&Entry> = person
                .calendar
                .values()
                .filter(|entry| entry.state != Is::Deleted)
                .filter(|entry| entry.event.when.overlaps(&prefer.zone, from, to))
                .collect();
            // No order is promised unless asked for.
            entries.sort_by_key(|entry| number(&entry.event.id));
            if request.one("$orderby").is_some() {
                entries.sort_by_key(|entry| entry.event.when.seconds("UTC").0);
            }
            let rows = entries.into_iter().map(make).collect();
            state.pages.begin(Listing {
                question: asked.clone(),
                owner: owner.clone(),
                rows,
                page_size,
                version: state.truth.version(),
            })
        }
    };
    let Some((list, offset)) = state.page_of(&token, &owner, &asked) else {
        return Err(bad("Skip token is not valid."));
    };
    let mut page = state.pages.page(list, offset, faults);
    page.rows.extend(stranger);
    ids(state, &prefer, &mut page.rows);
    let mut body = json!({
        "@odata.context": format!("{}/v1.0/$metadata#users('{owner}')/calendarView", state.base),
        "value": page.rows,
    });
    let last_page = page.next.is_none();
    if let Some(next) = page.next {
        body["@odata.nextLink"] = link(state, request, "$skiptoken", &next, true).into();
    }
    let mut reply = Reply::json(200, body);
    reply.last_page = last_page;
    Ok(reply)
}

/// An entry that no window of a test holds.
fn far_away() -> Entry {
    Entry {
        event: Event::new("far-away").at("2001-01-01T09:00:00Z", "2001-01-01T10:00:00Z"),
        version: 0,
        state: Is::Live,
    }
}

/// Without `Prefer: IdType="ImmutableId"` ids are others, and change when a mailbox is moved.
fn ids(state: &State, prefer: &Prefer, rows: &mut [Value]) {
    if prefer.immutable {
        return;
    }
    for row in rows {
        for name in ["id", "seriesMasterId"] {
            if let Some(id) = row.get(name).and_then(Value::as_str) {
                row[name] = mutable_id(id, state.options.mailbox_moves).into();
            }
        }
    }
}

/// `GET /v1.0/users/{who}/calendarView/delta`: docs-contrib event-delta.md and
/// concepts/delta-query-events.md
pub(super) fn delta(state: &mut State, request: &Request, who: &str, faults: &[Does]) -> Reply {
    changed(state, request, who, faults).unwrap_or_else(|reply| *reply)
}

fn changed(
    state: &mut State,
    request: &Request,
    who: &str,
    faults: &[Does],
) -> Result<Reply, Box<Reply>> {
    let access = authorized(state, request)?;
    // "$select, $expand, $filter, $orderby, $search aren't supported"; pages by Prefer.
    for (name, _) in &request.query {
        if !["startDateTime", "endDateTime", "$skiptoken", "$deltatoken"].contains(&name.as_str()) {
            return Err(Box::new(Reply::graph(
                400,
                "ErrorInvalidUrlQuery",
                &format!(
                    "The parameter '{name}' is not supported with change tracking over the \
                     'CalendarView' resource."
                ),
            )));
        }
    }
    let prefer = Prefer::of(request)?;
    let person = readable(state, &access, who)?;
    let owner = person.graph_id().to_owned();
    let body_too = !access
        .scopes
        .contains(&"Calendars.ReadBasic.All".to_owned());
    let page_size = state.page_size(prefer.page_size.unwrap_or(10));
    let removed = |id: &str, reason: &str| json!({ "id": id, "@removed": { "reason": reason } });

    let token = if let Some(token) = request.one("$skiptoken") {
        token.to_owned()
    } else {
        // The window is frozen into the token.
        let (since, from, to) = match request.one("$deltatoken") {
            None => {
                let (from, to) = window(request)?;
                (0, from, to)
            }
            Some(token) => {
                let parts: Vec<&str> = token.split('.').collect();
                let ["delta", since, from, to] = parts[..] else {
                    return Err(bad("Badly formed token."));
                };
                let since: u64 = since.parse().map_err(|_| bad("Badly formed token."))?;
                if since < person.oldest_token {
                    let again = link(state, request, "$deltatoken", "", false);
                    return Err(Box::new(Reply::graph_gone(Some(&again))));
                }
                let second = |text: &str| text.parse().map_err(|_| bad("Badly formed token."));
                (since, second(from)?, second(to)?)
            }
        };
        let first = request.one("$deltatoken").is_none();
        let mut entries: Vec<&Entry> = person
            .calendar
            .values()
            .filter(|entry| first || entry.version > since)
            .collect();
        entries.sort_by_key(|entry| number(&entry.event.id));
        let mut rows = Vec::new();
        for entry in entries {
            let inside = entry.event.when.overlaps("UTC", from, to);
            match entry.state {
                Is::Live | Is::Cancelled if inside => {
                    rows.push(event(person, entry, &prefer.zone, body_too));
                }
                _ if first => {}
                Is::Deleted => rows.push(removed(&entry.event.id, "deleted")),
                // Also for what was never in the window:
                // https://github.com/microsoftgraph/microsoft-graph-docs/issues/6599
                _ => rows.push(removed(&entry.event.id, "changed")),
            }
        }
        state.pages.begin(Listing {
            question: format!("{from}.{to}"),
            owner: owner.clone(),
            rows,
            page_size,
            version: state.truth.version(),
        })
    };
    let Some((list, offset, window)) =
        state.pages.of(&token).and_then(|(list, offset, listing)| {
            (listing.owner == owner).then(|| (list, offset, listing.question.clone()))
        })
    else {
        return Err(Box::new(Reply::graph_gone(None)));
    };
    let mut page = state.pages.page(list, offset, faults);
    for fault in faults {
        match fault {
            Does::OutOfWindowRows => page.rows.push(removed("never-known", "changed")),
            Does::Tombstone(id) => page.rows.push(removed(id, "deleted")),
            _ => {}
        }
    }
    ids(state, &prefer, &mut page.rows);
    let mut body = json!({
        "@odata.context": format!("{}/v1.0/$metadata#Collection(event)", state.base),
        "value": page.rows,
    });
    let last_page = page.next.is_none();
    match page.next {
        Some(next) => {
            body["@odata.nextLink"] = link(state, request, "$skiptoken", &next, false).into();
        }
        None => {
            let token = format!("delta.{}.{window}", state.pages.version(list));
            body["@odata.deltaLink"] = link(state, request, "$deltatoken", &token, false).into();
        }
    }
    let mut reply = Reply::json(200, body);
    reply.last_page = last_page;
    Ok(reply)
}
