//! Tables of `[[integration]]` as typed → checked [`Integration`]s, every problem at once.
//!
//! Each problem names file, line, key, value and what is allowed. A value of a key that refers to a
//! secret, or that nobody knows, is never repeated: it may be the secret itself.

use std::collections::BTreeMap;
use std::path::PathBuf;

use url::Url;

use super::keys::{self, SECRETS, SYNC_KEYS, TYPES};
use super::{Caldav, Google, GoogleAuth, Ics, Integration, Maker, Outlook, Sync, checks};
use crate::config::nearest::did_you_mean;
use crate::config::value::{Read, Value};
use crate::config::{Origin, Wrong};

/// One table as it stands in the file.
pub struct Table {
    /// Its heading.
    pub origin: Origin,
    pub entries: Vec<(String, Value, Origin)>,
}

/// What tables say.
#[derive(Default)]
pub struct Parsed {
    /// Those without a problem.
    pub integrations: Vec<Integration>,
    /// `integration.NAME.KEY` and where it stands, for all keys that were typed.
    pub origins: Vec<(String, Origin)>,
    pub wrong: Vec<Wrong>,
}

/// Reads all tables.
pub fn parse(tables: &[Table]) -> Parsed {
    let mut parsed = Parsed::default();
    let mut names: BTreeMap<String, Origin> = BTreeMap::new();
    for (index, table) in tables.iter().enumerate() {
        let mut reader = Reader::new(table, index);
        let integration = reader.integration();
        if let Some((name, origin)) = reader.name() {
            if let Some(first) = names.get(&name) {
                reader.say(
                    "name",
                    &format!("another [[integration]] has the name already, at {first}"),
                );
            } else {
                names.insert(name, origin);
            }
        }
        match integration {
            Some(integration) if reader.wrong.is_empty() => {
                for (key, _, origin) in &table.entries {
                    let key = format!("integration.{}.{key}", integration.name);
                    parsed.origins.push((key, origin.clone()));
                }
                parsed.integrations.push(integration);
            }
            _ => parsed.wrong.append(&mut reader.wrong),
        }
    }
    parsed
}

/// Reads the keys of one table.
struct Reader<'a> {
    table: &'a Table,
    /// `integration.NAME`, or `integration[2]` for the second table when it has no good name.
    label: String,
    wrong: Vec<Wrong>,
}

