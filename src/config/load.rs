//! Finds and reads the settings: flags over environment over file over defaults.
//!
//! In: the command line's overrides, the environment, the working and the user's folder. Out: the
//! checked [`Settings`] and where each value came from, or every problem at once. Reads one file
//! and nothing else; secrets stay references.

use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{Error, Wrong};
use super::integration::parse::{self, Table};
use super::keys::{self, INTEGRATION, OPEN};
use super::secret::SecretRef;
use super::settings::Settings;
use super::shipped;
use super::shown::{Origin, Shown};
use super::value::Value;

/// The file looked for in the working folder, and in `activlake/` of the user's.
const FILE: &str = "activlake.toml";
/// Environment variables `ACTIVLAKE_SECTION__KEY` are settings.
const PREFIX: &str = "ACTIVLAKE_";

/// What the command line says about settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `--config`: the settings file; it must exist.
    pub config: Option<PathBuf>,
    /// `section.key` and value, in the order given; the last of a key counts.
    pub values: Vec<(String, String)>,
}

/// The user's folder of settings: `XDG_CONFIG_HOME`, else `APPDATA` (Windows), else `~/.config`.
pub fn user_config_dir(variable: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let folder = |name: &str| {
        variable(name)
            .filter(|path| !path.is_empty())
            .map(PathBuf::from)
    };
    folder("XDG_CONFIG_HOME")
        .or_else(|| folder("APPDATA"))
        .or_else(|| folder("HOME").map(|home| home.join(".config")))
}

/// Reads and checks all settings. `env` is the process environment, `cwd` the folder that relative
/// paths start at, `user_config_dir` as [`user_config_dir`] gives it. An empty variable counts as
/// not set.
///
/// Errors: [`Error::Read`] for a file that was named and cannot be read, [`Error::Settings`] with
/// every wrong key and value of all origins.
pub fn load(
    overrides: &Overrides,
    env: impl Iterator<Item = (String, String)>,
    cwd: &Path,
    user_config_dir: Option<PathBuf>,
) -> Result<(Settings, Shown), Error> {
    let variables = variables(env);
    let named = variables
        .iter()
        .find(|(name, _)| name == "ACTIVLAKE_CONFIG")
        .map(|(_, path)| PathBuf::from(path));
    let file = find(overrides.config.clone().or(named), cwd, user_config_dir)?;
    check(overrides, variables, cwd, file)
}

/// The same for a settings file of this text at `path`, whether or not it is written there yet.
///
/// Errors: [`Error::Settings`].
pub fn load_as(
    path: &Path,
    text: &str,
    overrides: &Overrides,
    env: impl Iterator<Item = (String, String)>,
    cwd: &Path,
) -> Result<(Settings, Shown), Error> {
    let file = Some((path.to_owned(), text.to_owned()));
    check(overrides, variables(env), cwd, file)
}

/// The variables that may be settings, sorted.
fn variables(env: impl Iterator<Item = (String, String)>) -> Vec<(String, String)> {
    let mut variables: Vec<(String, String)> = env
        .filter(|(name, value)| name.starts_with(PREFIX) && !value.is_empty())
        .collect();
    variables.sort();
    variables
}

fn check(
    overrides: &Overrides,
    variables: Vec<(String, String)>,
    cwd: &Path,
    file: Option<(PathBuf, String)>,
) -> Result<(Settings, Shown), Error> {
    let mut typed = Typed::default();
    let path = file.map(|(path, text)| {
        typed.file(&path, &text);
        path
    });
    for (name, value) in variables {
        typed.variable(name, value);
    }
    for (key, value) in &overrides.values {
        typed.push(key.clone(), Value::Words(value.clone()), Origin::Flag);
    }
    let (mut settings, shown) = typed.check(path)?;
    resolve(&mut settings, &shown, cwd);
    Ok((settings, shown))
}

