//! Google's Calendar API: the events of a calendar.
//! https://developers.google.com/workspace/calendar/api/v3/reference/events/list

use serde_json::{Value, json};

use super::faults::Does;
use super::google_event::{event, master, tombstone};
use super::google_request::{authorized, bad_parameter, mask_of, maximum, question};
use super::keys::EVENTS_SCOPE;
use super::paging::Listing;
use super::reply::Reply;
use super::server::{Request, State};
use super::truth::{Entry, Event, Person, State as Is, number};

const PARAMETERS: &[&str] = &[
    "alwaysIncludeEmail",
    "eventTypes",
    "iCalUID",
    "maxAttendees",
    "maxResults",
    "orderBy",
    "pageToken",
    "privateExtendedProperty",
    "q",
    "sharedExtendedProperty",
    "showDeleted",
    "showHiddenInvitations",
    "singleEvents",
    "syncToken",
    "timeMax",
    "timeMin",
    "timeZone",
    "updatedMin",
];

/// What no `syncToken` may be combined with (reference of events.list, parameter syncToken).
const NOT_WITH_SYNC_TOKEN: &[&str] = &[
    "iCalUID",
    "orderBy",
    "privateExtendedProperty",
    "q",
    "sharedExtendedProperty",
    "timeMin",
    "timeMax",
    "updatedMin",
];

const TOP: &[&str] = &[
    "kind",
    "etag",
    "summary",
    "description",
    "updated",
    "timeZone",
    "accessRole",
    "defaultReminders",
    "nextPageToken",
    "nextSyncToken",
    "items",
];
const EVENT: &[&str] = &[
    "kind",
    "etag",
    "id",
    "status",
    "htmlLink",
    "created",
    "updated",
    "summary",
    "description",
    "location",
    "colorId",
    "creator",
    "organizer",
    "start",
    "end",
    "endTimeUnspecified",
    "recurrence",
    "recurringEventId",
    "originalStartTime",
    "transparency",
    "visibility",
    "iCalUID",
    "sequence",
    "attendees",
    "attendeesOmitted",
    "extendedProperties",
    "hangoutLink",
    "conferenceData",
    "guestsCanInviteOthers",
    "privateCopy",
    "locked",
    "reminders",
    "source",
    "attachments",
    "eventType",
    "workingLocationProperties",
    "outOfOfficeProperties",
    "focusTimeProperties",
    "birthdayProperties",
];

/// What is read of one person's calendar.
struct Asked<'a> {
    person: &'a Person,
    hidden: &'a dyn Fn(&Event) -> bool,
    zone: String,
    from: Option<i64>,
    to: Option<i64>,
    single: bool,
    deleted: bool,
    kinds: Vec<String>,
}

impl Asked<'_> {
    fn in_window(&self, entry: &Entry) -> bool {
        // timeMin bounds the end, timeMax the start, both exclusive.
        let (from, to) = (self.from.unwrap_or(i64::MIN), self.to.unwrap_or(i64::MAX));
        entry.event.when.overlaps(&self.person.zone, from, to)
    }

    fn of_kind(&self, entry: &Entry) -> bool {
        self.kinds.is_empty()
            || self
                .kinds
                .iter()
                .any(|kind| kind == entry.event.kind.word())
    }

    fn shown(&self, entry: &Entry) -> Value {
        event(
            self.person,
            entry,
            &self.zone,
            (self.hidden)(&entry.event),
            self.is_in_living_series(entry),
        )
    }

    fn is_in_living_series(&self, entry: &Entry) -> bool {
        entry.event.series.is_some()
            && self
                .person
                .calendar
                .values()
                .any(|other| other.event.series == entry.event.series && other.state != Is::Deleted)
    }

    /// A complete list. Cancelled entries come only with showDeleted, deleted ones as little more
    /// than their id (reference of the resource Event, field status).
    fn all(&self) -> Vec<Value> {
        let mut rows = Vec::new();
        let mut masters: Vec<&str> = Vec::new();
        let mut entries: Vec<&Entry> = self.person.calendar.values().collect();
        // No order is promised.
        entries.sort_by_key(|entry| number(&entry.event.id));
        for entry in entries {
            if !self.in_window(entry) || !self.of_kind(entry) {
                continue;
            }
            if !self.single
                && let Some(series) = &entry.event.series
            {
                if !masters.contains(&series.as_str()) && entry.state == Is::Live {
                    masters.push(series);
                    rows.push(master(self.person, entry, &self.zone));
                }
                continue;
            }
            match entry.state {
                Is::Live => rows.push(self.shown(entry)),
                Is::Cancelled if self.deleted => rows.push(self.shown(entry)),
                Is::Deleted if self.deleted => {
                    rows.push(tombstone(
                        entry,
                        &self.zone,
                        self.is_in_living_series(entry),
                    ));
                }
                Is::Cancelled | Is::Deleted => {}
            }
        }
        rows
    }

    /// What changed after a version: "the result set will contain entries that were deleted".
    fn since(&self, version: u64, keeps_window: bool) -> Vec<Value> {
        let mut changed: Vec<&Entry> = self
            .person
            .calendar
            .values()
            .filter(|entry| entry.version > version && self.of_kind(entry))
            .filter(|entry| !keeps_window || entry.state != Is::Live || self.in_window(entry))
            .collect();
        changed.sort_by_key(|entry| entry.version);
        changed
            .into_iter()
            .map(|entry| match entry.state {
                Is::Live => self.shown(entry),
                // Details only where showDeleted was asked for.
                Is::Cancelled if self.deleted => self.shown(entry),
                Is::Cancelled | Is::Deleted => {
                    tombstone(entry, &self.zone, self.is_in_living_series(entry))
                }
            })
            .collect()
    }
}

