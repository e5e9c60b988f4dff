//! Where the bytes lie: a local path or an object store, opened once. Every store call of the
//! program goes through the store opened here.

use std::collections::HashMap;
use std::path::Path as FilePath;
use std::sync::{Arc, OnceLock};

use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::RuntimeEnv;
use deltalake_core::logstore::{
    LogStore, LogStoreFactory, LogStoreRef, ObjectStoreFactory, ObjectStoreRef, StorageConfig,
    default_logstore, logstore_factories, logstore_for, object_store_factories,
};
use deltalake_core::{DeltaResult, DeltaTableError};
use object_store::path::Path;
use tokio::sync::Semaphore;
use url::Url;

use super::{Error, TableSpec};
use crate::config;

/// The lake: a root location under which each table has a folder. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Lake {
    root: Url,
    options: HashMap<String, String>,
    store: ObjectStoreRef,
    /// The root's path inside the store.
    prefix: Path,
    /// Turns at reading logs, see [`LOGS_AT_ONCE`].
    pub(super) turns: Arc<Semaphore>,
}

/// Logs that are read at once. Whoever reads one sits on one of the runtime's blocking threads and waits
/// there for reads that need such a thread, too: were all of them taken, nobody would ever go on.
const LOGS_AT_ONCE: usize = 4;

impl Lake {
    /// Opens (not creates: tables appear with their first commit) the lake of the settings.
    /// Relative paths count from `cwd`.
    ///
    /// # Errors
    /// [`Error::Url`] for a scheme that is not a path, `file`, `s3`, `gs`, `az` or `abfs`;
    /// [`Error::Option`] when a secret's reference does not resolve.
    pub fn open(settings: &config::Lake, cwd: &FilePath) -> Result<Lake, Error> {
        register_cloud_schemes();
        let root = root_url(&settings.url, cwd)?;
        let mut options: HashMap<String, String> = settings.options.clone().into_iter().collect();
        for (name, reference) in &settings.secrets {
            let secret = reference.read().map_err(|cause| Error::Option {
                name: name.clone(),
                cause: cause.to_string(),
            })?;
            options.insert(name.clone(), secret.expose().to_owned());
        }
        // A folder appears with the first commit; a file in its place never gives way.
        if root.scheme() == "file"
            && let Ok(path) = root.to_file_path()
            && path.exists()
            && !path.is_dir()
        {
            return Err(Error::Url {
                url: settings.url.clone(),
                cause: "it is a file, not a folder".into(),
            });
        }
        let url_error = |cause: String| Error::Url {
            url: settings.url.clone(),
            cause,
        };
        let (store, prefix) = object_store::parse_url_opts(&root, &options)
            .map_err(|cause| url_error(cause.to_string()))?;
        Ok(Lake {
            root,
            options,
            store: Arc::from(store),
            prefix,
            turns: Arc::new(Semaphore::new(LOGS_AT_ONCE)),
        })
    }

    /// The lake's location, for messages.
    pub fn location(&self) -> String {
        match self.root.to_file_path() {
            Ok(path) => path.display().to_string(),
            Err(()) => self.root.to_string(),
        }
    }

    /// Makes the lake's files readable for plans that run in `runtime`.
    pub fn register(&self, runtime: &RuntimeEnv) {
        let url = self.store_url();
        let base: &Url = url.as_ref();
        runtime.register_object_store(base, Arc::clone(&self.store));
    }

    pub(super) fn store_url(&self) -> ObjectStoreUrl {
        let base = &self.root[..url::Position::BeforePath];
        ObjectStoreUrl::parse(base).unwrap_or_else(|_| ObjectStoreUrl::local_filesystem())
    }

    pub(super) fn store(&self) -> &ObjectStoreRef {
        &self.store
    }

    /// Path of a table's file inside the store.
    pub(super) fn path(&self, spec: &TableSpec, file: &str) -> Path {
        let mut path = self.prefix.clone();
        for part in spec.name.split('/').chain(file.split('/')) {
            path = path.join(part);
        }
        path
    }

    pub(super) fn log_store(&self, spec: &TableSpec) -> Result<LogStoreRef, Error> {
        let failed = |cause: String| Error::Store {
            table: spec.name.clone(),
            action: "open it",
            cause,
        };
        let url = self
            .root
            .join(&format!("{}/", spec.name))
            .map_err(|cause| failed(cause.to_string()))?;
        let config = StorageConfig::parse_options(self.options.clone())
            .map_err(|cause| failed(cause.to_string()))?;
        logstore_for(&url, config).map_err(|cause| failed(cause.to_string()))
    }
}

/// A path or URL as typed → a URL that ends in `/`.
fn root_url(typed: &str, cwd: &FilePath) -> Result<Url, Error> {
    let failed = |cause: &str| Error::Url {
        url: typed.to_owned(),
        cause: cause.to_owned(),
    };
    if let Some((scheme, _)) = typed.split_once("://") {
        if !["file", "s3", "s3a", "gs", "az", "abfs", "abfss"].contains(&scheme) {
            return Err(failed("unknown scheme; give a path, s3://, gs:// or az://"));
        }
        let text = if typed.ends_with('/') {
            typed.to_owned()
        } else {
            format!("{typed}/")
        };
        return Url::parse(&text).map_err(|cause| failed(&cause.to_string()));
    }
    let path = cwd.join(typed);
    Url::from_directory_path(std::path::absolute(&path).unwrap_or(path))
        .map_err(|()| failed("not a usable path"))
}

/// Delta's own registry knows only local files until its cloud crates are linked in; those bring a
/// vendor SDK each. The stores behind these schemes all have a conditional put, which is all that
/// a commit needs, so the plain store serves.
fn register_cloud_schemes() {
    static DONE: OnceLock<()> = OnceLock::new();
    DONE.get_or_init(|| {
        let factory = Arc::new(CloudFactory);
        for scheme in ["s3", "s3a", "gs", "az", "abfs", "abfss"] {
            if let Ok(url) = Url::parse(&format!("{scheme}://")) {
                object_store_factories().insert(url.clone(), factory.clone());
                logstore_factories().insert(url, factory.clone());
            }
        }
    });
}

struct CloudFactory;

impl ObjectStoreFactory for CloudFactory {
    fn parse_url_opts(
        &self,
        url: &Url,
        config: &StorageConfig,
    ) -> DeltaResult<(ObjectStoreRef, Path)> {
        let (store, path) =
            object_store::parse_url_opts(url, &config.raw).map_err(DeltaTableError::from)?;
        Ok((Arc::from(store), path))
    }
}

impl LogStoreFactory for CloudFactory {
    fn with_options(
        &self,
        prefixed_store: ObjectStoreRef,
        root_store: ObjectStoreRef,
        location: &Url,
        options: &StorageConfig,
    ) -> DeltaResult<Arc<dyn LogStore>> {
        Ok(default_logstore(
            prefixed_store,
            root_store,
            location,
            options,
        ))
    }
}
