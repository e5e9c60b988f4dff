//! CalDAV's XML (RFC 4791, RFC 6578): what is asked, and what a multistatus answers.
//!
//! Pure text in both directions: request bodies out, answers as [`Resource`]s in. Names are
//! compared with their namespace, whatever prefix a server gives them. Never: an external entity or
//! a document type is read (roxmltree refuses both), more is kept than the bounds allow, an answer
//! that is cut short is taken for a short one.

use roxmltree::{Document, Node, ParsingOptions};

use crate::clock::Micros;

const DAV: &str = "DAV:";
const CALDAV: &str = "urn:ietf:params:xml:ns:caldav";
/// Elements and texts of one answer.
const NODES_MAX: u32 = 2_000_000;

/// One answered resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resource {
    /// As given: a path, or a URL.
    pub href: String,
    /// The status of the resource, or of the properties that were found; 200 when none is given.
    pub status: u16,
    pub etag: Option<String>,
    /// Its iCalendar text.
    pub calendar: Option<String>,
}

/// A `DAV:multistatus`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Multistatus {
    pub resources: Vec<Resource>,
    /// From where the next `sync-collection` goes on.
    pub sync_token: Option<String>,
    /// Whether the answer was cut off by the server (507), so that what is missing means nothing.
    pub truncated: bool,
}

/// Why an answer cannot be used. Says where, never what stands there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("the answer is not XML (line {line}, column {column})")]
    NotXml { line: u32, column: u32 },
    #[error("the answer is not a multistatus")]
    NotMultistatus,
    #[error("the answer has more than {0} resources")]
    TooMany(usize),
}

/// Reads a multistatus.
///
/// # Errors
/// [`Error`].
pub fn multistatus(text: &str, resources_max: usize) -> Result<Multistatus, Error> {
    let document = parse(text)?;
    let root = document.root_element();
    if !is(root, DAV, "multistatus") {
        return Err(Error::NotMultistatus);
    }
    let mut found = Multistatus::default();
    for node in root.children() {
        if is(node, DAV, "sync-token") {
            found.sync_token = text_of(node);
        } else if is(node, DAV, "response") {
            if found.resources.len() >= resources_max {
                return Err(Error::TooMany(resources_max));
            }
            let resource = resource(node);
            found.truncated |= resource.status == 507;
            found.resources.push(resource);
        }
    }
    Ok(found)
}

/// The `DAV:sync-token` property of a `PROPFIND` answer.
///
/// # Errors
/// [`Error`].
pub fn sync_token(text: &str) -> Result<Option<String>, Error> {
    let document = parse(text)?;
    let root = document.root_element();
    if !is(root, DAV, "multistatus") {
        return Err(Error::NotMultistatus);
    }
    Ok(root
        .descendants()
        .find(|node| is(*node, DAV, "sync-token"))
        .and_then(text_of))
}

/// Whether a refusal says that the sync token is not known any more (RFC 6578 §3.2).
pub fn token_is_forgotten(text: &str) -> bool {
    parse(text).is_ok_and(|document| {
        document
            .descendants()
            .any(|node| is(node, DAV, "valid-sync-token"))
    })
}

/// The body of a `calendar-query` for the events that overlap a window, microseconds UTC. `None`
/// when the window has no date that can be written.
pub fn calendar_query(from: Micros, to: Micros) -> Option<String> {
    let at = |micros: Micros| {
        Some(
            chrono::DateTime::from_timestamp_micros(micros)?
                .format("%Y%m%dT%H%M%SZ")
                .to_string(),
        )
    };
    let (from, to) = (at(from)?, at(to)?);
    Some(format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
         <C:calendar-query xmlns:D=\"{DAV}\" xmlns:C=\"{CALDAV}\">\
         <D:prop><D:getetag/><C:calendar-data/></D:prop>\
         <C:filter><C:comp-filter name=\"VCALENDAR\"><C:comp-filter name=\"VEVENT\">\
         <C:time-range start=\"{from}\" end=\"{to}\"/>\
         </C:comp-filter></C:comp-filter></C:filter></C:calendar-query>"
    ))
}

/// The body of a `sync-collection` since a token; an empty token asks for everything.
pub fn sync_collection(token: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
         <D:sync-collection xmlns:D=\"{DAV}\"><D:sync-token>{}</D:sync-token>\
         <D:sync-level>1</D:sync-level><D:prop><D:getetag/></D:prop></D:sync-collection>",
        escaped(token)
    )
}

/// The body of a `PROPFIND` that asks for the sync token.
pub fn ask_sync_token() -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
         <D:propfind xmlns:D=\"{DAV}\"><D:prop><D:sync-token/></D:prop></D:propfind>"
    )
}

fn parse(text: &str) -> Result<Document<'_>, Error> {
    let options = ParsingOptions {
        allow_dtd: false,
        nodes_limit: NODES_MAX,
        ..ParsingOptions::default()
    };
    Document::parse_with_options(text.trim_start_matches('\u{feff}'), options).map_err(|error| {
        let at = error.pos();
        Error::NotXml {
            line: at.row,
            column: at.col,
        }
    })
}

fn is(node: Node<'_, '_>, namespace: &str, name: &str) -> bool {
    node.is_element()
        && node.tag_name().namespace() == Some(namespace)
        && node.tag_name().name() == name
}

fn child<'a, 'i>(node: Node<'a, 'i>, namespace: &str, name: &str) -> Option<Node<'a, 'i>> {
    node.children().find(|child| is(*child, namespace, name))
}

/// All text within a node: a server may split it, or put it in a CDATA section.
fn whole_text(node: Node<'_, '_>) -> String {
    node.descendants()
        .filter(|node| node.is_text())
        .filter_map(|node| node.text())
        .collect()
}

