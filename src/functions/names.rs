//! Names of programs and sites: `application_name(executable, base)` and
//! `consolidated_name(site, website, executable)` by the shipped and the organisation's tables
//! (`semantics.md` §3). Names compare without case; the table's spelling is shown.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringBuilder};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::exec_err;
use datafusion::logical_expr::ScalarUDF;

use super::documentation::{ORGANISATION, page};
use super::{Arguments, scalar};

/// The name tables; keys are lower case.
#[derive(Clone, Debug, Default)]
pub struct Names {
    pub applications: HashMap<String, String>,
    pub consolidated_executables: HashMap<String, String>,
    pub consolidated_sites: HashMap<String, String>,
    pub consolidated_websites: HashMap<String, String>,
}

impl Names {
    /// The table's name of a program, else its base name; nothing without a program.
    pub fn application<'a>(
        &'a self,
        executable: Option<&str>,
        base: Option<&'a str>,
    ) -> Option<&'a str> {
        let executable = executable?;
        self.applications
            .get(&executable.to_lowercase())
            .map(String::as_str)
            .or(base)
    }

    /// For web activity the site's row, else the website's; otherwise the program's.
    pub fn consolidated(
        &self,
        site: Option<&str>,
        website: Option<&str>,
        executable: Option<&str>,
    ) -> Option<&str> {
        match site {
            Some(site) => self
                .consolidated_sites
                .get(site)
                .or_else(|| self.consolidated_websites.get(website?)),
            None => self
                .consolidated_executables
                .get(&executable?.to_lowercase()),
        }
        .map(String::as_str)
    }
}

/// The SQL function `application_name`.
pub fn application_name(names: Arc<Names>) -> ScalarUDF {
    scalar(
        "application_name",
        page(
            ORGANISATION,
            "application_name(executable, base)",
            "Name of a program by the tables of names, else the base name; NULL without a \
             program. Programs compare without case, the table's spelling is shown.",
            &[
                ("executable", "base name of the program as reported"),
                (
                    "base",
                    "the name where no table has one, such as the executable without `.exe`",
                ),
            ],
            "select application_name('EXCEL.EXE', 'EXCEL') as known,\n  \
             application_name('ledger9.exe', 'ledger9') as unknown",
        ),
        Arguments::Exactly(vec![DataType::Utf8, DataType::Utf8]),
        DataType::Utf8,
        move |args| {
            let [executables, bases] = args else {
                return exec_err!("application_name takes an executable and its base name");
            };
            let (executables, bases) = (executables.as_string::<i32>(), bases.as_string::<i32>());
            let mut out = StringBuilder::new();
            // Few distinct programs stand in a batch.
            let mut known: foldhash::HashMap<_, _> = foldhash::HashMap::default();
            for (executable, base) in executables.iter().zip(bases) {
                let name = known
                    .entry((executable, base))
                    .or_insert_with(|| names.application(executable, base));
                out.append_option(*name);
            }
            Ok(Arc::new(out.finish()) as ArrayRef)
        },
    )
}

/// The SQL function `consolidated_name`.
pub fn consolidated_name(names: Arc<Names>) -> ScalarUDF {
    scalar(
        "consolidated_name",
        page(
            ORGANISATION,
            "consolidated_name(site, website, executable)",
            "One name for a product that is used as a program and as a site. For web \
             activity the site's, else the website's; otherwise the program's; NULL where \
             the tables have none.",
            &[
                (
                    "site",
                    "host without `www.`, lower case; NULL for what is not web activity",
                ),
                ("website", "registrable domain of the site, lower case"),
                (
                    "executable",
                    "base name of the program as reported, in any case",
                ),
            ],
            "select consolidated_name('nowhere.example', 'nowhere.example', 'chrome.exe') as unknown_site,\n  \
             consolidated_name(NULL, NULL, 'EXCEL.EXE') as program",
        ),
        Arguments::Exactly(vec![DataType::Utf8, DataType::Utf8, DataType::Utf8]),
        DataType::Utf8,
        move |args| {
            let [sites, websites, executables] = args else {
                return exec_err!("consolidated_name takes a site, a website and an executable");
            };
            let texts = [sites, websites, executables].map(|array| array.as_string::<i32>());
            let mut out = StringBuilder::new();
            let mut known: foldhash::HashMap<_, _> = foldhash::HashMap::default();
            for row in 0..sites.len() {
                let key = texts.map(|array| array.is_valid(row).then(|| array.value(row)));
                let name = known.entry(key).or_insert_with(|| {
                    let [site, website, executable] = key;
                    names.consolidated(site, website, executable)
                });
                out.append_option(*name);
            }
            Ok(Arc::new(out.finish()) as ArrayRef)
        },
    )
}

/// The name without one trailing `.exe` or `.app`, in any case.
pub fn application_base(executable: &str) -> &str {
    let cut = executable.len().saturating_sub(4);
    match executable.get(cut..) {
        Some(tail)
            if cut > 0
                && (tail.eq_ignore_ascii_case(".exe") || tail.eq_ignore_ascii_case(".app")) =>
        {
            &executable[..cut]
        }
        _ => executable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_win_over_base_names() {
        let one = |key: &str, name: &str| HashMap::from([(key.to_owned(), name.to_owned())]);
        let names = Names {
            applications: one("excel.exe", "Microsoft Excel"),
            consolidated_executables: one("excel.exe", "Excel"),
            consolidated_sites: one("a.example.com", "A"),
            consolidated_websites: one("example.com", "Example"),
        };
        assert_eq!(
            names.application(Some("EXCEL.EXE"), Some("EXCEL")),
            Some("Microsoft Excel")
        );
        assert_eq!(names.application(Some("x.exe"), Some("x")), Some("x"));
        assert_eq!(names.application(None, None), None);
        assert_eq!(
            names.consolidated(None, None, Some("Excel.exe")),
            Some("Excel")
        );
        let web = |site| names.consolidated(Some(site), Some("example.com"), Some("excel.exe"));
        assert_eq!(web("a.example.com"), Some("A"));
        assert_eq!(web("b.example.com"), Some("Example"));
        assert_eq!(
            names.consolidated(Some("x.org"), Some("x.org"), Some("excel.exe")),
            None
        );
    }

    #[test]
    fn cuts_one_suffix() {
        assert_eq!(application_base("Slack.exe"), "Slack");
        assert_eq!(application_base("EXCEL.EXE"), "EXCEL");
        assert_eq!(application_base("Mail.app"), "Mail");
        assert_eq!(application_base("a.exe.exe"), "a.exe");
        assert_eq!(application_base(".exe"), ".exe");
        assert_eq!(application_base("code"), "code");
        assert_eq!(application_base("é.exe"), "é");
    }
}
