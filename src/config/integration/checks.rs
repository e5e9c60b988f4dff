//! The shapes that values of `[[integration]]` must have. An `Err` says what is allowed, without
//! the value.

use std::net::IpAddr;

use chrono::NaiveDate;
use url::{Host, Url};

use crate::config::SecretRef;
use crate::config::value::{Read, Value};

/// The longest name of an instance.
const NAME_CHARS_MAX: usize = 60;

/// A name of an instance: 1 to 60 of `a-z 0-9 - _ .`.
pub fn instance_name(text: &str) -> Read<String> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
    if text.is_empty() || text.len() > NAME_CHARS_MAX || !text.chars().all(fits) {
        return Err(format!(
            "1 to {NAME_CHARS_MAX} of a-z, 0-9, '-', '_' and '.' are allowed"
        ));
    }
    Ok(text.to_owned())
}

/// A place that is asked: https, or http on this computer. A path ends without a slash.
pub(super) fn url(value: &Value) -> Read<Url> {
    let allowed = || {
        "an https:// URL without user, password, query and '#' is allowed (http:// for this \
         computer only: localhost, 127.0.0.1, [::1])"
            .to_owned()
    };
    let text = value.text().map_err(|_| allowed())?;
    let mut url = Url::parse(&text).map_err(|_| allowed())?;
    let bare = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    let safe = match url.scheme() {
        "https" => url.host().is_some(),
        "http" => is_this_computer(&url),
        _ => false,
    };
    if !bare || !safe {
        return Err(allowed());
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

fn is_this_computer(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => false,
    }
}

/// Text of at least one character, none of them a blank.
pub(super) fn word(value: &Value) -> Read<String> {
    match value.text() {
        Ok(text) if !text.is_empty() && !text.contains(char::is_whitespace) => Ok(text),
        _ => Err("text without blanks is allowed".to_owned()),
    }
}

/// A GUID as portals show it.
pub fn guid(text: &str) -> Read<String> {
    let parts: Vec<&str> = text.split('-').collect();
    let fits = parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12])
        && parts
            .iter()
            .all(|part| part.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if fits {
        Ok(text.to_ascii_lowercase())
    } else {
        Err("a GUID such as 11111111-2222-3333-4444-555555555555 is allowed".to_owned())
    }
}

/// The name of a domain with at least one dot.
pub fn domain(text: &str) -> Read<String> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if text.len() <= 253 && text.contains('.') && text.split('.').all(label) {
        Ok(text.to_ascii_lowercase())
    } else {
        Err("a domain such as example.com is allowed".to_owned())
    }
}

/// A tenant of Microsoft: its GUID or one of its domains, never a word that stands for many.
pub fn tenant(text: &str) -> Read<String> {
    guid(text).or_else(|_| domain(text)).map_err(|_| {
        "the tenant's GUID or one of its domains, such as example.onmicrosoft.com, is allowed \
         (not common, organizations or consumers)"
            .to_owned()
    })
}

/// An e-mail address.
pub fn address(text: &str) -> Read<String> {
    match text.split_once('@') {
        Some((local, host))
            if !local.is_empty()
                && !local.contains(|c: char| c.is_whitespace() || c.is_control())
                && domain(host).is_ok() =>
        {
            Ok(text.to_ascii_lowercase())
        }
        _ => Err("an e-mail address such as admin@example.com is allowed".to_owned()),
    }
}

/// A date, in days since 1970-01-01.
pub fn day(text: &str) -> Read<i32> {
    let date = Some(text)
        .filter(|text| text.len() == 10)
        .and_then(|text| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok());
    date.and_then(|date| {
        i32::try_from(date.signed_duration_since(NaiveDate::default()).num_days()).ok()
    })
    .ok_or_else(|| "a date such as 2027-01-31 is allowed".to_owned())
}

/// A reference to a secret. The message never repeats what was typed: the secret itself may have
/// been put where a name of a variable belongs.
pub(super) fn secret(value: &Value) -> Read<SecretRef> {
    let reference = value.secret()?;
    match &reference {
        SecretRef::Env(name) if !is_variable(name) => Err(
            "the name of an environment variable stands in { env = \"NAME\" }: letters, digits \
             and '_', a letter or '_' first; the secret itself is never written here"
                .to_owned(),
        ),
        _ => Ok(reference),
    }
}

/// Whether an environment variable may be called so.
pub fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::Text(text.into())
    }

    #[test]
    fn only_safe_places_are_asked() {
        for (typed, taken) in [
            ("https://graph.example/v1.0/", "https://graph.example/v1.0"),
            ("https://graph.example", "https://graph.example/"),
            ("http://localhost:4000/a", "http://localhost:4000/a"),
            ("http://127.0.0.9:1/", "http://127.0.0.9:1/"),
            ("http://[::1]:1/b//", "http://[::1]:1/b"),
        ] {
            assert_eq!(url(&text(typed)).unwrap().as_str(), taken);
        }
        for wrong in [
            "",
            "graph.example",
            "http://graph.example",
            "http://localhost.example.com",
            "http://127.0.0.1.example.com",
            "ftp://localhost",
            "file:///etc",
            "https://user@graph.example",
            "https://:p@graph.example",
            "https://graph.example/?a=b",
            "https://graph.example/#a",
        ] {
            assert!(url(&text(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_and_ids() {
        assert!(instance_name("acme-eu_1.de").is_ok());
        for wrong in ["", "Acme", "a b", "ä", &"a".repeat(61)] {
            assert!(instance_name(wrong).is_err(), "{wrong}");
        }
        assert_eq!(
            guid("AAAAAAAA-2222-3333-4444-555555555555").as_deref(),
            Ok("aaaaaaaa-2222-3333-4444-555555555555")
        );
        for wrong in [
            "",
            "11111111-2222-3333-4444-55555555555",
            "g1111111-2222-3333-4444-555555555555",
            "11111111-2222-3333-4444-555555555555-",
        ] {
            assert!(guid(wrong).is_err(), "{wrong}");
        }
        assert!(tenant("acme.onmicrosoft.com").is_ok());
        for wrong in ["common", "organizations", "-a.com", "a..com", "a.com/"] {
            assert!(tenant(wrong).is_err(), "{wrong}");
        }
        assert_eq!(
            address("Admin@Example.com").as_deref(),
            Ok("admin@example.com")
        );
        for wrong in ["@example.com", "a@b", "a b@c.com", "a@b@c.com"] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn dates_are_dates() {
        assert_eq!(day("1970-01-02"), Ok(1));
        for wrong in ["2027-02-30", "2027-1-31", "31.01.2027", "2027-01-31T00:00"] {
            assert!(day(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_secret_in_place_of_a_variable_is_not_repeated() {
        let table = |name: &str| Value::Table(vec![("env".into(), Value::Text(name.into()))]);
        assert!(secret(&table("OUTLOOK_SECRET")).is_ok());
        for wrong in ["abc~8Q.hunter2", "1abc", "GOCSPX-hunter2"] {
            let message = secret(&table(wrong)).unwrap_err();
            assert!(!message.contains("hunter2"), "{message}");
        }
    }
}