/// Paths that the settings file names count from the file's own folder, so that it means the same
/// wherever the program is started; those of flags and the environment from `cwd`. (`lake.url` may
/// be no path at all: the lake resolves it by the same rule.)
fn resolve(settings: &mut Settings, shown: &Shown, cwd: &Path) {
    let base = |key: &str| match (shown.origin(key), shown.file().and_then(Path::parent)) {
        (Some(Origin::File { .. }), Some(folder)) => cwd.join(folder),
        _ => cwd.to_path_buf(),
    };
    for (key, path) in [
        ("server.tls_cert", &mut settings.server.tls_cert),
        ("server.tls_key", &mut settings.server.tls_key),
    ] {
        if let Some(path) = path {
            *path = base(key).join(&*path);
        }
    }
    for (key, secret) in [
        ("privacy.hash_key", &mut settings.privacy.hash_key),
        ("connectors.seal_key", &mut settings.connectors.seal_key),
    ] {
        if let Some(SecretRef::File(path)) = secret {
            *path = base(key).join(&*path);
        }
    }
    for (name, secret) in &mut settings.lake.secrets {
        if let SecretRef::File(path) = secret {
            *path = base(&format!("lake.secrets.{name}")).join(&*path);
        }
    }
    if let Some(folder) = shown.file().and_then(Path::parent) {
        let folder = cwd.join(folder);
        for integration in &mut settings.integrations {
            integration.resolve(&folder);
        }
    }
}

/// The settings file's path, as it is shown, and its text.
fn find(
    named: Option<PathBuf>,
    cwd: &Path,
    user_config_dir: Option<PathBuf>,
) -> Result<Option<(PathBuf, String)>, Error> {
    let read = |path: &Path| std::fs::read_to_string(cwd.join(path));
    if let Some(path) = named {
        return match read(&path) {
            Ok(text) => Ok(Some((path, text))),
            Err(source) => Err(Error::Read { path, source }),
        };
    }
    let users = user_config_dir.map(|folder| folder.join("activlake").join(FILE));
    for path in [Some(PathBuf::from(FILE)), users].into_iter().flatten() {
        match read(&path) {
            Ok(text) => return Ok(Some((path, text))),
            Err(source) if source.kind() == std::io::ErrorKind::NotFound => {}
            Err(source) => return Err(Error::Read { path, source }),
        }
    }
    Ok(None)
}

/// What was typed, and what is wrong with it so far.
#[derive(Default)]
struct Typed {
    /// In rising precedence.
    entries: Vec<(String, Value, Origin)>,
    /// In the order of the file.
    integrations: Vec<Table>,
    wrong: Vec<Wrong>,
}

impl Typed {
    fn push(&mut self, key: String, value: Value, origin: Origin) {
        self.entries.push((key, value, origin));
    }

