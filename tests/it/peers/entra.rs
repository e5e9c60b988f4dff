//! A token for Graph from `emulate`'s Microsoft, whose token endpoint is where its discovery says
//! and not where Microsoft's is.

use std::path::Path;
use std::sync::Arc;

use activlake::config::SecretRef;
use activlake::config::integration::{Outlook, Sync};
use activlake::connectors::outlook::OutlookCalendars;
use activlake::connectors::{Calendars, Failure, FailureKind, Http};
use activlake::zone::ZoneNames;
use serde_json::{Value, json};
use url::Url;

use super::listener::Listener;
use super::server::{EMULATE, Node, Server, base, browser, free_port, node};
use super::{at, bounds, secret, tells_none_of};
use crate::place::block_on;
use crate::simulator::{GRAPH_CLIENT_ID, GRAPH_CLIENT_SECRET, TENANT_ID};

/// What stands in for Graph's list of users.
const USERS: &str = r#"{"value": [{
    "id": "1", "userPrincipalName": "ann@example.com", "mail": "ann@example.com"}]}"#;

fn emulate(node: &Node, port: u16) -> Server {
    let folder = tempfile::tempdir().unwrap();
    let seed = json!({"microsoft": {
        "users": [{"email": "first@example.com", "name": "First"}],
        "oauth_clients": [{
            "client_id": GRAPH_CLIENT_ID, "client_secret": GRAPH_CLIENT_SECRET,
            "name": "activlake", "redirect_uris": ["http://127.0.0.1:1/"],
            "tenant_id": TENANT_ID,
        }],
    }});
    std::fs::write(folder.path().join("seed.json"), seed.to_string()).unwrap();
    let mut command = node.script("dist/index.js");
    command
        .args(["start", "--service", "microsoft", "--seed", "seed.json"])
        .args(["--port", &port.to_string()])
        .args(["--base-url", base(port).as_str().trim_end_matches('/')]);
    Server::start(port, folder, command)
}

async fn json_of(request: reqwest::RequestBuilder) -> Value {
    let text = request.send().await.unwrap().text().await.unwrap();
    serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}"))
}

fn settings(login: &Url, token_url: Option<Url>, graph: &Url, secret: SecretRef) -> Outlook {
    Outlook {
        tenant_id: TENANT_ID.into(),
        client_id: GRAPH_CLIENT_ID.into(),
        client_secret: secret,
        secret_expires: None,
        login_url: login.clone(),
        token_url,
        graph_url: at(graph, "v1.0"),
    }
}

/// The directory by these settings: how many are in it, and the calls made.
async fn directory(outlook: &Outlook, times: usize) -> (Result<usize, Failure>, u64) {
    let http = Arc::new(Http::new(bounds(), &OutlookCalendars::bases(outlook)).unwrap());
    let zones = ZoneNames::default();
    let sync = Sync::default();
    let calendars = OutlookCalendars::new(outlook, &sync, zones, http.clone()).unwrap();
    let mut last = Ok(0);
    for _ in 0..times {
        let mut people = 0;
        let read = calendars.directory(&mut |_| people += 1).await;
        last = read.map(|()| people);
    }
    (last, http.meter().requests())
}

#[test]
fn emulate_gives_a_token_for_graph() {
    let test = "emulate_gives_a_token_for_graph";
    let Some(node) = node(EMULATE, test) else {
        return;
    };
    block_on(async {
        let port = free_port();
        let login = base(port);
        let _server = emulate(&node, port);
        let graph = Listener::start(USERS).await;
        let folder = tempfile::tempdir().unwrap();
        let right = |folder: &Path| secret(folder, "right", GRAPH_CLIENT_SECRET);
        let discovery = format!("{TENANT_ID}/v2.0/.well-known/openid-configuration");
        let known = json_of(browser().get(at(&login, &discovery))).await;
        let endpoint = known["token_endpoint"].as_str().unwrap();
        let endpoint = Url::parse(endpoint).unwrap();

        let outlook = settings(
            &login,
            Some(endpoint.clone()),
            &graph.base,
            right(folder.path()),
        );
        let (found, calls) = directory(&outlook, 2).await;
        assert_eq!(found, Ok(1));
        // One token, two listings.
        assert_eq!((calls, graph.asked().len()), (3, 2));
        let asked = &graph.asked()[0];
        assert!(asked.line.starts_with("GET /v1.0/users?"), "{}", asked.line);
        let bearer = asked.authorization.as_deref().unwrap();
        let bearer = bearer.strip_prefix("Bearer ").unwrap();
        // A token it does not know is the first user's; an application's is no user's.
        let me = |token: &str| browser().get(at(&login, "v1.0/me")).bearer_auth(token);
        let unknown = json_of(me("made-up")).await;
        assert_eq!(unknown["userPrincipalName"], "first@example.com");
        let ours = json_of(me(bearer)).await;
        assert_eq!(ours["error"]["code"], "Request_ResourceNotFound", "{ours}");

        let wrong = secret(folder.path(), "wrong", "not-it");
        let outlook = settings(&login, Some(endpoint), &graph.base, wrong);
        let (failed, calls) = directory(&outlook, 3).await;
        let failure = failed.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Auth, "{failure}");
        tells_none_of(&failure, &["not-it"]);
        assert_eq!(calls, 1);

        // Where Microsoft's endpoint is, this server has none: a setting is wrong, nobody's secret.
        let outlook = settings(&login, None, &graph.base, right(folder.path()));
        let failure = directory(&outlook, 1).await.0.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Config, "{failure}");
        assert!(failure.message.contains("token_url"), "{failure}");
        assert_eq!(graph.asked().len(), 2);
    });
}
