//! A lake of its own in a temporary folder, driven through the library as the commands do.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use activlake::clock::AsOf;
use activlake::config::shipped::Shipped;
use activlake::config::{self, Overrides, org};
use activlake::ingest::{self, Load, Progress, Summary};
use activlake::jobs::{self, Request, RunProgress, RunReport};
use activlake::lake::Lake;
use activlake::models::{Audience, Library, Reader, Setup, stored_org};
use activlake::sources;

pub struct Quiet;

impl Progress for Quiet {
    fn at(&self, _: usize, _: u64, _: u64) {}
}

impl RunProgress for Quiet {
    fn at(&self, _: &str, _: u64, _: u64) {}
}

pub struct Place {
    pub setup: Setup,
    folder: tempfile::TempDir,
}

impl Place {
    /// With the settings of a TOML file (if any), settings over it, and a fixed clock.
    pub fn new(toml: Option<&Path>, set: &[(&str, &str)], as_of: &str) -> Place {
        Place::with_models(toml, set, as_of, None)
    }

    /// The same with a folder of models over the built-in ones.
    pub fn with_models(
        toml: Option<&Path>,
        set: &[(&str, &str)],
        as_of: &str,
        models: Option<&Path>,
    ) -> Place {
        let folder = tempfile::tempdir().unwrap();
        let lake = folder.path().join("lake").display().to_string();
        let empty = folder.path().join("empty.toml");
        std::fs::write(&empty, "").unwrap();
        let mut values = vec![("lake.url".to_owned(), lake)];
        values.extend(set.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
        let overrides = Overrides {
            config: Some(toml.map_or(empty, Path::to_path_buf)),
            values,
        };
        let (settings, _) =
            config::load(&overrides, std::iter::empty(), folder.path(), None).unwrap();
        let setup = Setup::new(
            Lake::open(&settings.lake, folder.path()).unwrap(),
            Arc::new(settings),
            Arc::new(Shipped::load(None).unwrap()),
            Arc::new(Library::load(models).unwrap()),
            Some(AsOf::parse(as_of).unwrap()),
        )
        .unwrap();
        Place { setup, folder }
    }

    /// The settings of another place over another lake.
    pub fn over(other: &Place, lake: Lake) -> Place {
        let setup = Setup::new(
            lake,
            Arc::clone(&other.setup.settings),
            Arc::clone(&other.setup.shipped),
            Arc::clone(&other.setup.library),
            Some(other.setup.as_of),
        )
        .unwrap();
        Place {
            setup,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub async fn apply_org(&self, dir: &Path) {
        let files = org::read_folder(dir).unwrap();
        let checked = jobs::check_org(&self.setup, &files)
            .await
            .unwrap()
            .unwrap_or_else(|problems| panic!("{problems:?}"));
        jobs::apply_org(&self.setup, &checked).await.unwrap();
    }

    pub async fn ingest(&self, paths: &[PathBuf]) -> Summary {
        ingest_into(&self.setup, paths).await
    }

    /// Loads text as a file of this name.
    pub async fn ingest_text(&self, name: &str, text: &str) -> Summary {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        self.ingest(&[path]).await
    }

    pub async fn run(&self) -> RunReport {
        jobs::run(&self.setup, &Request::default(), &Quiet)
            .await
            .unwrap_or_else(|error| panic!("{error}"))
    }

    pub async fn reader(&self) -> Reader {
        Reader::open(self.setup.clone(), Audience::Operator)
            .await
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// A query's result as CSV.
    pub async fn csv(&self, sql: &str) -> String {
        csv(&self.reader().await, sql).await
    }

    /// Every view of the reader as CSV, ordered by all its columns: (name, text).
    pub async fn all_views(&self) -> Vec<(String, String)> {
        Place::views_of(&self.reader().await).await
    }

    /// A reader as a server has it.
    pub async fn server(&self) -> Reader {
        Reader::open(self.setup.clone(), Audience::Public)
            .await
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// The same of any reader.
    pub async fn views_of(reader: &Reader) -> Vec<(String, String)> {
        let mut out = Vec::new();
        for view in reader.views() {
            // Loads have an id of their own each time, and no case has a connector.
            if ["loads", "rejects", "connectors"].contains(&view.name.as_str()) {
                continue;
            }
            let order: Vec<String> = (1..=view.columns.len())
                .filter(|index| !view.columns[index - 1].field.data_type().is_nested())
                .map(|index| index.to_string())
                .collect();
            let sql = format!("select * from {} order by {}", view.name, order.join(", "));
            out.push((view.name.clone(), csv(reader, &sql).await));
        }
        out
    }
}

pub async fn ingest_into(setup: &Setup, paths: &[PathBuf]) -> Summary {
    let names: Vec<String> = paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let inputs = sources::expand(&names)
        .unwrap()
        .into_iter()
        .map(|(origin, name)| sources::detect(origin, name, None).unwrap())
        .collect();
    let org = stored_org::latest(setup).await.unwrap().org;
    ingest::load(
        Load {
            lake: setup.lake.clone(),
            settings: Arc::clone(&setup.settings),
            shipped: Arc::clone(&setup.shipped),
            org: Arc::new(org),
            as_of: setup.as_of,
            inputs,
        },
        Arc::new(Quiet),
    )
    .await
    .unwrap_or_else(|error| panic!("{error}"))
}

pub async fn csv(reader: &Reader, sql: &str) -> String {
    let statement = reader
        .prepare(sql)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
    let stream = statement.execute().await.unwrap();
    let mut out = Vec::new();
    activlake::cli::format::write(
        activlake::cli::format::Format::Csv,
        statement.schema(),
        stream,
        &mut out,
    )
    .await
    .unwrap_or_else(|error| panic!("{sql}: {error}"));
    String::from_utf8(out).unwrap()
}

/// The repository's own folder.
pub fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

/// Copies the description of a built-in step into a folder of models whose SQL reads nothing stored.
pub fn copy_description(name: &str, folder: &Path) {
    let file = format!("{name}.toml");
    let text = std::fs::read_to_string(repository().join("sql/intermediate").join(&file)).unwrap();
    let kept: String = text
        .lines()
        .filter(|line| !line.starts_with("reads_days"))
        .map(|line| format!("{line}\n"))
        .collect();
    std::fs::write(folder.join(file), kept).unwrap();
}