fn text_of(node: Node<'_, '_>) -> Option<String> {
    let text = whole_text(node);
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// `HTTP/1.1 200 OK`.
fn status_of(node: Node<'_, '_>) -> Option<u16> {
    let text = text_of(child(node, DAV, "status")?)?;
    text.split_ascii_whitespace().nth(1)?.parse().ok()
}

fn resource(response: Node<'_, '_>) -> Resource {
    let mut found = Resource {
        href: child(response, DAV, "href")
            .and_then(text_of)
            .unwrap_or_default(),
        status: status_of(response).unwrap_or(0),
        ..Resource::default()
    };
    for propstat in response
        .children()
        .filter(|node| is(*node, DAV, "propstat"))
    {
        let status = status_of(propstat).unwrap_or(200);
        if !(200..300).contains(&status) {
            // A property that is not there does not make the resource bad; when there is no better
            // word, this is what is known of it.
            if found.status == 0 {
                found.status = status;
            }
            continue;
        }
        if found.status == 0 || !(200..300).contains(&found.status) {
            found.status = status;
        }
        let Some(prop) = child(propstat, DAV, "prop") else {
            continue;
        };
        if let Some(etag) = child(prop, DAV, "getetag") {
            found.etag = text_of(etag);
        }
        if let Some(data) = child(prop, CALDAV, "calendar-data") {
            let text = whole_text(data);
            found.calendar = (!text.trim().is_empty()).then(|| text.trim_start().to_owned());
        }
    }
    if found.status == 0 {
        found.status = 200;
    }
    found
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_are_read_whatever_the_prefix() {
        let text = r#"<?xml version="1.0"?>
<multistatus xmlns="DAV:" xmlns:cal="urn:ietf:params:xml:ns:caldav" xmlns:o="urn:other">
  <response><href> /c/a.ics </href><propstat><prop>
    <o:calendar-data>no</o:calendar-data>
    <cal:calendar-data><![CDATA[BEGIN:VCALENDAR
SUMMARY:a & b]]>
END:VCALENDAR</cal:calendar-data><getetag>"1"</getetag></prop><status>HTTP/1.1 200 OK</status></propstat>
    <propstat><prop><cal:schedule-tag/></prop><status>HTTP/1.1 404 Not Found</status></propstat></response>
  <response><href>/c/gone.ics</href><status>HTTP/1.1 404 Not Found</status></response>
  <sync-token>urn:t?a&amp;b</sync-token>
</multistatus>"#;
        let read = multistatus(text, 10).unwrap();
        assert_eq!(read.sync_token.as_deref(), Some("urn:t?a&b"));
        assert!(!read.truncated);
        let [first, gone] = &read.resources[..] else {
            panic!("{read:?}")
        };
        assert_eq!((first.href.as_str(), first.status), ("/c/a.ics", 200));
        assert_eq!(first.etag.as_deref(), Some("\"1\""));
        assert_eq!(
            first.calendar.as_deref(),
            Some("BEGIN:VCALENDAR\nSUMMARY:a & b\nEND:VCALENDAR")
        );
        assert_eq!((gone.status, &gone.calendar), (404, &None));
        assert_eq!(multistatus(text, 1), Err(Error::TooMany(1)));
    }

    #[test]
    fn what_is_no_multistatus_or_ends_early_is_told() {
        let cut = "<multistatus xmlns='DAV:'><response><href>/secret</href>";
        let error = multistatus(cut, 10).unwrap_err();
        assert!(matches!(error, Error::NotXml { .. }));
        assert!(!error.to_string().contains("secret"));
        for text in [
            "<multistatus/>",
            "<html/>",
            "<x:multistatus xmlns:x='urn:other'/>",
        ] {
            assert_eq!(multistatus(text, 10), Err(Error::NotMultistatus), "{text}");
        }
        let bomb = "<!DOCTYPE x [<!ENTITY a \"aaaa\">]><multistatus xmlns='DAV:'>&a;</multistatus>";
        assert!(matches!(multistatus(bomb, 10), Err(Error::NotXml { .. })));
    }

    #[test]
    fn a_server_that_stopped_is_told() {
        let text = "<d:multistatus xmlns:d='DAV:'><d:response><d:href>/c/</d:href>\
                    <d:status>HTTP/1.1 507 Insufficient Storage</d:status></d:response></d:multistatus>";
        assert!(multistatus(text, 10).unwrap().truncated);
    }

    #[test]
    fn what_is_asked_can_be_read_again() {
        let query = calendar_query(1_767_225_600_000_000, 1_767_312_000_000_000).unwrap();
        let document = parse(&query).unwrap();
        let range = document
            .descendants()
            .find(|node| is(*node, CALDAV, "time-range"))
            .unwrap();
        assert_eq!(range.attribute("start"), Some("20260101T000000Z"));
        assert_eq!(range.attribute("end"), Some("20260102T000000Z"));
        let sync = sync_collection("a<&>b");
        let document = parse(&sync).unwrap();
        let token = document
            .descendants()
            .find(|node| is(*node, DAV, "sync-token"))
            .and_then(text_of);
        assert_eq!(token.as_deref(), Some("a<&>b"));
        assert!(parse(&ask_sync_token()).is_ok());
        assert_eq!(calendar_query(i64::MAX, i64::MAX), None);
    }

    #[test]
    fn a_forgotten_token_is_known_by_its_name() {
        let text = "<D:error xmlns:D='DAV:'><D:valid-sync-token/></D:error>";
        assert!(token_is_forgotten(text));
        assert!(!token_is_forgotten(
            "<D:error xmlns:D='DAV:'><D:need-privileges/></D:error>"
        ));
        assert!(!token_is_forgotten("Forbidden"));
    }
}
