//! What was asked of the simulator, in order, and how fast.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::faults::Endpoint;

/// A request and how it was answered. Never a token or a secret.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Milliseconds since the simulator began.
    pub at_ms: u64,
    pub method: String,
    /// Decoded.
    pub path: String,
    pub query: Vec<(String, String)>,
    /// Absent for a path that nobody serves.
    pub endpoint: Option<Endpoint>,
    /// Whose calendar is asked for, or in whose name a service account asks for a token: the person's
    /// key, or the text of the path for somebody unknown.
    pub person: Option<String>,
    /// In whose name (a key); nobody for an app of its own right or without a token.
    pub subject: Option<String>,
    /// `accept`, `prefer`, `user-agent`, `content-type`, `client-request-id`.
    pub headers: BTreeMap<String, String>,
    /// Fields of a form, without what is secret.
    pub form: Vec<(String, String)>,
    pub status: u16,
    /// Whether the answer was the last page of a list.
    pub last_page: bool,
    /// The answer, when the options say that answers are kept.
    pub answer: Option<Value>,
}

impl Recorded {
    /// A query parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let mut query = self.query.iter();
        query
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    pub(super) fn dumped(&self) -> Value {
        json!({
            "at_ms": self.at_ms,
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "endpoint": self.endpoint.map(|endpoint| format!("{endpoint:?}")),
            "person": self.person,
            "subject": self.subject,
            "headers": self.headers,
            "form": self.form,
            "status": self.status,
            "last_page": self.last_page,
            "answer": self.answer,
        })
    }
}

/// How fast the simulator was asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// The most API requests (not token requests) that began within any 60 s.
    pub per_minute_max: usize,
    /// The same for each subject; `""` is an app of its own right.
    pub per_subject: BTreeMap<String, usize>,
    /// The most requests at once for each mailbox, by the person's key.
    pub at_once: BTreeMap<String, usize>,
}

/// Counts what was recorded, within sliding minutes.
pub(super) fn rates(requests: &[Recorded], at_once: &BTreeMap<String, usize>) -> Rates {
    let mut all = Vec::new();
    let mut by_subject: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for request in requests {
        let Some(endpoint) = request.endpoint else {
            continue;
        };
        if endpoint.is_directory() || endpoint.is_calendar() {
            all.push(request.at_ms);
            by_subject
                .entry(request.subject.clone().unwrap_or_default())
                .or_default()
                .push(request.at_ms);
        }
    }
    Rates {
        per_minute_max: busiest_minute(&mut all),
        per_subject: by_subject
            .into_iter()
            .map(|(subject, mut times)| (subject, busiest_minute(&mut times)))
            .collect(),
        at_once: at_once.clone(),
    }
}

fn busiest_minute(times: &mut [u64]) -> usize {
    times.sort_unstable();
    let mut first = 0;
    let mut most = 0;
    for (last, time) in times.iter().enumerate() {
        while time - times[first] >= 60_000 {
            first += 1;
        }
        most = most.max(last + 1 - first);
    }
    most
}

/// Whether each request for a calendar came after a directory that was read to its end.
pub(super) fn directory_before_calendars(requests: &[Recorded]) -> bool {
    let mut complete = false;
    for request in requests {
        match request.endpoint {
            Some(endpoint) if endpoint.is_directory() => {
                complete = request.status == 200 && request.last_page;
            }
            Some(endpoint) if endpoint.is_calendar() && !complete => return false,
            _ => {}
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_slides() {
        assert_eq!(busiest_minute(&mut [0, 59_999, 60_000, 60_001]), 3);
        assert_eq!(busiest_minute(&mut [0, 60_000]), 1);
        assert_eq!(busiest_minute(&mut []), 0);
    }
}