/// An RFC 3339 instant with its mandatory offset; fractions are ignored.
fn bound(request: &Request, name: &str) -> Result<Option<i64>, Box<Reply>> {
    let Some(text) = request.one(name) else {
        return Ok(None);
    };
    match chrono::DateTime::parse_from_rfc3339(text) {
        Ok(instant) => Ok(Some(instant.timestamp())),
        Err(_) => Err(Box::new(Reply::google_bad(
            name,
            "badRequest",
            "Bad Request",
        ))),
    }
}

fn switch(request: &Request, name: &str) -> Result<Option<bool>, Box<Reply>> {
    match request.one(name) {
        None => Ok(None),
        Some("true") => Ok(Some(true)),
        Some("false") => Ok(Some(false)),
        Some(_) => Err(Box::new(Reply::google_bad(
            name,
            "invalid",
            "Invalid boolean value",
        ))),
    }
}

/// Which words an `eventTypes` may be (discovery document of calendar v3).
const EVENT_TYPES: &[&str] = &[
    "birthday",
    "default",
    "focusTime",
    "fromGmail",
    "outOfOffice",
    "workingLocation",
];

/// `GET /calendar/v3/calendars/{calendar}/events`.
pub(super) fn events(
    state: &mut State,
    request: &Request,
    calendar: &str,
    faults: &[Does],
) -> Reply {
    answered(state, request, calendar, faults).unwrap_or_else(|reply| *reply)
}

