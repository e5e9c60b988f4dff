//! What a URL says about where somebody was (`semantics.md` §3).

use std::borrow::Cow;

use super::glob;

/// The parts of a URL that the views show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Web {
    /// Lower case, no port, no trailing dot.
    pub host: String,
    /// The URL without scheme and one leading `www.`.
    pub clean_url: String,
    path: String,
    query: Option<String>,
}

/// A URL, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// Lower case; `https` when the text had none.
    pub scheme: String,
    /// The URL as given, without user information.
    pub full_url: String,
    /// Absent for what is not web.
    pub web: Option<Web>,
}

/// Schemes that need no `//` behind their colon.
const BARE_SCHEMES: [&str; 15] = [
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
    "moz-extension",
    "extension",
    "safari-web-extension",
    "chrome-search",
    "devtools",
];

/// Reads a URL as an agent reports it. Any text is accepted.
pub fn parse(text: &str) -> Parsed {
    let text = text.trim();
    let (scheme, rest, had_slashes) = split_scheme(text);
    let (authority, tail) = authority_of(rest);
    let bare = match authority.rfind('@') {
        // The authority of something without `//` (mailto:) is not one.
        Some(at) if had_slashes || scheme.is_none() => &authority[at + 1..],
        _ => authority,
    };
    let full_url = match scheme {
        Some(_) => format!("{}{bare}{tail}", &text[..text.len() - rest.len()]),
        None => format!("{bare}{tail}"),
    };
    let scheme = scheme.map_or_else(|| "https".to_owned(), str::to_lowercase);
    let web = if scheme == "http" || scheme == "https" {
        web_parts(bare, tail)
    } else {
        None
    };
    Parsed {
        scheme,
        full_url,
        web,
    }
}

/// (scheme, what follows its colon and slashes, whether `//` stood there).
fn split_scheme(text: &str) -> (Option<&str>, &str, bool) {
    if let Some(rest) = text.strip_prefix("//") {
        return (None, rest, false);
    }
    let Some((before, after)) = text.split_once(':') else {
        return (None, text, false);
    };
    let is_name = before.starts_with(|c: char| c.is_ascii_alphabetic())
        && before
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    if !is_name {
        return (None, text, false);
    }
    if let Some(rest) = after.strip_prefix("//") {
        return (Some(before), rest, true);
    }
    if BARE_SCHEMES.contains(&before.to_ascii_lowercase().as_str()) {
        return (Some(before), after, false);
    }
    (None, text, false)
}

/// (authority, path and the rest).
fn authority_of(rest: &str) -> (&str, &str) {
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    rest.split_at(end)
}

fn web_parts(authority: &str, tail: &str) -> Option<Web> {
    let host = host_of(authority)?;
    let lower = authority.to_lowercase();
    let shown = lower.strip_prefix("www.").unwrap_or(&lower);
    let clean_url = format!("{shown}{tail}");
    let without_fragment = tail.split('#').next().unwrap_or_default();
    let (path, query) = match without_fragment.split_once('?') {
        Some((path, query)) => (path, Some(query.to_owned())),
        None => (without_fragment, None),
    };
    let path = if path.is_empty() { "/" } else { path };
    Some(Web {
        host,
        clean_url,
        path: path.to_owned(),
        query,
    })
}

fn host_of(authority: &str) -> Option<String> {
    let host = if let Some(rest) = authority.strip_prefix('[') {
        // IPv6: the brackets belong to the host.
        let end = rest.find(']')?;
        &authority[..end + 2]
    } else {
        match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
            _ => authority,
        }
    };
    let host = host.strip_suffix('.').unwrap_or(host).to_lowercase();
    let plain = !host.is_empty() && !host.chars().any(|c| c.is_whitespace() || c.is_control());
    plain.then_some(host)
}

impl Web {
    /// The host without one leading `www.`.
    pub fn site(&self) -> &str {
        match self.host.strip_prefix("www.") {
            Some(rest) if !rest.is_empty() => rest,
            _ => &self.host,
        }
    }

    /// The registrable domain by the public suffix list, private suffixes included; the host
    /// itself for an IP address, a one-label host or a public suffix.
    pub fn website(&self) -> &str {
        website(&self.host)
    }

    /// The search term, if an engine of `table` takes one here.
    pub fn search_term(&self, table: &SearchEngines) -> Option<String> {
        table.term(&self.host, &self.path, self.query.as_deref()?)
    }
}

/// The registrable domain of a lower-case host.
pub fn website(host: &str) -> &str {
    let is_ip = host.starts_with('[') || host.parse::<std::net::IpAddr>().is_ok();
    if is_ip || !host.contains('.') {
        return host;
    }
    psl::domain_str(host).unwrap_or(host)
}