    fn variable(&mut self, name: String, value: String) {
        // Without two underscores it is no setting: ACTIVLAKE_CONFIG, or a secret's own name.
        let Some((section, key)) = name
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split_once("__"))
        else {
            return;
        };
        let key = format!("{section}.{}", key.replacen("__", ".", 1)).to_lowercase();
        self.push(key, Value::Words(value), Origin::Env(name));
    }

    fn file(&mut self, path: &Path, text: &str) {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let place = |span: Range<usize>| Origin::File {
            path: path.to_owned(),
            line: line_at(text, span.start),
        };
        let (document, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            // What stands below a line that cannot be read may be in the wrong section.
            self.wrong.extend(errors.into_iter().map(|error| Wrong {
                origin: place(error.span().unwrap_or(0..0)),
                key: String::new(),
                value: None,
                message: error.message().to_owned(),
            }));
            return;
        }
        let mut found: Vec<(String, Value, Range<usize>)> = Vec::new();
        for (section, content) in document.get_ref() {
            let (name, content_value) = (section.get_ref().as_ref(), content.get_ref());
            if name == INTEGRATION {
                let tables: Option<Vec<Table>> = content_value
                    .as_array()
                    .and_then(|items| items.iter().map(|item| table(item, &place)).collect());
                match tables {
                    Some(tables) => self.integrations = tables,
                    None => self.wrong.push(Wrong {
                        origin: place(section.span()),
                        key: name.to_owned(),
                        value: None,
                        message: "[[integration]] tables are allowed".to_owned(),
                    }),
                }
                continue;
            }
            let Some(table) = content_value.as_table() else {
                found.push((name.to_owned(), Value::of(content_value), section.span()));
                continue;
            };
            if !keys::sections().contains(&name) {
                // One problem for the section, whatever stands in it.
                found.push((name.to_owned(), Value::Table(Vec::new()), section.span()));
                continue;
            }
            for (key, value) in table {
                let full = format!("{name}.{}", key.get_ref());
                match value.get_ref().as_table() {
                    Some(entries) if OPEN.contains(&full.as_str()) => {
                        for (entry, value) in entries {
                            let full = format!("{full}.{}", entry.get_ref());
                            found.push((full, Value::of(value.get_ref()), entry.span()));
                        }
                    }
                    _ => found.push((full, Value::of(value.get_ref()), key.span())),
                }
            }
        }
        found.sort_by_key(|(_, _, span)| span.start);
        for (key, value, span) in found {
            self.push(key, value, place(span));
        }
    }

    fn check(mut self, file: Option<PathBuf>) -> Result<(Settings, Shown), Error> {
        let mut settings = Settings::default();
        let mut origins: HashMap<String, Origin> = HashMap::new();
        for (key, value, origin) in self.entries {
            let (set, hidden) = if let Some(known) = keys::find(&key) {
                ((known.set)(&mut settings, &value), known.secret)
            } else if let Some((section, name)) = keys::open(&key) {
                let hidden = section == "lake.secrets" || keys::is_secret_option(name);
                (keys::set_open(&mut settings, section, name, &value), hidden)
            } else if OPEN.contains(&key.as_str()) {
                (
                    Err("a table such as { name = … } is allowed".to_owned()),
                    true,
                )
            } else {
                (Err(keys::unknown(&key)), true)
            };
            match set {
                Ok(()) => {
                    origins.insert(key, origin);
                }
                Err(message) => self.wrong.push(Wrong {
                    origin,
                    value: (!hidden).then(|| value.shown()),
                    key,
                    message,
                }),
            }
        }
        let parsed = parse::parse(&self.integrations);
        settings.integrations = parsed.integrations;
        origins.extend(parsed.origins);
        self.wrong.extend(parsed.wrong);
        let origin_of = |key: &str| origins.get(key).cloned().unwrap_or(Origin::Default);
        let together = together(&settings, &origin_of, |key| {
            self.wrong.iter().any(|wrong| wrong.key == key)
        });
        self.wrong.extend(together);
        if !self.wrong.is_empty() {
            return Err(Error::Settings(self.wrong));
        }
        Ok((settings.clone(), Shown::of(&settings, &origin_of, file)))
    }
}

/// A table of `[[integration]]`, its keys in the order written.
fn table(item: &Spanned<DeValue<'_>>, place: &dyn Fn(Range<usize>) -> Origin) -> Option<Table> {
    let mut keys: Vec<_> = item.get_ref().as_table()?.iter().collect();
    keys.sort_by_key(|(key, _)| key.span().start);
    let entries = keys.into_iter().map(|(key, value)| {
        let name = key.get_ref().to_string();
        (name, Value::of(value.get_ref()), place(key.span()))
    });
    Some(Table {
        origin: place(item.span()),
        entries: entries.collect(),
    })
}

