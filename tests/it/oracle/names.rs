//! What programs and addresses are called.

use std::collections::HashMap;

use super::rules::covers;
use super::{Naming, Shipped};

/// Parts of a URL; all but the scheme only for http and https.
#[derive(Clone, Debug, Default)]
pub struct Address {
    pub scheme: String,
    pub full: String,
    pub any_host: Option<String>,
    pub host: Option<String>,
    pub site: Option<String>,
    pub website: Option<String>,
    /// Without scheme and one leading `www.`.
    pub clean: Option<String>,
    pub search_term: Option<String>,
}

const SCHEMES: [&str; 10] = [
    "about",
    "chrome",
    "edge",
    "file",
    "data",
    "blob",
    "javascript",
    "mailto",
    "view-source",
    "chrome-extension",
];

fn without_www(text: &str) -> &str {
    let begins = text.len() > 4 && text[..4].eq_ignore_ascii_case("www.");
    if begins { &text[4..] } else { text }
}

fn website(host: &str) -> String {
    let address = host.parse::<std::net::IpAddr>().is_ok() || host.starts_with('[');
    if address || !host.contains('.') {
        return host.to_owned();
    }
    psl::domain_str(host).unwrap_or(host).to_owned()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let raw = text.as_bytes();
    let mut at = 0;
    while at < raw.len() {
        let hex = raw
            .get(at + 1..at + 3)
            .and_then(|pair| std::str::from_utf8(pair).ok())
            .and_then(|pair| u8::from_str_radix(pair, 16).ok());
        match (raw[at], hex) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                at += 2;
            }
            (b'+', _) => bytes.push(b' '),
            (byte, _) => bytes.push(byte),
        }
        at += 1;
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn search_term(shipped: &Shipped, host: &str, tail: &str) -> Option<String> {
    let tail = tail.split('#').next()?;
    let (path, query) = tail.split_once('?')?;
    for (pattern, prefix, parameter) in &shipped.engines {
        if !covers(pattern, host) || !path.starts_with(prefix.as_str()) {
            continue;
        }
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if name == parameter {
                let term = decoded(value);
                return (!term.is_empty()).then_some(term);
            }
        }
    }
    None
}

/// Reads a URL as reported.
pub fn address(shipped: &Shipped, url: &str) -> Address {
    let mut scheme = "https".to_owned();
    let mut rest = url;
    let mut prefix = "";
    if let Some((before, after)) = url.split_once(':') {
        if let Some(behind) = after.strip_prefix("//") {
            scheme = before.to_lowercase();
            rest = behind;
            prefix = &url[..url.len() - behind.len()];
        } else if SCHEMES.contains(&before.to_lowercase().as_str()) {
            return Address {
                scheme: before.to_lowercase(),
                full: url.to_owned(),
                ..Address::default()
            };
        }
    }
    let cut = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (mut authority, tail) = rest.split_at(cut);
    if let Some((_, behind)) = authority.rsplit_once('@') {
        authority = behind;
    }
    let name = authority
        .split(':')
        .next()
        .unwrap_or_default()
        .to_lowercase();
    let name = name.strip_suffix('.').unwrap_or(&name).to_owned();
    let mut out = Address {
        full: format!("{prefix}{authority}{tail}"),
        any_host: (!name.is_empty()).then(|| name.clone()),
        scheme,
        ..Address::default()
    };
    if (out.scheme == "http" || out.scheme == "https") && !name.is_empty() {
        out.site = Some(without_www(&name).to_owned());
        out.website = Some(website(&name));
        out.search_term = search_term(shipped, &name, tail);
        out.clean = Some(without_www(&format!("{}{tail}", authority.to_lowercase())).to_owned());
        out.host = Some(name);
    }
    out
}

/// Base name of a path.
pub fn base_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// Names by (kind, value), the organisation's before the shipped ones.
pub struct Names<'a> {
    pub own: HashMap<(String, String), Naming>,
    pub shipped: &'a Shipped,
}

impl Names<'_> {
    fn row(&self, kind: &str, value: &str) -> Option<&Naming> {
        let key = (kind.to_owned(), value.to_lowercase());
        self.own
            .get(&key)
            .or_else(|| self.shipped.namings.get(&key))
    }

    /// The application of an executable, and whether the table names it.
    pub fn application(&self, executable: &str) -> String {
        let named = self.row("executable", executable);
        if let Some(name) = named.and_then(|row| row.application.clone()) {
            return name;
        }
        let lower = executable.to_lowercase();
        let keeps = lower.ends_with(".exe") || lower.ends_with(".app");
        let length = executable.len() - if keeps && lower.len() > 4 { 4 } else { 0 };
        executable[..length].to_owned()
    }

    /// One name for a product; None where the table has none.
    pub fn consolidated(&self, address: &Address, executable: Option<&str>) -> Option<String> {
        let row = match (&address.site, &address.website) {
            (Some(site), website) => self.row("site", site).or_else(|| {
                website
                    .as_deref()
                    .and_then(|website| self.row("website", website))
            }),
            _ => executable.and_then(|executable| self.row("executable", executable)),
        };
        row.and_then(|row| row.consolidated.clone())
    }

    /// Whether the shipped rules see a file transfer.
    pub fn transfers(&self, address: Option<&Address>, executable: Option<&str>) -> bool {
        self.shipped.transfers.iter().any(|(what, pattern)| {
            let text = match what.as_str() {
                "scheme" => address.map(|address| address.scheme.as_str()),
                "host" => address.and_then(|address| address.any_host.as_deref()),
                _ => executable,
            };
            text.is_some_and(|text| covers(pattern, text))
        })
    }
}
