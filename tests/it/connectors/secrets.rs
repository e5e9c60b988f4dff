//! Nothing secret in anything that comes out: what the program says at its most talkative, and
//! every table of the lake.

use activlake::lake::{self, Scope, tables};
use datafusion::arrow::util::pretty::pretty_format_batches;
use futures::TryStreamExt;

use super::company::{Company, INSTANCE, SEAL_KEY};
use super::program;
use super::syncs::truth;
use crate::simulator::{
    Calls, Does, Endpoint, Fault, GOOGLE_CLIENT_SECRET, GRAPH_CLIENT_SECRET, Maker,
    SERVICE_ACCOUNT_KEY_JSON,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_and_no_private_title_comes_out() {
    let consented = Company::by_consent(truth()).await;
    let refresh = consented.sim.google_refresh_token();
    for company in [
        consented,
        Company::new(Maker::Google, truth()).await,
        Company::new(Maker::Graph, truth()).await,
    ] {
        let scratch = tempfile::tempdir().unwrap();
        let settings = program::settings(&company, scratch.path(), "");
        let lake = company.place.path().join("lake");
        let mut said = String::new();
        let mut say = |arguments: &[&str]| {
            let output = program::run(&settings, &lake, arguments);
            said.push_str(&String::from_utf8_lossy(&output.stdout));
            said.push_str(&String::from_utf8_lossy(&output.stderr));
            output.status
        };
        assert!(say(&["connector", "sync", "--json"]).success());
        for faults in [
            Does::Unauthorized,
            Does::CutJson,
            Does::Forbidden,
            Does::Broken(500, None),
        ] {
            for endpoint in [
                Endpoint::GoogleToken,
                Endpoint::GraphToken,
                Endpoint::Directory,
                Endpoint::Users,
                Endpoint::Events,
                Endpoint::CalendarView,
            ] {
                company
                    .sim
                    .fault(Fault::always(endpoint, faults.clone()).on(Calls::All));
            }
            say(&["connector", "sync", "--full"]);
            say(&["connector", "test", INSTANCE]);
            company.sim.no_more_faults();
        }
        company.sim.revoke_consent();
        say(&["connector", "sync"]);
        say(&["connector", "list", "--json"]);
        say(&["connector", "show", INSTANCE, "--people"]);
        say(&["connector", "show", INSTANCE, "--json"]);
        say(&["config", "show"]);
        assert!(said.len() > 10_000, "it said little: {said}");

        let mut held = String::new();
        for spec in tables::all() {
            let lake = &company.place.setup.lake;
            let snapshot = lake.snapshot(&spec).await.unwrap();
            let columns: Vec<String> = spec
                .scan_schema()
                .fields()
                .iter()
                .map(|field| field.name().clone())
                .collect();
            let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
            if snapshot.files.is_empty() {
                continue;
            }
            let batches: Vec<_> = lake::read(lake, &snapshot, Scope::default(), &columns)
                .await
                .unwrap()
                .try_collect()
                .await
                .unwrap();
            held.push_str(&pretty_format_batches(&batches).unwrap().to_string());
        }
        assert!(held.contains("Plan 3"), "the search finds nothing at all");

        let key: serde_json::Value = serde_json::from_str(SERVICE_ACCOUNT_KEY_JSON).unwrap();
        let private_key = key["private_key"].as_str().unwrap();
        let line_of_key = private_key.lines().nth(3).unwrap();
        let secrets = vec![
            refresh.clone(),
            SEAL_KEY.to_owned(),
            GOOGLE_CLIENT_SECRET.to_owned(),
            GRAPH_CLIENT_SECRET.to_owned(),
            line_of_key.to_owned(),
            "Doctor".to_owned(),
            // How the simulator's access tokens begin.
            "ya29.".to_owned(),
            "eyJ".to_owned(),
        ];
        for secret in secrets {
            assert!(secret.len() > 2, "no secret: {secret}");
            assert!(!said.contains(&secret), "said: {}", around(&said, &secret));
            assert!(!held.contains(&secret), "held: {}", around(&held, &secret));
        }
        // Nor whose calendar it is, outside of the report that was asked for.
        let log: Vec<&str> = said
            .lines()
            .filter(|line| line.contains("activlake::"))
            .collect();
        assert!(
            !log.iter().any(|line| line.contains("bob@example.com")),
            "{log:#?}"
        );
    }
}

fn around(text: &str, needle: &str) -> String {
    let at = text.find(needle).unwrap_or(0);
    text.chars()
        .skip(at.saturating_sub(200))
        .take(400)
        .collect()
}