/// Checks that need more than one value, or the shipped tables. What is said of a value that was
/// `refused` itself is not said again of those that need it.
fn together(
    settings: &Settings,
    origin_of: &dyn Fn(&str) -> Origin,
    refused: impl Fn(&str) -> bool,
) -> Vec<Wrong> {
    let mut wrong = Vec::new();
    let mut say = |key: &str, message: &str| {
        let known = keys::find(key).filter(|known| !known.secret);
        wrong.push(Wrong {
            origin: origin_of(key),
            key: key.to_owned(),
            value: known.map(|known| (known.show)(settings)),
            message: message.to_owned(),
        });
    };
    match shipped::built_in_zone_names() {
        Ok(zones) if zones.parse(&settings.account.timezone).is_some() => {}
        Ok(_) => say(
            "account.timezone",
            "an IANA zone such as Europe/Berlin, a Windows zone name, or UTC±H[:MM] is allowed",
        ),
        Err(_) => say(
            "account.timezone",
            "the shipped table windows_zones.csv is damaged",
        ),
    }
    let privacy = &settings.privacy;
    let no_key = privacy.hash_key.is_none() && !refused("privacy.hash_key");
    if !privacy.hash_fields.is_empty() && no_key {
        say(
            "privacy.hash_fields",
            "privacy.hash_key is needed with it: { env = \"NAME\" } or { file = \"PATH\" }",
        );
    }
    match (&settings.server.tls_cert, &settings.server.tls_key) {
        (Some(_), None) if !refused("server.tls_key") => {
            say("server.tls_cert", "server.tls_key is needed with it")
        }
        (None, Some(_)) if !refused("server.tls_cert") => {
            say("server.tls_key", "server.tls_cert is needed with it")
        }
        _ => {}
    }
    if settings.metrics.break_max_gap_seconds < settings.metrics.break_min_seconds {
        say(
            "metrics.break_max_gap_seconds",
            "at least metrics.break_min_seconds is allowed",
        );
    }
    for name in settings.lake.secrets.keys() {
        if settings.lake.options.contains_key(name) {
            say(
                &format!("lake.options.{name}"),
                &format!("it is also given as lake.secrets.{name}: only one of them is allowed"),
            );
        }
    }
    wrong
}

