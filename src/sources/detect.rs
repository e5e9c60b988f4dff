//! Which inputs a command line names, and what kind each of them is.
//!
//! Paths, folders, patterns and `-` go in; [`Input`]s come out, each with the kind and compression
//! that its first bytes show. Nothing is read beyond those bytes, and bytes taken from stdin are
//! kept, so that the reader sees them again.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::error::Error;
use super::field::{Field, Target};

/// A format that a reader exists for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// One JSON object a line.
    Ndjson,
    /// Comma, semicolon or tab separated, with a header.
    Csv,
    Parquet,
    /// Arrow IPC, file or stream.
    Ipc,
    /// A JSON export of ActivityWatch, whole or per bucket.
    ActivityWatchJson,
    /// A database of an ActivityWatch server.
    ActivityWatchSqlite,
    /// Calendar entries in the normal form, one JSON object a line or one JSON list.
    Meetings,
}

/// What the bytes of an input are packed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compression {
    None,
    Gzip,
    Zstd,
}

/// Where an input's bytes are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    File(PathBuf),
    Stdin,
}

/// One input, ready to be read.
#[derive(Clone, Debug)]
pub struct Input {
    pub origin: Origin,
    /// As shown in messages and rejects: what the user typed, or what that led to.
    pub name: String,
    pub kind: Kind,
    pub compression: Compression,
    /// Size as stored, when known; progress is counted against it.
    pub bytes: Option<u64>,
    /// Bytes already taken from stdin; empty for files.
    pub(super) peeked: Vec<u8>,
}

/// How many (decompressed) bytes decide the kind.
const HEAD_BYTES: usize = 64 * 1024;

/// Endings a folder is searched for; `.gz` or `.zst` may follow.
const ENDINGS: [&str; 12] = [
    "json", "jsonl", "ndjson", "csv", "parquet", "arrow", "arrows", "feather", "ipc", "db",
    "sqlite", "sqlite3",
];

/// The inputs that paths, folders, patterns and `-` stand for, each once, with the names to show.
///
/// A path that exists is itself even if it has pattern characters. Folders are searched to the
/// bottom in the order of names; hidden entries and unknown endings are passed over, and links to
/// folders are not followed, so that a link in a circle cannot trap the search.
///
/// # Errors
/// [`Error::Open`] for a path that cannot be looked at, [`Error::NoMatch`] for one that names
/// nothing, [`Error::Pattern`] for a pattern that cannot be read.
pub fn expand(paths: &[String]) -> Result<Vec<(Origin, String)>, Error> {
    let mut found = Found::default();
    for path in paths {
        if path == "-" {
            if !found.stdin {
                found.stdin = true;
                found.list.push((Origin::Stdin, "stdin".to_owned()));
            }
            continue;
        }
        match std::fs::metadata(path) {
            Ok(metadata) => found.path(Path::new(path), metadata.is_dir())?,
            Err(_) if path.contains(['*', '?', '[']) => found.pattern(path)?,
            Err(source) => {
                return Err(Error::Open {
                    name: path.clone(),
                    source,
                });
            }
        }
    }
    Ok(found.list)
}

#[derive(Default)]
struct Found {
    list: Vec<(Origin, String)>,
    seen: HashSet<PathBuf>,
    stdin: bool,
}

impl Found {
    fn path(&mut self, path: &Path, is_dir: bool) -> Result<(), Error> {
        if !is_dir {
            self.file(path);
            return Ok(());
        }
        if self.folder(path)? {
            Ok(())
        } else {
            Err(Error::NoMatch {
                name: path.display().to_string(),
                detail: "the folder holds no file with a known ending",
            })
        }
    }

    fn file(&mut self, path: &Path) {
        let identity = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        if self.seen.insert(identity) {
            let name = path.display().to_string();
            self.list.push((Origin::File(path.to_path_buf()), name));
        }
    }

