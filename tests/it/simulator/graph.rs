//! Microsoft Graph: users; and what all of Graph's lists check alike.

use serde_json::{Value, json};

use super::faults::Does;
use super::oauth::Access;
use super::paging::Listing;
use super::reply::Reply;
use super::server::{Request, State};
use super::truth::{Person, Truth, number};

/// Somebody by object id or user principal name; also by address, as faults and records name them.
pub(super) fn person<'a>(truth: &'a Truth, who: &str) -> Option<&'a Person> {
    truth.people().iter().find(|person| {
        person.graph_id().eq_ignore_ascii_case(who) || person.principal.eq_ignore_ascii_case(who)
    })
}

pub(super) fn authorized(state: &State, request: &Request) -> Result<Access, Box<Reply>> {
    request
        .bearer()
        .and_then(|token| state.grants.holds(token, state.now()))
        .filter(|access| !access.google)
        .cloned()
        .ok_or_else(|| Box::new(Reply::graph_unauthorized()))
}

pub(super) fn bad(message: &str) -> Box<Reply> {
    Box::new(Reply::graph(400, "BadRequest", message))
}

/// A parameter that is not among the known ones, or twice.
pub(super) fn parameters(request: &Request, known: &[&str]) -> Result<(), Box<Reply>> {
    let mut seen: Vec<&str> = Vec::new();
    for (name, _) in &request.query {
        if !known.contains(&name.as_str()) || seen.contains(&name.as_str()) {
            return Err(bad(&format!(
                "Query option '{name}' is not allowed or was specified more than once."
            )));
        }
        seen.push(name);
    }
    Ok(())
}

/// `$top`: https://learn.microsoft.com/graph/paging
pub(super) fn top(request: &Request, default: usize, most: usize) -> Result<usize, Box<Reply>> {
    match request.one("$top").map(str::parse) {
        None => Ok(default),
        Some(Ok(number)) if (1..=most).contains(&number) => Ok(number),
        Some(_) => Err(bad(&format!(
            "Invalid page size specified. Must be between 1 and {most} inclusive."
        ))),
    }
}

/// `$select`, each name one of `known`.
pub(super) fn select(
    request: &Request,
    known: &[&str],
    kind: &str,
) -> Result<Option<Vec<String>>, Box<Reply>> {
    let Some(text) = request.one("$select") else {
        return Ok(None);
    };
    let names: Vec<String> = text.split(',').map(|name| name.trim().to_owned()).collect();
    match names.iter().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(bad(&format!(
            "Could not find a property named '{name}' on type '{kind}'."
        ))),
        None => Ok(Some(names)),
    }
}

/// All that was asked for but the place in the list.
pub(super) fn question(request: &Request) -> String {
    let mut asked: Vec<String> = request
        .query
        .iter()
        .filter(|(name, _)| name != "$skiptoken")
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    asked.sort();
    asked.join("&")
}

/// The link to another page of the same question.
pub(super) fn link(
    state: &State,
    request: &Request,
    name: &str,
    token: &str,
    keeps: bool,
) -> String {
    let mut url = url::Url::parse(&state.base).expect("a base");
    if let Ok(mut path) = url.path_segments_mut() {
        path.clear().extend(&request.segments);
    }
    {
        let mut query = url.query_pairs_mut();
        let asked = request
            .query
            .iter()
            .filter(|(name, _)| keeps && !["$skiptoken", "$deltatoken"].contains(&name.as_str()));
        for (key, value) in asked {
            query.append_pair(key, value);
        }
        query.append_pair(name, token);
    }
    url.into()
}

/// What `User.ReadBasic.All` shows: https://graphpermissions.merill.net/permission/User.ReadBasic.All.html
const BASIC_USER: &[&str] = &[
    "id",
    "displayName",
    "givenName",
    "surname",
    "mail",
    "userPrincipalName",
    "securityIdentifier",
];
const FULL_USER: &[&str] = &[
    "accountEnabled",
    "otherMails",
    "proxyAddresses",
    "employeeId",
    "department",
    "jobTitle",
];

/// `GET /v1.0/users`: https://learn.microsoft.com/graph/api/user-list
pub(super) fn users(state: &mut State, request: &Request, faults: &[Does]) -> Reply {
    listed_users(state, request, faults).unwrap_or_else(|reply| *reply)
}

fn listed_users(
    state: &mut State,
    request: &Request,
    faults: &[Does],
) -> Result<Reply, Box<Reply>> {
    let access = authorized(state, request)?;
    let denied = || {
        Box::new(Reply::graph(
            403,
            "Authorization_RequestDenied",
            "Insufficient privileges to complete the operation.",
        ))
    };
    let has = |role: &str| access.scopes.iter().any(|own| own == role);
    let full = has("User.Read.All") || has("Directory.Read.All");
    if !full && !has("User.ReadBasic.All") {
        return Err(denied());
    }
    // "$skip isn't supported"; the rest is not simulated.
    parameters(request, &["$select", "$top", "$skiptoken"])?;
    let known: Vec<&str> = BASIC_USER.iter().chain(FULL_USER).copied().collect();
    let selected = select(request, &known, "microsoft.graph.user")?;
    let wants_more =
        |names: &Vec<String>| names.iter().any(|name| FULL_USER.contains(&name.as_str()));
    if !full && selected.as_ref().is_some_and(wants_more) {
        return Err(denied());
    }
    let page_size = state.page_size(top(request, 100, 999)?);
    let asked = question(request);
    let token = match request.one("$skiptoken") {
        Some(token) => token.to_owned(),
        None => {
            let rows = state
                .truth
                .people()
                .iter()
                .map(|person| user(person, selected.as_deref()))
                .collect();
            state.pages.begin(Listing {
                question: asked.clone(),
                owner: "users".into(),
                rows,
                page_size,
                version: state.truth.version(),
            })
        }
    };
    let Some((list, offset)) = state.page_of(&token, "users", &asked) else {
        return Err(bad("Skip token is not valid."));
    };
    let page = state.pages.page(list, offset, faults);
    let mut body = json!({
        "@odata.context": format!("{}/v1.0/$metadata#users", state.base),
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

fn user(person: &Person, selected: Option<&[String]>) -> Value {
    let (given, family) = person
        .display_name
        .split_once(' ')
        .unwrap_or((&person.display_name, ""));
    let all = json!({
        "id": person.graph_id(),
        "displayName": person.display_name,
        "givenName": given,
        "surname": family,
        "mail": person.mail,
        "userPrincipalName": person.principal,
        "securityIdentifier": format!("S-1-12-1-{}", number(&person.key) % 1_000_000),
        "accountEnabled": !person.suspended,
        "otherMails": person.aliases,
        "proxyAddresses": [format!("SMTP:{}", person.principal)],
        "employeeId": null,
        "department": null,
        "jobTitle": null,
    });
    // What comes when nothing is selected (same page): businessPhones and others would be empty.
    let default = [
        "id",
        "displayName",
        "givenName",
        "surname",
        "mail",
        "userPrincipalName",
        "jobTitle",
    ]
    .map(str::to_owned);
    let names = selected.unwrap_or(&default);
    let kept = all
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, _)| names.contains(name));
    Value::Object(kept.map(|(k, v)| (k.clone(), v.clone())).collect())
}