/// The 1-based line of a byte offset.
fn line_at(text: &str, offset: usize) -> usize {
    text.bytes()
        .take(offset)
        .filter(|byte| *byte == b'\n')
        .count()
        + 1
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::SecretRef;
    use super::super::keys::KEYS;
    use super::super::settings::{Plan, PrivateField, Weekday};
    use super::*;

    pub fn load_text(
        text: &str,
        env: &[(&str, &str)],
        flags: &[(&str, &str)],
    ) -> Result<(Settings, Shown), Error> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), text).unwrap();
        let pairs = |list: &[(&str, &str)]| -> Vec<(String, String)> {
            list.iter()
                .map(|(k, v)| ((*k).into(), (*v).into()))
                .collect()
        };
        let overrides = Overrides {
            config: None,
            values: pairs(flags),
        };
        load(&overrides, pairs(env).into_iter(), folder.path(), None)
    }

    /// The one problem that `text` has.
    fn problem(text: &str) -> String {
        let Err(Error::Settings(wrong)) = load_text(text, &[], &[]) else {
            panic!("no problem in {text}");
        };
        assert_eq!(wrong.len(), 1, "{text}: {wrong:?}");
        wrong[0].to_string()
    }

    #[test]
    fn nothing_typed_is_the_defaults() {
        let (settings, shown) = load_text("", &[], &[]).unwrap();
        assert_eq!(settings, Settings::default());
        assert!(
            shown
                .rows()
                .iter()
                .all(|(_, _, origin)| origin == "default")
        );
        assert_eq!(shown.rows().len(), KEYS.len());
    }

    #[test]
    fn flags_win_over_environment_over_file() {
        let text = "[account]\nid = 1\n[metrics]\nbridge_seconds = 10\nresidue_seconds = 11\n";
        let env = [
            ("ACTIVLAKE_METRICS__RESIDUE_SECONDS", "20"),
            ("ACTIVLAKE_ACCOUNT__ID", "2"),
            ("ACTIVLAKE_ACCOUNT__NAME", ""),
            ("ACTIVLAKE_TOKEN", "no setting"),
            ("OTHER_ACCOUNT__ID", "9"),
        ];
        let flags = [("account.id", "3"), ("account.id", "4")];
        let (settings, shown) = load_text(text, &env, &flags).unwrap();
        assert_eq!(settings.metrics.bridge_seconds, 10);
        assert_eq!(settings.metrics.residue_seconds, 20);
        assert_eq!(settings.account.id, 4);
        let origin = |key: &str| shown.origin(key).unwrap().to_string();
        assert_eq!(origin("metrics.bridge_seconds"), "activlake.toml:4");
        assert_eq!(
            origin("metrics.residue_seconds"),
            "ACTIVLAKE_METRICS__RESIDUE_SECONDS"
        );
        assert_eq!(origin("account.id"), "flag");
        assert_eq!(origin("account.name"), "default");
        assert_eq!(shown.file(), Some(Path::new(FILE)));
    }

    #[test]
    fn values_of_every_kind() {
        let text = r#"
[account]
plan = "Essentials_Plus"
timezone = "w. europe standard time"
week_start = "Monday"
weekend_days = ["friday", "saturday"]
history_days = 400
[lake]
url = "s3://bucket/lake"
options = { region = "eu-central-1", allow_http = true }
[lake.secrets]
secret_access_key = { env = "LAKE_KEY" }
[privacy]
hash_fields = ["user", "public_ip"]
hash_key = { file = "key.txt" }
[schedule]
default_start = "22:00"
default_end = "24:00"
[limits]
memory = "2GiB"
max_row = 65536
[connectors]
seal_key = { credential = "seal" }
"#;
        let env = [
            ("ACTIVLAKE_LAKE__OPTIONS__ENDPOINT", "http://store:9000"),
            ("ACTIVLAKE_LAKE__SECRETS__SESSION_TOKEN", "{ env = 'T' }"),
        ];
        let (settings, shown) =
            load_text(text, &env, &[("account.history_days", "unlimited")]).unwrap();
        assert_eq!(settings.account.plan, Plan::EssentialsPlus);
        assert_eq!(settings.account.week_start, Weekday::Monday);
        assert_eq!(settings.account.history_days, None);
        assert_eq!(settings.lake.options["allow_http"], "true");
        assert_eq!(settings.lake.options["endpoint"], "http://store:9000");
        assert_eq!(
            settings.lake.secrets["secret_access_key"],
            SecretRef::Env("LAKE_KEY".into())
        );
        assert_eq!(settings.lake.secrets.len(), 2);
        assert_eq!(
            settings.privacy.hash_fields,
            [PrivateField::User, PrivateField::PublicIp]
        );
        assert_eq!(settings.schedule.default_end_minutes, 0);
        assert_eq!(settings.limits.memory_bytes, 2 << 30);
        assert_eq!(
            settings.connectors.seal_key,
            Some(SecretRef::Credential("seal".into()))
        );
        let text = shown.to_string();
        assert!(text.contains("lake.secrets.secret_access_key = { env = \"LAKE_KEY\" }"));
        assert!(text.contains("limits.memory = \"2GiB\""), "{text}");
        assert!(text.contains("# activlake.toml:15\n"), "{text}");
    }

    #[test]
    fn all_problems_come_at_once_with_their_places() {
        let text = "[acount]\nid = 0\n[account]\nid = 0\nname = 5\n[metrics]\nbridge_second = 1\n\
                    location_percent = 50\n[server]\nhost = \"localhost\"\ntls_cert = \"c.pem\"\n";
        let env = [
            ("ACTIVLAKE_METRICS__FLOOD_SECONDS", "many"),
            ("ACTIVLAKE_FOO__BAR", "1"),
        ];
        let flags = [("limits.memory", "lots"), ("limits.memori", "1GiB")];
        let Err(Error::Settings(wrong)) = load_text(text, &env, &flags) else {
            panic!("no problems");
        };
        let texts: Vec<String> = wrong.iter().map(ToString::to_string).collect();
        let expected = [
            "activlake.toml:1: acount: no such section, did you mean 'account'?",
            "activlake.toml:4: account.id = 0: an integer from 1 to 9007199254740991",
            "activlake.toml:5: account.name = 5: text is allowed",
            "activlake.toml:7: metrics.bridge_second: no such key, did you mean 'bridge_seconds'?",
            "activlake.toml:8: metrics.location_percent = 50: an integer from 51 to 100",
            "activlake.toml:10: server.host = \"localhost\": an IP address",
            "ACTIVLAKE_FOO__BAR: foo.bar: no such section",
            "ACTIVLAKE_METRICS__FLOOD_SECONDS: metrics.flood_seconds = \"many\": an integer",
            "flag: limits.memory = \"lots\": a size",
            "flag: limits.memori: no such key, did you mean 'memory'?",
            "activlake.toml:11: server.tls_cert = \"c.pem\": server.tls_key is needed",
        ];
        assert_eq!(texts.len(), expected.len(), "{texts:#?}");
        for (text, start) in texts.iter().zip(expected) {
            assert!(text.starts_with(start), "{text}\n{start}");
        }
    }

    #[test]
    fn each_range_and_rule_is_held() {
        for (text, part) in [
            ("[account]\nid = 9007199254740992", "account.id"),
            (
                "[account]\nplan = \"profesional\"",
                "did you mean 'professional'",
            ),
            (
                "[account]\ntimezone = \"Mars/Base\"",
                "account.timezone = \"Mars/Base\"",
            ),
            ("[account]\ntimezone_mode = 1", "account, user"),
            (
                "[account]\nweekend_days = [\"sunday\", \"Sunday\"]",
                "twice",
            ),
            ("[account]\nhistory_days = 0", "or \"unlimited\""),
            ("[lake]\nurl = \"ftp://x\"", "s3://"),
            ("[lake]\nurl = \"\"", "a path"),
            ("[lake]\noptions = 3", "a table"),
            ("[lake]\noptions = { region = [1] }", "lake.options.region"),
            ("[privacy]\nhash_fields = [\"ip\"]", "device_ip"),
            (
                "[privacy]\nhash_fields = [\"user\"]",
                "privacy.hash_key is needed",
            ),
            ("[metrics]\nmax_event_seconds = 86401", "from 1 to 86400"),
            ("[metrics]\nmax_event_seconds = 0", "from 1 to 86400"),
            ("[metrics]\nbreak_min_seconds = -1", "from 0"),
            (
                "[metrics]\nbreak_max_gap_seconds = 10",
                "at least metrics.break_min_seconds",
            ),
            ("[metrics]\nproductive_hrs_day = nan", "from 0 to 24"),
            ("[metrics]\nfocused_hrs_day = 24.5", "from 0 to 24"),
            (
                "[metrics]\nmeeting_show_as = [\"bussy\"]",
                "did you mean 'busy'",
            ),
            ("[metrics]\ncollaboration_categories = [\" \"]", "not blank"),
            (
                "[metrics]\noffline_counts_for_goals = \"yes\"",
                "true or false",
            ),
            ("[server]\nport = 65536", "65535"),
            ("[server]\ntls_key = \"k\"", "server.tls_cert is needed"),
            ("[server]\ntls_key = \"\"", "the path of a file"),
            ("[schedule]\ndefault_start = \"9\"", "a time"),
            ("[schedule]\ndefault_start = 09:00:00", "a time"),
            ("[limits]\ningest_batch_rows = 0", "from 1"),
            ("[limits]\nmax_row = \"1\"", "a size"),
            ("integration = 1", "[[integration]]"),
            ("port = 1", "did you mean 'server.port'"),
            (
                "[privacy]\nhash_fields = [\"user\"]\nhash_key = 1",
                "privacy.hash_key: a secret is not written here",
            ),
            (
                "[server]\ntls_cert = \"c\"\ntls_key = 1",
                "server.tls_key = 1: text",
            ),
            (
                "[account]\nid = 99999999999999999999",
                "99999999999999999999",
            ),
        ] {
            let text = problem(text);
            assert!(text.contains(part), "{text} lacks {part}");
        }
    }

    #[test]
    fn a_literal_secret_is_refused_and_not_repeated() {
        for text in [
            "[privacy]\nhash_key = \"hunter2\"",
            "[connectors]\nseal_key = \"hunter2\"",
            "[lake.secrets]\nsecret_access_key = \"hunter2\"",
            "[lake.options]\nsecret_access_key = \"hunter2\"",
            "[lake]\nsecrets = \"hunter2\"",
            "[privacy]\nhash_keys = \"hunter2\"",
        ] {
            let text = problem(text);
            assert!(!text.contains("hunter2"), "{text}");
        }
        assert!(problem("[privacy]\nhash_key = \"x\"").contains("{ env = \"NAME\" }"));
        let error = load_text("", &[("ACTIVLAKE_PRIVACY__HASH_KEY", "hunter2")], &[]).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }

    #[test]
    fn a_secret_stands_once() {
        let text = "[lake.options]\nregion = \"a\"\n[lake.secrets]\nregion = { env = \"R\" }\n";
        assert!(problem(text).starts_with("activlake.toml:2: lake.options.region: "));
    }

    #[test]
    fn syntax_errors_have_a_line() {
        let text = problem("[account]\nid = 1\nname = \n");
        assert!(text.starts_with("activlake.toml:3: "), "{text}");
        let text = problem("\u{feff}[account]\nid = 1\nid = 2\n");
        assert!(text.starts_with("activlake.toml:3: "), "{text}");
    }

    #[test]
    fn the_file_is_found_in_order() {
        let (work, user) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let write = |path: PathBuf, id: i64| {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, format!("[account]\nid = {id}\n")).unwrap();
        };
        let id = |config: Option<&str>, env: &[(&str, &str)]| {
            let overrides = Overrides {
                config: config.map(PathBuf::from),
                values: Vec::new(),
            };
            let env: Vec<_> = env
                .iter()
                .map(|(k, v)| (k.to_string(), v.to_string()))
                .collect();
            load(
                &overrides,
                env.into_iter(),
                work.path(),
                Some(user.path().into()),
            )
            .map(|(settings, _)| settings.account.id)
        };
        assert_eq!(id(None, &[]).unwrap(), 1);
        write(user.path().join("activlake").join(FILE), 5);
        assert_eq!(id(None, &[]).unwrap(), 5);
        write(work.path().join(FILE), 6);
        assert_eq!(id(None, &[]).unwrap(), 6);
        write(work.path().join("other.toml"), 7);
        let env = [("ACTIVLAKE_CONFIG", "other.toml")];
        assert_eq!(id(None, &env).unwrap(), 7);
        write(work.path().join("flag.toml"), 8);
        assert_eq!(id(Some("flag.toml"), &env).unwrap(), 8);
        assert!(matches!(
            id(Some("none.toml"), &[]),
            Err(Error::Read { .. })
        ));
    }

    #[test]
    fn the_users_folder_is_the_first_that_is_set() {
        let folder = |pairs: &[(&str, &str)]| {
            user_config_dir(|name| {
                pairs
                    .iter()
                    .find(|(key, _)| *key == name)
                    .map(|(_, value)| value.to_string())
            })
        };
        assert_eq!(
            folder(&[("XDG_CONFIG_HOME", "/x"), ("HOME", "/h")]),
            Some("/x".into())
        );
        assert_eq!(
            folder(&[("XDG_CONFIG_HOME", ""), ("HOME", "/h")]),
            Some("/h/.config".into())
        );
        assert_eq!(folder(&[("APPDATA", "/a")]), Some("/a".into()));
        assert_eq!(folder(&[]), None);
    }
}