/// Where search terms stand: (host glob, path prefix, query parameter).
#[derive(Clone, Debug, Default)]
pub struct SearchEngines {
    rows: Vec<(String, String, String)>,
}

impl SearchEngines {
    /// With the rows of `search_engines.csv`.
    pub fn new(rows: impl IntoIterator<Item = (String, String, String)>) -> Self {
        SearchEngines {
            rows: rows.into_iter().collect(),
        }
    }

    fn term(&self, host: &str, path: &str, query: &str) -> Option<String> {
        self.rows
            .iter()
            .filter(|(pattern, prefix, _)| {
                path.starts_with(prefix.as_str()) && glob::matches(pattern, host)
            })
            .find_map(|(_, _, parameter)| parameter_of(query, parameter))
    }
}

/// First occurrence of a parameter, decoded, trimmed, inner blanks collapsed; empty is none.
fn parameter_of(query: &str, parameter: &str) -> Option<String> {
    let raw = query.split('&').find_map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name) == parameter).then_some(value)
    })?;
    let text = decode(raw);
    let words: Vec<&str> = text.split_whitespace().collect();
    (!words.is_empty()).then(|| words.join(" "))
}

fn decode(text: &str) -> Cow<'_, str> {
    let spaced: Cow<'_, str> = if text.contains('+') {
        text.replace('+', " ").into()
    } else {
        text.into()
    };
    match spaced {
        Cow::Borrowed(text) => percent_encoding::percent_decode_str(text).decode_utf8_lossy(),
        Cow::Owned(text) => percent_encoding::percent_decode_str(&text)
            .decode_utf8_lossy()
            .into_owned()
            .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn web(text: &str) -> Web {
        parse(text).web.unwrap()
    }

    #[test]
    fn takes_a_url_apart() {
        let page = web("https://ann:secret@WWW.Docs.Example.co.uk.:8443/a/b?x=1#f");
        assert_eq!(page.host, "www.docs.example.co.uk");
        assert_eq!(page.site(), "docs.example.co.uk");
        assert_eq!(page.website(), "example.co.uk");
        assert_eq!(page.clean_url, "docs.example.co.uk.:8443/a/b?x=1#f");
        let parsed = parse("https://ann:secret@example.com/x");
        assert_eq!(parsed.full_url, "https://example.com/x");
    }

    #[test]
    fn schemes() {
        assert_eq!(web("example.com:8080/x").host, "example.com");
        assert_eq!(web("example.com").clean_url, "example.com");
        for other in [
            "about:blank",
            "chrome://settings",
            "mailto:ann@example.com",
            "file:///c:/x.txt",
            "javascript:alert(1)",
            "ftp://files.example.com/x",
            "view-source:https://example.com",
            "chrome-extension://abc/page.html",
            "custom://thing",
        ] {
            assert_eq!(parse(other).web, None, "{other}");
        }
        assert_eq!(parse("ftp://u:p@files.example.com/x").scheme, "ftp");
        assert_eq!(
            parse("ftp://u:p@files.example.com/x").full_url,
            "ftp://files.example.com/x"
        );
        assert_eq!(parse("HTTP://Example.com").scheme, "http");
    }

    #[test]
    fn websites() {
        for (host, want) in [
            ("a.b.example.com", "example.com"),
            ("localhost", "localhost"),
            ("192.168.0.1", "192.168.0.1"),
            ("co.uk", "co.uk"),
            ("team.github.io", "team.github.io"),
            ("x.team.github.io", "team.github.io"),
        ] {
            assert_eq!(website(host), want);
        }
        assert_eq!(web("http://[::1]:80/x").host, "[::1]");
        assert_eq!(web("http://[::1]:80/x").website(), "[::1]");
    }

    #[test]
    fn search_terms() {
        let table = SearchEngines::new([("*.google.*".into(), "/search".into(), "q".into())]);
        let term = |url: &str| web(url).search_term(&table);
        assert_eq!(
            term("https://www.google.com/search?hl=en&q=two++words%20%C3%A9&q=no"),
            Some("two words é".into())
        );
        assert_eq!(term("https://www.google.com/search?q=+"), None);
        assert_eq!(term("https://www.google.com/maps?q=x"), None);
        assert_eq!(term("https://google.example/search?q=x"), None);
    }

    #[test]
    fn never_panics() {
        for text in [
            "",
            ":",
            "//",
            "http://",
            "@",
            "https://@",
            "[",
            "http://[::1",
            "é:é",
            "https:// x",
        ] {
            let _ = parse(text);
        }
    }
}