impl<'a> Reader<'a> {
    fn new(table: &'a Table, index: usize) -> Reader<'a> {
        let mut reader = Reader {
            table,
            label: format!("integration[{}]", index + 1),
            wrong: Vec::new(),
        };
        if let Some((name, _)) = reader.name() {
            reader.label = format!("integration.{name}");
        }
        reader
    }

    fn typed(&self, key: &str) -> Option<(&'a Value, &'a Origin)> {
        self.table
            .entries
            .iter()
            .find(|(name, _, _)| name == key)
            .map(|(_, value, origin)| (value, origin))
    }

    /// The name, if it is a good one.
    fn name(&self) -> Option<(String, Origin)> {
        let (value, origin) = self.typed("name")?;
        let name = checks::instance_name(&value.text().ok()?).ok()?;
        Some((name, origin.clone()))
    }

    /// A problem with a key: at its line with what was typed, or at the heading if it is missing.
    fn say(&mut self, key: &str, message: &str) {
        let typed = self.typed(key);
        let known = key == "type"
            || key == "name"
            || SYNC_KEYS.iter().any(|known| known.name == key)
            || TYPES.iter().any(|word| keys::of_type(word).contains(&key));
        self.wrong.push(Wrong {
            origin: typed
                .map_or(&self.table.origin, |(_, origin)| origin)
                .clone(),
            key: format!("{}.{key}", self.label),
            value: typed
                .filter(|_| known && !SECRETS.contains(&key))
                .map(|(value, _)| value.shown())
                // A place with a user in it has a password in it.
                .filter(|shown| !(key.ends_with("_url") && shown.contains('@'))),
            message: message.to_owned(),
        });
    }

    fn optional<T>(&mut self, key: &str, read: impl Fn(&Value) -> Read<T>) -> Option<T> {
        let (value, _) = self.typed(key)?;
        match read(value) {
            Ok(read) => Some(read),
            Err(allowed) => {
                self.say(key, &allowed);
                None
            }
        }
    }

    fn required<T>(&mut self, key: &str, read: impl Fn(&Value) -> Read<T>) -> Option<T> {
        if self.typed(key).is_some() {
            return self.optional(key, read);
        }
        // What is allowed is what the reading says of nothing.
        let allowed = match read(&Value::Text(String::new())) {
            Err(allowed) => format!(": {allowed}"),
            Ok(_) => String::new(),
        };
        self.say(key, &format!("it is missing{allowed}"));
        None
    }

    /// The whole table; `None` when something needed is missing or wrong.
    fn integration(&mut self) -> Option<Integration> {
        let name = self.required("name", text(checks::instance_name));
        let word = self.required("type", |value| {
            value.choice(&TYPES.map(|word| (word, word)))
        });
        let auth = match word {
            Some("google") => self.auth(),
            _ => Some(Auth::OAuth),
        };
        self.unknown_keys(word, auth);
        let maker = match word? {
            "google" => auth.and_then(|auth| self.google(auth)).map(Maker::Google),
            "outlook" => self.outlook().map(Maker::Outlook),
            "caldav" => self.caldav().map(Maker::Caldav),
            _ => self
                .required("calendars", path)
                .map(|calendars| Maker::Ics(Ics { calendars })),
        };
        let sync = self.sync(word?, auth?);
        Some(Integration {
            name: name?,
            maker: maker?,
            sync,
        })
    }

    fn unknown_keys(&mut self, word: Option<&str>, auth: Option<Auth>) {
        let common = || {
            ["type", "name"]
                .into_iter()
                .chain(SYNC_KEYS.iter().map(|key| key.name))
        };
        let own = word.map_or(&[][..], keys::of_type);
        for (key, _, _) in &self.table.entries {
            let key = key.as_str();
            if common().any(|known| known == key) {
                continue;
            }
            if own.contains(&key) {
                let other = match (word, auth) {
                    (Some("google"), Some(auth)) => auth.lacks(key),
                    _ => None,
                };
                if let Some(other) = other {
                    self.say(key, &format!("it goes with auth = \"{other}\" only"));
                }
                continue;
            }
            let types: Vec<&str> = TYPES
                .into_iter()
                .filter(|word| keys::of_type(word).contains(&key))
                .collect();
            match word {
                // Of which type the key is cannot be told yet.
                None if !types.is_empty() => {}
                Some(word) if !types.is_empty() => self.say(
                    key,
                    &format!(
                        "type = \"{word}\" has no such key, type = \"{}\" has (keys of {word}: {})",
                        types.join("\" and \""),
                        own.join(", ")
                    ),
                ),
                _ => {
                    let guess = did_you_mean(key, common().chain(own.iter().copied()));
                    let all: Vec<&str> = ["type", "name"]
                        .into_iter()
                        .chain(own.iter().copied())
                        .chain(SYNC_KEYS.iter().map(|key| key.name))
                        .collect();
                    self.say(
                        key,
                        &format!(
                            "no such key{guess} (keys of [[integration]]: {})",
                            all.join(", ")
                        ),
                    );
                }
            }
        }
    }

    fn auth(&mut self) -> Option<Auth> {
        if self.typed("auth").is_none() {
            return Some(Auth::OAuth);
        }
        self.optional("auth", |value| {
            value.choice(&[
                ("oauth", Auth::OAuth),
                ("service_account", Auth::ServiceAccount),
            ])
        })
    }

    fn google(&mut self, auth: Auth) -> Option<Google> {
        let domain = self.optional("domain", text(checks::domain));
        let auth = match auth {
            Auth::OAuth => {
                let client_id = self.required("client_id", checks::word);
                let client_secret = self.required("client_secret", checks::secret);
                GoogleAuth::OAuth {
                    client_id: client_id?,
                    client_secret: client_secret?,
                }
            }
            Auth::ServiceAccount => {
                let key = self.required("service_account_key", checks::secret);
                let admin = self.required("admin", text(checks::address));
                GoogleAuth::ServiceAccount {
                    key: key?,
                    admin: admin?,
                }
            }
        };
        Some(Google {
            domain,
            auth,
            authorize_url: self.url(
                "authorize_url",
                "https://accounts.google.com/o/oauth2/v2/auth",
            )?,
            token_url: self.url("token_url", "https://oauth2.googleapis.com/token")?,
            revoke_url: self.url("revoke_url", "https://oauth2.googleapis.com/revoke")?,
            directory_url: self.url("directory_url", "https://admin.googleapis.com")?,
            calendar_url: self.url("calendar_url", "https://www.googleapis.com/calendar/v3")?,
        })
    }

    fn outlook(&mut self) -> Option<Outlook> {
        let tenant_id = self.required("tenant_id", text(checks::tenant));
        let client_id = self.required("client_id", text(checks::guid));
        let client_secret = self.required("client_secret", checks::secret);
        let secret_expires = self.optional("secret_expires", |value| match value {
            // TOML has dates of its own.
            Value::Other(date) => checks::day(date),
            other => checks::day(&other.text().unwrap_or_default()),
        });
        let token_url = self.optional("token_url", checks::url);
        let login_url = self.url("login_url", "https://login.microsoftonline.com");
        let graph_url = self.url("graph_url", "https://graph.microsoft.com/v1.0");
        Some(Outlook {
            tenant_id: tenant_id?,
            client_id: client_id?,
            client_secret: client_secret?,
            secret_expires,
            login_url: login_url?,
            token_url,
            graph_url: graph_url?,
        })
    }

    fn caldav(&mut self) -> Option<Caldav> {
        let calendars = self.required("calendars", path);
        let username = self.required("username", |value| match value.text() {
            Ok(name) if !name.is_empty() => Ok(name),
            _ => Err("text is allowed".to_owned()),
        });
        let password = self.required("password", checks::secret);
        Some(Caldav {
            calendars: calendars?,
            username: username?,
            password: password?,
        })
    }

    fn url(&mut self, key: &str, default: &str) -> Option<Url> {
        if self.typed(key).is_some() {
            return self.optional(key, checks::url);
        }
        Url::parse(default).ok()
    }

    fn sync(&mut self, word: &str, auth: Auth) -> Sync {
        let mut sync = Sync::default();
        // Google counts 600 requests a minute for the one administrator, more for a service
        // account that acts for each person; Microsoft counts by mailbox and answers with a pause.
        sync.requests_per_minute = match (word, auth) {
            ("google", Auth::ServiceAccount) => 6_000,
            ("outlook", _) => 0,
            _ => sync.requests_per_minute,
        };
        for key in SYNC_KEYS {
            let Some((value, _)) = self.typed(key.name) else {
                continue;
            };
            if let Err(allowed) = (key.set)(&mut sync, value) {
                self.say(key.name, &allowed);
            }
        }
        if self.typed("backfill_days").is_none() {
            sync.backfill_days = sync.backfill_days.max(sync.lookback_days);
        } else if sync.backfill_days < sync.lookback_days
            && !self.wrong.iter().any(|wrong| wrong.key.ends_with("k_days"))
        {
            self.say("backfill_days", "at least lookback_days is allowed");
        }
        sync
    }
}

/// How Google is entered.
#[derive(Clone, Copy, PartialEq)]
enum Auth {
    OAuth,
    ServiceAccount,
}

impl Auth {
    /// The other way, if `key` belongs to it alone.
    fn lacks(self, key: &str) -> Option<&'static str> {
        match (self, key) {
            (Auth::OAuth, "service_account_key" | "admin") => Some("service_account"),
            (Auth::ServiceAccount, "client_id" | "client_secret") => Some("oauth"),
            _ => None,
        }
    }
}