    /// Whether anything was there.
    fn folder(&mut self, folder: &Path) -> Result<bool, Error> {
        let failed = |source| Error::Open {
            name: folder.display().to_string(),
            source,
        };
        let mut entries = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if !entry.file_name().to_string_lossy().starts_with('.') {
                entries.push((entry.file_name(), entry.file_type().map_err(failed)?));
            }
        }
        entries.sort_by(|one, other| one.0.cmp(&other.0));
        let mut any = false;
        for (name, file_type) in entries {
            let path = folder.join(&name);
            if file_type.is_dir() {
                any |= self.folder(&path)?;
            } else if path.is_file() && endings(&name.to_string_lossy()).0.is_some() {
                self.file(&path);
                any = true;
            }
        }
        Ok(any)
    }

    fn pattern(&mut self, pattern: &str) -> Result<(), Error> {
        let options = glob::MatchOptions {
            require_literal_leading_dot: true,
            ..glob::MatchOptions::new()
        };
        let matches = glob::glob_with(pattern, options).map_err(|source| Error::Pattern {
            name: pattern.to_owned(),
            source,
        })?;
        let mut any = false;
        for entry in matches {
            let path = entry.map_err(|error| Error::Open {
                name: error.path().display().to_string(),
                source: error.into(),
            })?;
            if path.is_dir() {
                any |= self.folder(&path)?;
            } else {
                self.file(&path);
                any = true;
            }
        }
        if any {
            Ok(())
        } else {
            Err(Error::NoMatch {
                name: pattern.to_owned(),
                detail: "nothing matches the pattern",
            })
        }
    }
}

/// The known ending of a name and the compression it claims.
fn endings(name: &str) -> (Option<&'static str>, Compression) {
    let lower = name.to_ascii_lowercase();
    let (inner, compression) = if let Some(inner) = lower.strip_suffix(".gz") {
        (inner, Compression::Gzip)
    } else if let Some(inner) = lower.strip_suffix(".zst") {
        (inner, Compression::Zstd)
    } else {
        (lower.as_str(), Compression::None)
    };
    let ending = inner
        .rsplit_once('.')
        .and_then(|(_, ending)| ENDINGS.into_iter().find(|known| *known == ending));
    (ending, compression)
}

/// Looks at an input's first bytes; `forced` says the kind where the user did.
///
/// # Errors
/// [`Error::Open`] and [`Error::Read`] for an input that cannot be read, [`Error::WrongKind`] when
/// the name promises a container that the bytes are not.
pub fn detect(origin: Origin, name: String, forced: Option<Kind>) -> Result<Input, Error> {
    let failed = |source| Error::Open {
        name: name.clone(),
        source,
    };
    let mut head = Vec::new();
    let bytes = match &origin {
        Origin::File(path) => {
            let file = File::open(path).map_err(failed)?;
            let metadata = file.metadata().map_err(failed)?;
            if metadata.is_dir() {
                return Err(Error::NoMatch {
                    name,
                    detail: "a folder, not a file",
                });
            }
            file.take(HEAD_BYTES as u64)
                .read_to_end(&mut head)
                .map_err(failed)?;
            metadata.is_file().then_some(metadata.len())
        }
        Origin::Stdin => {
            peek(&mut std::io::stdin().lock(), &mut head).map_err(failed)?;
            None
        }
    };
    let (ending, promised) = match &origin {
        Origin::File(path) => endings(&path.to_string_lossy()),
        Origin::Stdin => (None, Compression::None),
    };
    let compression = compression_of(&head, promised).map_err(|detail| Error::WrongKind {
        name: name.clone(),
        detail,
    })?;
    let kind = match forced {
        Some(kind) => kind,
        None => {
            let plain = decompressed_head(&head, compression);
            kind_of(&plain, ending).map_err(|detail| Error::WrongKind {
                name: name.clone(),
                detail,
            })?
        }
    };
    let peeked = match &origin {
        Origin::File(_) => Vec::new(),
        Origin::Stdin => head,
    };
    Ok(Input {
        origin,
        name,
        kind,
        compression,
        bytes,
        peeked,
    })
}

