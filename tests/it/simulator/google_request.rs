//! What both of Google's APIs check of a request alike: the token, the names of parameters, the size
//! of a page, the mask; and what is compared when a list is walked.

use super::mask::Mask;
use super::oauth::Access;
use super::reply::Reply;
use super::server::{Request, State};

/// Parameters of every Google API: https://cloud.google.com/apis/docs/system-parameters
const SYSTEM: &[&str] = &["alt", "fields", "key", "prettyPrint", "quotaUser", "userIp"];

/// The caller's token with one of these scopes.
pub(super) fn authorized(
    state: &State,
    request: &Request,
    scopes: &[&str],
) -> Result<Access, Box<Reply>> {
    let held = request
        .bearer()
        .and_then(|token| state.grants.holds(token, state.now()))
        .filter(|access| access.google);
    let Some(access) = held else {
        return Err(Box::new(Reply::google_unauthorized()));
    };
    if !access
        .scopes
        .iter()
        .any(|scope| scopes.contains(&scope.as_str()))
    {
        return Err(Box::new(Reply::google(
            403,
            "global",
            "insufficientPermissions",
            "Request had insufficient authentication scopes.",
        )));
    }
    Ok(access.clone())
}

/// An unknown parameter, or one given twice that is not a list.
pub(super) fn bad_parameter(request: &Request, known: &[&str], lists: &[&str]) -> Option<Reply> {
    let mut seen: Vec<&str> = Vec::new();
    for (name, _) in &request.query {
        let name = name.as_str();
        let is_known = known.contains(&name) || SYSTEM.contains(&name);
        if !is_known || (seen.contains(&name) && !lists.contains(&name)) {
            return Some(Reply::google_bad(
                name,
                "unexpectedParameter",
                &format!("Unknown or repeated parameter: {name}"),
            ));
        }
        seen.push(name);
    }
    None
}

/// `maxResults`; one that is too large is refused or cut.
pub(super) fn maximum(request: &Request, default: usize, most: usize, cut: bool) -> Option<usize> {
    let Some(text) = request.one("maxResults") else {
        return Some(default);
    };
    match text.parse() {
        Ok(0) | Err(_) => None,
        Ok(number) if number > most => cut.then_some(most),
        Ok(number) => Some(number),
    }
}

/// `fields`.
pub(super) fn mask_of(
    request: &Request,
    top: &[&str],
    rows: &str,
    of_row: &[&str],
) -> Result<Mask, Box<Reply>> {
    let Some(text) = request.one("fields") else {
        return Ok(Mask::default());
    };
    let wrong = |what: &str| {
        Box::new(Reply::google_bad(
            "fields",
            "invalidParameter",
            &format!("Invalid field selection {what}"),
        ))
    };
    let mask = Mask::parse(text).map_err(|error| wrong(&error))?;
    match mask.unknown(top, rows, of_row) {
        Some(name) => Err(wrong(&name)),
        None => Ok(mask),
    }
}

/// All that was asked for but the place in the list, as a text that can be compared.
pub(super) fn question(request: &Request, but: &[&str]) -> String {
    let mut asked: Vec<String> = request
        .query
        .iter()
        .filter(|(name, _)| {
            name != "pageToken" && !SYSTEM.contains(&name.as_str()) && !but.contains(&name.as_str())
        })
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    asked.sort();
    asked.join("&")
}
