//! The settings file in force: read, checked as a whole after a change, and replaced at once.
//!
//! A change is written only when the new text loads, and says of the instances exactly what was
//! meant. Never: a file half written, or with wider rights than it had.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::config::integration::Integration;
use crate::config::{self, Overrides, TEMPLATE};
use crate::error::{Class, Error, Result};

/// The name of a settings file that is not there yet.
const NEW: &str = "activlake.toml";

/// The settings file and its text.
pub struct SettingsFile {
    /// As it is shown.
    path: PathBuf,
    /// Where relative paths start at.
    folder: PathBuf,
    /// The folder of the process.
    here: PathBuf,
    /// Empty settings as `init` writes them, when there is no file yet.
    text: String,
    is_new: bool,
}

impl SettingsFile {
    /// The file that was read, or the one that `init` would write in the folder `here`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn open(read: Option<&Path>, here: &Path) -> Result<SettingsFile> {
        let path = read.map_or_else(|| PathBuf::from(NEW), Path::to_path_buf);
        let text = match read {
            Some(_) => std::fs::read_to_string(here.join(&path)).map_err(failed(&path))?,
            None => TEMPLATE.to_owned(),
        };
        let folder = path
            .parent()
            .map_or_else(|| here.to_path_buf(), |folder| here.join(folder));
        Ok(SettingsFile {
            path,
            folder,
            here: here.to_path_buf(),
            text,
            is_new: read.is_none(),
        })
    }

    /// As messages name it.
    pub fn shown(&self) -> String {
        self.path.display().to_string()
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// A path that was given from the working folder, as the file must name it: its own relative
    /// paths start at its folder.
    pub fn path_from_here(&self, path: &Path) -> PathBuf {
        if path.is_absolute() || self.folder == self.here {
            path.to_path_buf()
        } else {
            self.here.join(path)
        }
    }

    /// Checks the new text and puts it in place: `meant` gets the instances that it says and answers
    /// whether they are the ones that were meant.
    ///
    /// # Errors
    /// When the new text has a problem or says something else (then nothing is written), and when
    /// the file cannot be written.
    pub fn replace(
        &self,
        text: &str,
        overrides: &Overrides,
        env: impl Iterator<Item = (String, String)>,
        meant: impl Fn(&[Integration]) -> bool,
    ) -> Result<()> {
        let (settings, _) = config::load_as(&self.path, text, overrides, env, &self.here)?;
        if !meant(&settings.integrations) {
            return Err(Error::new(
                Class::Config,
                format!(
                    "{}: this change cannot be made safely and must be made by hand; nothing was \
                     changed",
                    self.shown()
                ),
            ));
        }
        self.write(text).map_err(failed(&self.path))
    }

    /// Beside the file, to the disk, then in its place; a link stays one.
    fn write(&self, text: &str) -> std::io::Result<()> {
        let asked = self.here.join(&self.path);
        let target = if self.is_new {
            // Somebody else's file is not replaced.
            if asked.exists() {
                return Err(std::io::Error::new(
                    std::io::ErrorKind::AlreadyExists,
                    "it was written by somebody else meanwhile; try again",
                ));
            }
            asked
        } else {
            asked.canonicalize()?
        };
        if !self.is_new && std::fs::read_to_string(&target)? != self.text {
            return Err(std::io::Error::other(
                "it was changed by somebody else meanwhile; try again",
            ));
        }
        let beside = target.with_file_name(format!(".{NEW}.{:016x}", crate::clock::nonce()));
        let written = (|| {
            let mut file: File = OpenOptions::new()
                .write(true)
                .create_new(true)
                .open(&beside)?;
            if !self.is_new {
                file.set_permissions(std::fs::metadata(&target)?.permissions())?;
            }
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&beside, &target)
        })();
        if written.is_err() {
            let _ = std::fs::remove_file(&beside);
        }
        written
    }
}

fn failed(path: &Path) -> impl Fn(std::io::Error) -> Error {
    move |cause| Error::new(Class::Config, format!("{}: {cause}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::super::edit::{self, Field};
    use super::*;

    fn add(file: &SettingsFile, name: &str) -> Result<()> {
        let fields = [
            ("type", Field::Text("ics".into())),
            ("name", Field::Text(name.into())),
            ("calendars", Field::Text("feeds.csv".into())),
        ];
        let text = edit::append(file.text(), &fields);
        let none = std::iter::empty();
        file.replace(&text, &Overrides::default(), none, |all| {
            all.last().is_some_and(|last| last.name == name)
        })
    }

    #[test]
    fn a_file_is_made_then_changed_with_the_rights_it_has() {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path();
        let file = SettingsFile::open(None, here).unwrap();
        add(&file, "one").unwrap();
        // It is there now: what believes it is new does not replace it.
        assert!(add(&file, "two").is_err());
        let path = here.join(NEW);
        let first = std::fs::read_to_string(&path).unwrap();
        assert!(first.starts_with(TEMPLATE));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let rights = std::fs::Permissions::from_mode(0o640);
            std::fs::set_permissions(&path, rights).unwrap();
            std::os::unix::fs::symlink(&path, here.join("link.toml")).unwrap();
            let link = SettingsFile::open(Some(Path::new("link.toml")), here).unwrap();
            add(&link, "two").unwrap();
            assert!(here.join("link.toml").is_symlink());
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o640);
            assert!(std::fs::read_to_string(&path).unwrap().contains("\"two\""));
            // Changed since it was opened.
            assert!(add(&link, "three").is_err());
        }
        let files: Vec<_> = std::fs::read_dir(here).unwrap().collect();
        assert!(files.len() <= 2, "{files:?}");
    }

    #[test]
    fn nothing_is_written_that_is_wrong_or_means_something_else() {
        let folder = tempfile::tempdir().unwrap();
        let file = SettingsFile::open(None, folder.path()).unwrap();
        assert!(add(&file, "Bad Name").is_err());
        let none = std::iter::empty();
        let text = file.text().to_owned();
        assert!(
            file.replace(&text, &Overrides::default(), none, |all| !all.is_empty())
                .is_err()
        );
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn paths_are_named_as_the_file_takes_them() {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path();
        std::fs::create_dir(here.join("etc")).unwrap();
        std::fs::write(here.join("etc/a.toml"), "").unwrap();
        let beside = SettingsFile::open(None, here).unwrap();
        let key = Path::new("key.json");
        assert_eq!(beside.path_from_here(key), key);
        let below = SettingsFile::open(Some(Path::new("etc/a.toml")), here).unwrap();
        assert_eq!(below.path_from_here(key), here.join(key));
    }
}