/// Takes what decides the kind and no more: a slow pipe must not be waited for once it has sent a
/// line.
fn peek(reader: &mut impl Read, head: &mut Vec<u8>) -> std::io::Result<()> {
    let mut chunk = [0u8; 4096];
    while head.len() < HEAD_BYTES && !(head.len() >= 8 && head.contains(&b'\n')) {
        match reader.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => head.extend_from_slice(chunk.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn compression_of(head: &[u8], promised: Compression) -> Result<Compression, String> {
    let seen = if head.starts_with(&[0x1f, 0x8b]) {
        Compression::Gzip
    } else if head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
        || (promised == Compression::Zstd && skippable(head))
    {
        Compression::Zstd
    } else {
        Compression::None
    };
    match (promised, seen) {
        (Compression::Gzip, Compression::None) => Err("named .gz, but not gzip".to_owned()),
        (Compression::Zstd, Compression::None) => Err("named .zst, but not zstd".to_owned()),
        _ => Ok(seen),
    }
}

/// A zstd stream may begin with frames that carry no data.
fn skippable(head: &[u8]) -> bool {
    matches!(head, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

/// What the first bytes unpack to; a damaged stream shows itself to the reader later.
fn decompressed_head(head: &[u8], compression: Compression) -> Vec<u8> {
    let mut plain = Vec::new();
    let limit = HEAD_BYTES as u64;
    match compression {
        Compression::None => plain.extend_from_slice(head),
        Compression::Gzip => {
            let decoder = flate2::bufread::MultiGzDecoder::new(head);
            let _ = decoder.take(limit).read_to_end(&mut plain);
        }
        Compression::Zstd => {
            if let Ok(decoder) = zstd::stream::read::Decoder::with_buffer(head) {
                let _ = decoder.take(limit).read_to_end(&mut plain);
            }
        }
    }
    plain
}

fn kind_of(head: &[u8], ending: Option<&str>) -> Result<Kind, String> {
    if head.starts_with(b"PAR1") || head.starts_with(b"PARE") {
        return Ok(Kind::Parquet);
    }
    if head.starts_with(b"ARROW1") || head.starts_with(&[0xff, 0xff, 0xff, 0xff]) {
        return Ok(Kind::Ipc);
    }
    if head.starts_with(b"SQLite format 3\0") {
        return Ok(Kind::ActivityWatchSqlite);
    }
    let wrong = |ending: &str, wanted: &str| {
        let seen = if head.is_empty() {
            "is empty"
        } else {
            "does not begin as one"
        };
        Err(format!("named .{ending}, {wanted}, but {seen}"))
    };
    match ending {
        Some(ending @ "parquet") => return wrong(ending, "a Parquet file"),
        Some(ending @ ("arrow" | "arrows" | "feather" | "ipc")) => {
            return wrong(ending, "an Arrow IPC file or stream");
        }
        Some(ending @ ("db" | "sqlite" | "sqlite3")) => return wrong(ending, "an SQLite database"),
        _ => {}
    }
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let first = text.iter().find(|byte| !byte.is_ascii_whitespace());
    Ok(match first {
        Some(b'{' | b'[') if is_activitywatch(text) => Kind::ActivityWatchJson,
        Some(b'{' | b'[') if is_meetings(text) => Kind::Meetings,
        Some(b'{' | b'[') => Kind::Ndjson,
        _ => match ending {
            Some("csv") => Kind::Csv,
            Some(_) => Kind::Ndjson,
            None if first.is_none() => Kind::Ndjson,
            None => Kind::Csv,
        },
    })
}

/// Whether the first object of a JSON text (or of the list it is) has the keys of an ActivityWatch
/// export, judged on as much of it as is there.
fn is_activitywatch(text: &[u8]) -> bool {
    let mut keys = TopKeys {
        bytes: text,
        depth: 0,
    };
    let (mut events, mut client, mut bucket_type) = (false, false, false);
    while let Some(key) = keys.next_key() {
        match key {
            b"buckets" => return true,
            b"events" => events = true,
            b"client" => client = true,
            b"type" => bucket_type = true,
            _ => {}
        }
    }
    (events && (client || bucket_type)) || (client && bucket_type)
}

/// Whether the first object of a JSON text (or of the list it is) has the fields that every calendar
/// entry has, and none that only an agent's event has.
fn is_meetings(text: &[u8]) -> bool {
    let mut keys = TopKeys {
        bytes: text,
        depth: 0,
    };
    let (mut instance, mut uid, mut event_id) = (false, false, false);
    while let Some(key) = keys.next_key() {
        let name = std::str::from_utf8(key).unwrap_or("").trim();
        instance |= name.eq_ignore_ascii_case("instance");
        uid |= name.eq_ignore_ascii_case("uid");
        event_id |= name.eq_ignore_ascii_case("event_id");
        if let Target::Field(
            Field::UtcTimestamp
            | Field::DurationSec
            | Field::UserName
            | Field::ComputerName
            | Field::Executable
            | Field::FullUrl,
        ) = Target::of(name)
        {
            return false;
        }
    }
    instance && uid && event_id
}

/// Walks over the keys of the first object. Lenient: this only guesses a kind.
struct TopKeys<'a> {
    bytes: &'a [u8],
    /// Open objects and lists, an outermost list not counted.
    depth: usize,
}

impl<'a> TopKeys<'a> {
    fn next_key(&mut self) -> Option<&'a [u8]> {
        loop {
            let (byte, rest) = self.bytes.split_first()?;
            self.bytes = rest;
            match byte {
                b'[' if self.depth == 0 => {}
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth = self.depth.checked_sub(1)?;
                    if self.depth == 0 {
                        return None;
                    }
                }
                b'"' => {
                    let text = self.string()?;
                    let next = self.bytes.iter().find(|b| !b.is_ascii_whitespace());
                    if self.depth == 1 && next == Some(&b':') {
                        return Some(text);
                    }
                }
                _ => {}
            }
        }
    }

    /// The rest of a string whose opening quote has been passed.
    fn string(&mut self) -> Option<&'a [u8]> {
        let all = self.bytes;
        let mut escaped = false;
        for (at, byte) in all.iter().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => {
                    self.bytes = all.get(at + 1..)?;
                    return all.get(..at);
                }
                _ => {}
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn kind(text: &str) -> Kind {
        kind_of(text.as_bytes(), None).unwrap()
    }

    #[test]
    fn text_kinds() {
        assert_eq!(
            kind("{\"utc_timestamp\":1,\"user\":\"type\"}\n{}"),
            Kind::Ndjson
        );
        assert_eq!(kind("\u{feff}  {\"a\":1}"), Kind::Ndjson);
        assert_eq!(kind("[{\"a\":1}]"), Kind::Ndjson);
        assert_eq!(kind("utc_timestamp,user_name\n"), Kind::Csv);
        assert_eq!(kind(""), Kind::Ndjson);
        assert_eq!(kind_of(b"", Some("csv")), Ok(Kind::Csv));
        assert_eq!(kind_of(b"not json", Some("ndjson")), Ok(Kind::Ndjson));
        for export in [
            "{ \"buckets\" : {",
            "{\"version\":{\"buckets\":1},\"buckets\":[]}",
            "{\"id\":\"a\",\"type\":\"currentwindow\",\"client\":\"x\",\"events\":[{",
            "[{\"id\":\"a\",\"events\":[{\"data\":{}}],\"type\":\"x\"}]",
        ] {
            assert_eq!(kind(export), Kind::ActivityWatchJson, "{export}");
        }
        for entry in [
            "{\"instance\":\"a\",\"uid\":1,\"event_id\":\"x\",\"start\":\"",
            "{\"UID\":1,\"event_id\":\"x\",\"status\":\"deleted\",\"Instance\":\"a\"}",
            " [\n{\"attendees\":[{\"user_name\":1}],\"uid\":1,\"instance\":\"a\",\"event_id\":2}]",
        ] {
            assert_eq!(kind(entry), Kind::Meetings, "{entry}");
        }
        for event in [
            "{\"instance\":\"a\",\"uid\":1,\"start\":\"\"}",
            "{\"instance\":\"a\",\"event_id\":\"x\",\"start\":\"\"}",
            "{\"uid\":1,\"event_id\":\"x\",\"start\":\"\"}",
            "{\"instance\":\"a\",\"uid\":1,\"event_id\":\"x\",\"username\":\"ann\"}",
        ] {
            assert_eq!(kind(event), Kind::Ndjson, "{event}");
        }
        // The keys are those of the first object only, and strings are no keys.
        assert_eq!(
            kind("{\"a\":{\"buckets\":1}}\n{\"buckets\":1}"),
            Kind::Ndjson
        );
        assert_eq!(kind("{\"titlebar\":\"\\\"buckets\\\":\"}"), Kind::Ndjson);
        assert_eq!(kind("{\"titlebar\":\"cut sho"), Kind::Ndjson);
    }

    #[test]
    fn containers() {
        assert_eq!(kind_of(b"PAR1....", None), Ok(Kind::Parquet));
        assert_eq!(kind_of(b"ARROW1\0\0", None), Ok(Kind::Ipc));
        assert_eq!(kind_of(b"\xff\xff\xff\xff\x10", None), Ok(Kind::Ipc));
        assert_eq!(
            kind_of(b"SQLite format 3\0", Some("db")),
            Ok(Kind::ActivityWatchSqlite)
        );
        assert!(
            kind_of(b"{}", Some("parquet"))
                .unwrap_err()
                .contains("Parquet")
        );
        assert!(kind_of(b"", Some("db")).unwrap_err().contains("empty"));
    }

    #[test]
    fn compression_by_bytes_and_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.ndjson.gz");
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(b"{\"buckets\":{}}").unwrap();
        std::fs::write(&path, packed.finish().unwrap()).unwrap();
        let input = detect(Origin::File(path.clone()), "a".into(), None).unwrap();
        assert_eq!(input.compression, Compression::Gzip);
        assert_eq!(input.kind, Kind::ActivityWatchJson);
        assert!(input.bytes.is_some());
        let forced = detect(Origin::File(path.clone()), "a".into(), Some(Kind::Csv)).unwrap();
        assert_eq!(forced.kind, Kind::Csv);
        std::fs::write(&path, b"{}").unwrap();
        let error = detect(Origin::File(path), "a".into(), None).unwrap_err();
        assert!(matches!(error, Error::WrongKind { .. }));
        assert_eq!(
            compression_of(&zstd::encode_all(&b"x"[..], 1).unwrap(), Compression::None),
            Ok(Compression::Zstd)
        );
    }

    #[test]
    fn a_pipe_is_not_waited_for_after_a_line() {
        struct Slow(u8);
        impl Read for Slow {
            fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
                self.0 += 1;
                assert!(self.0 < 3, "read on after a line");
                let text = if self.0 == 1 { "{\"a\":" } else { "1}\n{" };
                buffer[..text.len()].copy_from_slice(text.as_bytes());
                Ok(text.len())
            }
        }
        let mut head = Vec::new();
        peek(&mut Slow(0), &mut head).unwrap();
        assert_eq!(head, b"{\"a\":1}\n{");
    }

    #[test]
    fn folders_patterns_and_twice() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        std::fs::create_dir_all(root.join("sub")).unwrap();
        std::fs::create_dir_all(root.join("empty")).unwrap();
        for name in [
            "b.csv",
            "a.ndjson.gz",
            "c.txt",
            ".d.csv",
            "sub/e.PARQUET",
            "x[1].csv",
        ] {
            std::fs::write(root.join(name), b"").unwrap();
        }
        let names = |paths: &[&str]| -> Result<Vec<String>, Error> {
            let paths: Vec<String> = paths
                .iter()
                .map(|path| match *path {
                    "-" => "-".to_owned(),
                    path => root.join(path).display().to_string(),
                })
                .collect();
            Ok(expand(&paths)?
                .into_iter()
                .map(|(_, name)| match Path::new(&name).strip_prefix(root) {
                    Ok(inner) => inner.display().to_string(),
                    Err(_) => name,
                })
                .collect())
        };
        assert_eq!(
            names(&[""]).unwrap(),
            ["a.ndjson.gz", "b.csv", "sub/e.PARQUET", "x[1].csv"]
        );
        assert_eq!(
            names(&["b.csv", "*.csv", "b.csv"]).unwrap(),
            ["b.csv", "x[1].csv"]
        );
        assert_eq!(names(&["x[1].csv"]).unwrap(), ["x[1].csv"]);
        // A file named outright is taken whatever its ending.
        assert_eq!(names(&["c.txt", "-", "-"]).unwrap(), ["c.txt", "stdin"]);
        assert!(matches!(names(&["none.csv"]), Err(Error::Open { .. })));
        assert!(matches!(names(&["*.none"]), Err(Error::NoMatch { .. })));
        assert!(matches!(names(&["empty"]), Err(Error::NoMatch { .. })));
        assert!(matches!(names(&["[.csv"]), Err(Error::Pattern { .. })));
    }
}
