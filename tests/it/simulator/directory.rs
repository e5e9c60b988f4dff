//! Google's Directory API: the list of a company's users.
//! https://developers.google.com/admin-sdk/directory/reference/rest/v1/users/list

use serde_json::{Value, json};

use super::faults::Does;
use super::google_request::{authorized, bad_parameter, mask_of, maximum, question};
use super::keys::DIRECTORY_SCOPE;
use super::paging::Listing;
use super::reply::Reply;
use super::server::{Request, State};
use super::truth::Person;

const PARAMETERS: &[&str] = &[
    "customFieldMask",
    "customer",
    "domain",
    "event",
    "maxResults",
    "orderBy",
    "pageToken",
    "projection",
    "query",
    "showDeleted",
    "sortOrder",
    "viewType",
];

/// The fields of an answer and of a user, as far as a mask may name them here.
const TOP: &[&str] = &["kind", "etag", "users", "nextPageToken", "trigger_event"];
const USER: &[&str] = &[
    "kind",
    "id",
    "etag",
    "primaryEmail",
    "name",
    "isAdmin",
    "isDelegatedAdmin",
    "lastLoginTime",
    "creationTime",
    "deletionTime",
    "agreedToTerms",
    "suspended",
    "suspensionReason",
    "archived",
    "changePasswordAtNextLogin",
    "ipWhitelisted",
    "emails",
    "aliases",
    "nonEditableAliases",
    "customerId",
    "orgUnitPath",
    "isMailboxSetup",
    "isEnrolledIn2Sv",
    "isEnforcedIn2Sv",
    "includeInGlobalAddressList",
    "recoveryEmail",
];

/// `GET /admin/directory/v1/users`.
pub(super) fn users(state: &mut State, request: &Request, faults: &[Does]) -> Reply {
    let access = match authorized(
        state,
        request,
        &[
            DIRECTORY_SCOPE,
            "https://www.googleapis.com/auth/admin.directory.user",
        ],
    ) {
        Ok(access) => access,
        Err(reply) => return *reply,
    };
    if let Some(reply) = bad_parameter(request, PARAMETERS, &["event"]) {
        return reply;
    }
    // Only an administrator reads the directory (admin_view is the default).
    let is_admin = access
        .subject
        .as_deref()
        .and_then(|key| state.truth.find(key))
        .is_some_and(|person| person.admin);
    if !is_admin {
        return Reply::google(
            403,
            "global",
            "forbidden",
            "Not Authorized to access this resource/api",
        );
    }
    // "Either the customer or the domain parameter must be provided."
    let domain = match (request.one("customer"), request.one("domain")) {
        (None, None) => return Reply::google(400, "global", "badRequest", "Bad Request"),
        (_, Some(domain)) if has_domain(state, domain) => Some(domain.to_lowercase()),
        (_, Some(_)) => return Reply::google(404, "global", "notFound", "Domain not found."),
        (Some("my_customer"), None) => None,
        (Some(_), None) => {
            return Reply::google_bad("customer", "invalid", "Invalid Input");
        }
    };
    for name in ["query", "customFieldMask", "event"] {
        if request.one(name).is_some() {
            return Reply::google_bad(name, "notSimulated", "The simulator has no such thing");
        }
    }
    let enums: [(&str, &[&str]); 5] = [
        ("orderBy", &["email", "familyName", "givenName"]),
        ("projection", &["basic", "custom", "full"]),
        ("viewType", &["admin_view", "domain_public"]),
        ("sortOrder", &["ASCENDING", "DESCENDING"]),
        ("showDeleted", &["true", "false"]),
    ];
    for (name, words) in enums {
        if request.one(name).is_some_and(|word| !words.contains(&word)) {
            return Reply::google_bad(name, "invalid", "Invalid value");
        }
    }
    // Default 100, 1 to 500.
    let Some(page_size) = maximum(request, 100, 500, false) else {
        return Reply::google_bad("maxResults", "invalidParameter", "Invalid value");
    };
    let mask = match mask_of(request, TOP, "users", USER) {
        Ok(mask) => mask,
        Err(reply) => return *reply,
    };
    let question = question(request, &[]);
    let token = match request.one("pageToken") {
        Some(token) => token.to_owned(),
        None => {
            let mut people: Vec<&Person> = state
                .truth
                .people()
                .iter()
                // There is no deleted person in the truth: showDeleted lists nobody.
                .filter(|_| request.one("showDeleted") != Some("true"))
                .filter(|person| {
                    let own = person.principal.rsplit('@').next().unwrap_or("");
                    domain
                        .as_deref()
                        .is_none_or(|domain| own.to_lowercase() == domain)
                })
                .collect();
            people.sort_by_key(|person| person.principal.to_lowercase());
            let rows = people.into_iter().map(user).collect();
            let page_size = state.page_size(page_size);
            state.pages.begin(Listing {
                question: question.clone(),
                owner: "directory".into(),
                rows,
                page_size,
                version: state.truth.version(),
            })
        }
    };
    let Some((list, offset)) = state.page_of(&token, "directory", &question) else {
        return Reply::google_bad("pageToken", "invalid", "Invalid Input: pageToken");
    };
    let page = state.pages.page(list, offset, faults);
    let mut body = json!({ "kind": "admin#directory#users", "etag": "\"directory\"" });
    // No list at all where there is nobody.
    if !page.rows.is_empty() {
        body["users"] = page.rows.into();
    }
    let last_page = page.next.is_none();
    if let Some(next) = page.next {
        body["nextPageToken"] = next.into();
    }
    mask.apply(&mut body);
    let mut reply = Reply::json(200, body);
    reply.last_page = last_page;
    reply
}

fn has_domain(state: &State, domain: &str) -> bool {
    let is = |address: &str| {
        let own = address.rsplit('@').next().unwrap_or("");
        own.eq_ignore_ascii_case(domain)
    };
    domain.eq_ignore_ascii_case(&state.truth.domain)
        || state
            .truth
            .people()
            .iter()
            .any(|person| is(&person.principal))
}

/// A user: https://developers.google.com/admin-sdk/directory/reference/rest/v1/users#User
fn user(person: &Person) -> Value {
    let mut emails = vec![json!({ "address": person.principal, "primary": true })];
    emails.extend(
        person
            .aliases
            .iter()
            .map(|alias| json!({ "address": alias })),
    );
    let (given, family) = person
        .display_name
        .split_once(' ')
        .unwrap_or((&person.display_name, ""));
    let mut user = json!({
        "kind": "admin#directory#user",
        "id": person.google_id(),
        "etag": format!("\"{}\"", person.google_id()),
        "primaryEmail": person.principal,
        "name": { "givenName": given, "familyName": family, "fullName": person.display_name },
        "isAdmin": person.admin,
        "isDelegatedAdmin": false,
        "creationTime": "2020-01-01T00:00:00.000Z",
        "agreedToTerms": true,
        "suspended": person.suspended,
        "archived": person.archived,
        "changePasswordAtNextLogin": false,
        "ipWhitelisted": false,
        "emails": emails,
        "customerId": "C00tests0",
        "orgUnitPath": "/",
        "isMailboxSetup": person.mailbox,
        "isEnrolledIn2Sv": false,
        "isEnforcedIn2Sv": false,
        "includeInGlobalAddressList": true,
    });
    if !person.aliases.is_empty() {
        user["aliases"] = person.aliases.clone().into();
    }
    if person.suspended {
        user["suspensionReason"] = "ADMIN".into();
    }
    user
}