fn answered(
    state: &mut State,
    request: &Request,
    calendar: &str,
    faults: &[Does],
) -> Result<Reply, Box<Reply>> {
    let wrong = |name: &str, reason: &str, message: &str| {
        Err(Box::new(Reply::google_bad(name, reason, message)))
    };
    let access = authorized(
        state,
        request,
        &[
            EVENTS_SCOPE,
            "https://www.googleapis.com/auth/calendar.readonly",
            "https://www.googleapis.com/auth/calendar.events",
            "https://www.googleapis.com/auth/calendar.events.owned.readonly",
            "https://www.googleapis.com/auth/calendar",
        ],
    )?;
    if let Some(reply) = bad_parameter(
        request,
        PARAMETERS,
        &[
            "eventTypes",
            "privateExtendedProperty",
            "sharedExtendedProperty",
        ],
    ) {
        return Err(Box::new(reply));
    }
    let mask = mask_of(request, TOP, "items", EVENT)?;
    let from = bound(request, "timeMin")?;
    let to = bound(request, "timeMax")?;
    let single = switch(request, "singleEvents")?.unwrap_or(false);
    let deleted = switch(request, "showDeleted")?;
    let sync_token = request.one("syncToken");
    if sync_token.is_some() {
        // The discovery document does not say this: only the reference's text does.
        for name in NOT_WITH_SYNC_TOKEN {
            if request.one(name).is_some() {
                return wrong(
                    name,
                    "badRequest",
                    &format!("Sync token cannot be used with {name}."),
                );
            }
        }
        if deleted == Some(false) {
            return wrong(
                "showDeleted",
                "badRequest",
                "showDeleted cannot be false when a sync token is used.",
            );
        }
    }
    for name in [
        "iCalUID",
        "privateExtendedProperty",
        "q",
        "sharedExtendedProperty",
        "updatedMin",
        "showHiddenInvitations",
        "maxAttendees",
    ] {
        if request.one(name).is_some() {
            return wrong(name, "notSimulated", "The simulator has no such thing");
        }
    }
    if let (Some(from), Some(to)) = (from, to)
        && from >= to
    {
        return wrong(
            "timeMax",
            "timeRangeEmpty",
            "The specified time range is empty.",
        );
    }
    match request.one("orderBy") {
        None | Some("updated") => {}
        // "only available when querying single events"
        Some("startTime") if single => {}
        Some(_) => {
            return wrong(
                "orderBy",
                "badRequest",
                "The requested ordering is not available for the particular query.",
            );
        }
    }
    let kinds: Vec<String> = request.all("eventTypes");
    if let Some(kind) = kinds
        .iter()
        .find(|kind| !EVENT_TYPES.contains(&kind.as_str()))
    {
        return wrong("eventTypes", "invalid", &format!("Invalid value: {kind}"));
    }
    // "by default 250, never larger than 2500"
    let Some(page_size) = maximum(request, 250, 2_500, true) else {
        return wrong("maxResults", "invalidParameter", "Invalid value");
    };
    let page_size = state.page_size(page_size);

    // A calendar's id is its owner's primary address; `primary` is the caller's own.
    let truth = &state.truth;
    let person = match calendar {
        "primary" => access.subject.as_deref().and_then(|key| truth.find(key)),
        address => truth
            .people()
            .iter()
            .find(|person| person.principal.eq_ignore_ascii_case(address)),
    };
    let Some(person) = person else {
        return Err(Box::new(Reply::google(
            404,
            "global",
            "notFound",
            "Not Found",
        )));
    };
    // Administrators have full access to every calendar of the domain
    // (https://support.google.com/a/answer/68275); anybody else reads what is theirs.
    let caller = access.subject.as_deref().and_then(|key| truth.find(key));
    if !caller.is_some_and(|caller| caller.admin || caller.key == person.key) {
        return Err(Box::new(Reply::google(
            403,
            "global",
            "forbidden",
            "Forbidden",
        )));
    }
    let zone = request.one("timeZone").unwrap_or(&person.zone).to_owned();
    if zone.parse::<chrono_tz::Tz>().is_err() {
        return wrong("timeZone", "invalid", "Invalid time zone");
    }
    // `reader` sees no details of private events, `freeBusyReader` none at all (discovery document,
    // schema Events, accessRole).
    let role = person.access_role;
    let hidden = move |event: &Event| match role {
        "freeBusyReader" => true,
        "reader" => event.private,
        _ => false,
    };
    let asked = Asked {
        person,
        hidden: &hidden,
        zone,
        from,
        to,
        single,
        deleted: deleted.unwrap_or(false),
        kinds,
    };
    // "All other query parameters should be the same as for the initial synchronization."
    let kept = {
        let mut but = NOT_WITH_SYNC_TOKEN.to_vec();
        but.push("syncToken");
        format!("{:016x}", number(&question(request, &but)))
    };
    let rows = match (request.one("pageToken"), sync_token) {
        (Some(_), _) => None,
        (None, None) => Some(asked.all()),
        (None, Some(token)) => {
            let parts: Vec<&str> = token.split('.').collect();
            let ["sync", version, owner, of] = parts[..] else {
                return wrong("syncToken", "invalid", "Invalid sync token value.");
            };
            let version = version.parse::<u64>().unwrap_or(0);
            if owner != person.google_id() {
                return wrong("syncToken", "invalid", "Invalid sync token value.");
            }
            if of != kept {
                return wrong(
                    "syncToken",
                    "badRequest",
                    "Parameters differ from those of the initial synchronization.",
                );
            }
            if version < person.oldest_token {
                return Err(Box::new(Reply::google_gone()));
            }
            Some(asked.since(version, state.options.changes_keep_window))
        }
    };
    let top = json!({
        "kind": "calendar#events",
        "etag": format!("\"p{}\"", truth.version()),
        "summary": person.principal,
        "updated": "2026-03-01T00:00:00.000Z",
        "timeZone": asked.zone,
        "accessRole": role,
        "defaultReminders": [{ "method": "popup", "minutes": 10 }],
    });
    let question = question(request, &[]);
    let owner = person.google_id().to_owned();
    let stranger = faults
        .iter()
        .any(|fault| matches!(fault, Does::OutOfWindowRows))
        .then(|| {
            let far = Event::new("far-away").at("2001-01-01T09:00:00Z", "2001-01-01T10:00:00Z");
            let entry = Entry {
                event: far,
                version: 0,
                state: Is::Live,
            };
            asked.shown(&entry)
        });
    let version = truth.version();
    let token = match (request.one("pageToken"), rows) {
        (None, Some(mut rows)) => {
            if request.one("orderBy") == Some("startTime") {
                rows.sort_by_key(|row| row["start"].to_string());
            }
            state.pages.begin(Listing {
                question: question.clone(),
                owner: owner.clone(),
                rows,
                page_size,
                version,
            })
        }
        (token, _) => token.unwrap_or_default().to_owned(),
    };
    let Some((list, offset)) = state.page_of(&token, &owner, &question) else {
        return wrong("pageToken", "invalid", "Invalid page token value.");
    };
    let began_at = state.pages.version(list);
    let mut page = state.pages.page(list, offset, faults);
    page.rows.extend(stranger);
    for fault in faults {
        if let Does::Tombstone(id) = fault {
            page.rows
                .push(json!({ "kind": "calendar#event", "id": id, "status": "cancelled" }));
        }
    }
    let mut body = top;
    body["items"] = page.rows.into();
    let last_page = page.next.is_none();
    match page.next {
        Some(next) => body["nextPageToken"] = next.into(),
        // "nextSyncToken: omitted if further results are available"; none with an order or a search.
        None if request.one("orderBy").is_none() => {
            body["nextSyncToken"] = format!("sync.{began_at}.{owner}.{kept}").into();
        }
        None => {}
    }
    mask.apply(&mut body);
    let mut reply = Reply::json(200, body);
    reply.last_page = last_page;
    Ok(reply)
}
