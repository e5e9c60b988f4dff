//! `activlake connector` from the set-up of an instance to its end, as somebody types it.

use std::path::Path;

use super::company::{AS_OF, Company, secret};
use super::program;
use super::syncs::truth;
use crate::simulator::{
    Does, Endpoint, Fault, GRAPH_CLIENT_ID, GRAPH_CLIENT_SECRET, Maker, TENANT_ID,
};

struct Typed<'a> {
    settings: &'a Path,
    lake: &'a Path,
}

impl Typed<'_> {
    /// What a command says on stdout and stderr, and its exit code.
    fn says(&self, line: &str) -> (String, i32) {
        let arguments: Vec<&str> = line.split(' ').collect();
        let output = program::quiet(self.settings, self.lake, &arguments);
        let text = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        println!("$ activlake {line}\n{text}");
        (text, output.status.code().unwrap_or(-1))
    }

    fn fine(&self, line: &str) -> String {
        let (text, code) = self.says(line);
        assert_eq!(code, 0, "{line}: {text}");
        text
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_from_its_first_day_to_its_last() {
    let company = Company::new(Maker::Graph, truth()).await;
    let scratch = tempfile::tempdir().unwrap();
    let settings = scratch.path().join("activlake.toml");
    std::fs::write(&settings, "# Ours.\n[account]\nname = \"Example\"\n").unwrap();
    let lake = company.place.path().join("lake");
    let typed = Typed {
        settings: &settings,
        lake: &lake,
    };
    let right = secret(scratch.path(), "right", GRAPH_CLIENT_SECRET);
    let id_for_value = secret(scratch.path(), "id", "0f0e0d0c-1111-2222-3333-444455556666");

    let said = typed.fine(&format!(
        "connector add outlook --name acme --tenant-id {TENANT_ID} --client-id {GRAPH_CLIENT_ID} --client-secret-file {} --secret-expires 2026-03-20",
        id_for_value.display()
    ));
    assert!(said.contains("added acme"), "{said}");
    let text = std::fs::read_to_string(&settings).unwrap();
    assert!(
        text.starts_with("# Ours.\n[account]\nname = \"Example\"\n"),
        "{text}"
    );
    let urls = company.sim.graph_urls();
    std::fs::write(
        &settings,
        format!(
            "{text}login_url = '{}'\ngraph_url = '{}'\ntries = 2\nfirst_pause_ms = 1\n",
            urls.login_url, urls.graph_url
        ),
    )
    .unwrap();
    let (said, code) = typed.says(&format!(
        "connector add ics --name acme --calendars {}",
        settings.display()
    ));
    assert!(
        code == 2 && said.contains("acme"),
        "a name is taken: {said}"
    );

    // The id of the secret was pasted for its value.
    let (said, code) = typed.says("connector test acme");
    assert_ne!(code, 0);
    assert!(said.contains("Value"), "{said}");
    let (said, code) = typed.says("connector sync");
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("connector rotate acme"), "{said}");
    let said = typed.fine("connector list");
    assert!(said.contains("needs attention"), "{said}");
    assert!(said.contains("2026-03-20"), "it warns of the end: {said}");
    // It is not tried again and again.
    company.sim.reset_requests();
    typed.fine("connector sync --due");
    assert!(company.sim.requests().is_empty());

    typed.fine(&format!(
        "connector rotate acme --client-secret-file {} --secret-expires 2027-12-31",
        right.display()
    ));
    let said = typed.fine("connector sync --due");
    assert!(said.contains("3 read"), "{said}");
    let said = typed.fine("connector list --json");
    let rows: serde_json::Value = serde_json::from_str(said.trim()).unwrap();
    assert_eq!(rows[0]["state"], "ok", "{rows}");
    assert_eq!(rows[0]["added"], 21, "{rows}");
    let said = typed.fine("connector show acme --people");
    assert!(
        said.contains("ann") && !said.contains(GRAPH_CLIENT_SECRET),
        "{said}"
    );
    let said = typed.fine("connector test acme --people");
    assert!(said.contains("3 are tracked users"), "{said}");

    company
        .sim
        .fault(Fault::always(Endpoint::CalendarView, Does::NotFound).of("bob"));
    let (said, code) = typed.says("connector sync acme");
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("1 failed"), "{said}");
    let said = typed.fine(
        "sql --format csv -c select|instance,state,matched,read,failed,lag_seconds|from|connectors",
    );
    assert!(said.contains("acme,partial,3,2,1,0"), "{said}");
    let (said, code) = typed.says("connector sync nobody");
    assert!(code == 2 && said.contains("acme"), "{said}");

    let said = typed.fine("connector remove acme --yes");
    assert!(said.contains("stored"), "{said}");
    let left = std::fs::read_to_string(&settings).unwrap();
    assert!(!left.contains("integration"), "{left}");
    assert!(left.starts_with("# Ours.\n[account]"), "{left}");
    let said = typed.fine("connector list");
    assert!(!said.contains("acme"), "{said}");
    assert!(AS_OF.starts_with("2026-03-05"));
}