/// A reading of text; anything else is read as no text.
fn text<T>(read: impl Fn(&str) -> Read<T>) -> impl Fn(&Value) -> Read<T> {
    move |value| read(&value.text().unwrap_or_default())
}

fn path(value: &Value) -> Read<PathBuf> {
    match value.text() {
        Ok(path) if !path.is_empty() => Ok(PathBuf::from(path)),
        _ => Err("the path of a CSV file is allowed".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::show_day;
    use super::*;
    use crate::config::load::tests::load_text;
    use crate::config::{Error, SecretRef};

    const GUID: &str = "11111111-2222-3333-4444-555555555555";

    fn outlook(more: &str) -> String {
        format!(
            "[[integration]]\ntype = \"outlook\"\nname = \"acme\"\ntenant_id = \"{GUID}\"\n\
             client_id = \"{GUID}\"\nclient_secret = {{ env = \"OUTLOOK_SECRET\" }}\n{more}"
        )
    }

    fn google(more: &str) -> String {
        format!(
            "[[integration]]\ntype = \"google\"\nname = \"acme\"\nclient_id = \"x.apps\"\n\
             client_secret = {{ env = \"G\" }}\n{more}"
        )
    }

    fn good(text: &str) -> Vec<Integration> {
        match load_text(text, &[], &[]) {
            Ok((settings, _)) => settings.integrations,
            Err(error) => panic!("{text}\n{error}"),
        }
    }

    fn problems(text: &str) -> Vec<String> {
        match load_text(text, &[], &[]) {
            Err(Error::Settings(wrong)) => wrong.iter().map(ToString::to_string).collect(),
            other => panic!("no problem: {text}\n{other:?}"),
        }
    }

    #[test]
    fn every_type_is_read_with_its_defaults() {
        let text = format!(
            "{}\n{}\n[[integration]]\ntype = \"google\"\nname = \"dwd\"\n\
             auth = \"service_account\"\nservice_account_key = {{ file = \"key.json\" }}\n\
             admin = \"Admin@example.com\"\n[[integration]]\ntype = \"caldav\"\nname = \"dav\"\n\
             calendars = \"dav.csv\"\nusername = \"reader\"\npassword = {{ credential = \"dav\" }}\n\
             [[integration]]\ntype = \"ICS\"\nname = \"feeds\"\ncalendars = \"/etc/feeds.csv\"\n",
            google("domain = \"Example.com\"\n"),
            outlook("secret_expires = 2027-02-01\n").replace("acme", "acme-outlook"),
        );
        let all = good(&text);
        let names: Vec<&str> = all.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["acme", "acme-outlook", "dwd", "dav", "feeds"]);
        let [google, outlook, dwd, dav, feeds] = all.as_slice() else {
            panic!();
        };
        let Maker::Google(google_maker) = &google.maker else {
            panic!();
        };
        assert_eq!(google_maker.domain.as_deref(), Some("example.com"));
        assert_eq!(google.sync, Sync::default());
        assert_eq!(
            google_maker.directory_url.as_str(),
            "https://admin.googleapis.com/"
        );
        let Maker::Outlook(maker) = &outlook.maker else {
            panic!();
        };
        assert_eq!(
            maker.secret_expires.map(show_day).as_deref(),
            Some("2027-02-01")
        );
        assert_eq!(maker.token_url, None);
        assert_eq!(outlook.sync.requests_per_minute, 0);
        let Maker::Google(maker) = &dwd.maker else {
            panic!();
        };
        let GoogleAuth::ServiceAccount { key, admin } = &maker.auth else {
            panic!();
        };
        assert_eq!(admin, "admin@example.com");
        assert_eq!(dwd.sync.requests_per_minute, 6_000);
        // From the folder of the settings file, not from where the program was started.
        let SecretRef::File(key) = key else {
            panic!();
        };
        assert!(key.is_absolute() && key.ends_with("key.json"), "{key:?}");
        let Maker::Caldav(maker) = &dav.maker else {
            panic!();
        };
        assert!(maker.calendars.is_absolute() && maker.calendars.ends_with("dav.csv"));
        assert_eq!(maker.password, SecretRef::Credential("dav".into()));
        let Maker::Ics(maker) = &feeds.maker else {
            panic!();
        };
        assert_eq!(maker.calendars, PathBuf::from("/etc/feeds.csv"));
    }

    #[test]
    fn all_problems_of_all_tables_come_at_once_with_their_places() {
        let text = "[[integration]]\ntype = \"outlok\"\nname = \"a\"\n\
                    [[integration]]\nname = \"Acme\"\ntype = \"outlook\"\ntenant_id = \"common\"\n\
                    client_id = \"mine\"\nclient_secret = \"hunter2\"\ndomain = \"x.de\"\n\
                    lookback_day = 3\nevery_minutes = 0\nsecret_expires = \"soon\"\n\
                    graph_url = \"http://graph.example\"\n";
        let expected = [
            "activlake.toml:2: integration.a.type = \"outlok\": one of google, outlook, caldav, ics is allowed, did you mean 'outlook'?",
            "activlake.toml:5: integration[2].name = \"Acme\": 1 to 60 of a-z",
            "activlake.toml:10: integration[2].domain = \"x.de\": type = \"outlook\" has no such key, type = \"google\" has",
            "activlake.toml:11: integration[2].lookback_day: no such key, did you mean 'lookback_days'?",
            "activlake.toml:7: integration[2].tenant_id = \"common\": the tenant's GUID",
            "activlake.toml:8: integration[2].client_id = \"mine\": a GUID",
            "activlake.toml:9: integration[2].client_secret: a secret is not written here",
            "activlake.toml:13: integration[2].secret_expires = \"soon\": a date",
            "activlake.toml:14: integration[2].graph_url = \"http://graph.example\": an https://",
            "activlake.toml:12: integration[2].every_minutes = 0: an integer from 1 to 10080",
        ];
        let found = problems(text);
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (found, start) in found.iter().zip(expected) {
            assert!(found.starts_with(start), "{found}\n{start}");
            assert!(!found.contains("hunter2"), "{found}");
        }
    }

    #[test]
    fn each_rule_is_held() {
        for (text, part) in [
            (
                "[[integration]]\nname = \"a\"\n".to_owned(),
                "activlake.toml:1: integration.a.type: it is missing: one of google",
            ),
            (
                outlook("secret = \"hunter2\"\n"),
                "acme.secret: no such key",
            ),
            (
                outlook("client_secret_value = \"hunter2\"\n"),
                "no such key",
            ),
            (outlook("lookback_days = 6\n"), "from 7 to 365"),
            (
                outlook("backfill_days = 10\nlookback_days = 20\n"),
                "at least lookback_days",
            ),
            (
                outlook("max_body_bytes = \"1KiB\"\n"),
                "a size from 64KiB to 1GiB",
            ),
            (outlook("time_off = \"yes\"\n"), "true or false"),
            (
                outlook("graph_url = \"https://u:hunter2@g.example\"\n"),
                "acme.graph_url: an https",
            ),
            (
                google("auth = \"password\"\n"),
                "one of oauth, service_account",
            ),
            (
                google("admin = \"a@example.com\"\n"),
                "it goes with auth = \"service_account\" only",
            ),
            (google("domain = \"example\"\n"), "a domain such as"),
            (google("calendar_url = 3\n"), "calendar_url = 3: an https"),
            (
                format!("{}{}", google(""), google("")),
                "activlake.toml:8: integration.acme.name = \"acme\": another [[integration]] has the name already, at activlake.toml:3",
            ),
            (
                "[[integrations]]\nname = \"a\"\n".to_owned(),
                "did you mean 'integration'",
            ),
            (
                "[integration]\nname = \"a\"\n".to_owned(),
                "[[integration]] tables are allowed",
            ),
            (
                "[[integration]]\ntype = \"ics\"\nname = \"a\"\ncalendars = \"\"\n".to_owned(),
                "the path of a CSV file",
            ),
        ] {
            let found = problems(&text);
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(
                found
                    .iter()
                    .all(|found| found.contains(part) && !found.contains("hunter2")),
                "{found:?}\n{part}"
            );
        }
        // What is not typed gives way.
        let all = good(&outlook("lookback_days = 60\n"));
        assert_eq!(all.first().map(|one| one.sync.backfill_days), Some(60));
    }

    #[test]
    fn tables_stand_in_the_file_only() {
        let env = [("ACTIVLAKE_INTEGRATION__NAME", "acme")];
        let error = load_text("", &env, &[]).unwrap_err().to_string();
        assert!(error.contains("in the settings file only"), "{error}");
    }

    #[test]
    fn what_holds_is_shown_with_its_line() {
        let text = outlook("lookback_days = 9\n");
        let (_, shown) = load_text(&text, &[], &[]).unwrap();
        let rows = shown.rows();
        let row = |key: &str| {
            rows.iter()
                .find(|(name, _, _)| name == key)
                .map(|(_, value, origin)| (value.as_str(), origin.as_str()))
        };
        assert_eq!(
            row("integration.acme.client_secret"),
            Some(("{ env = \"OUTLOOK_SECRET\" }", "activlake.toml:6"))
        );
        assert_eq!(
            row("integration.acme.lookback_days"),
            Some(("9", "activlake.toml:7"))
        );
        assert_eq!(
            row("integration.acme.graph_url"),
            Some(("\"https://graph.microsoft.com/v1.0\"", "default"))
        );
    }
}
