//! A caller of the simulator for its own trial: plain HTTP, nothing of a connector.

use serde_json::Value;

use super::{
    GOOGLE_CLIENT_ID, GOOGLE_CLIENT_SECRET, GRAPH_CLIENT_ID, GRAPH_CLIENT_SECRET, Simulator,
    TENANT_ID,
};

/// A caller of HTTP that follows nothing by itself.
pub struct Caller {
    pub runtime: tokio::runtime::Runtime,
    pub http: reqwest::Client,
    pub bearer: Option<String>,
}

/// Status, headers, body (null where it is no JSON).
pub struct Answer(pub u16, pub reqwest::header::HeaderMap, pub Value);

impl Caller {
    pub fn new() -> Caller {
        Caller {
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap(),
            http: reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .unwrap(),
            bearer: None,
        }
    }

    pub fn send(&self, mut request: reqwest::RequestBuilder) -> reqwest::Result<Answer> {
        if let Some(bearer) = &self.bearer {
            request = request.bearer_auth(bearer);
        }
        self.runtime.block_on(async {
            let response = request.send().await?;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            let bytes = response.bytes().await?;
            let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
            Ok(Answer(status, headers, body))
        })
    }

    pub fn get(&self, url: &str) -> Answer {
        self.send(self.http.get(url)).unwrap()
    }

    pub fn get_immutable(&self, url: &str) -> Answer {
        let request = self
            .http
            .get(url)
            .header("Prefer", "IdType=\"ImmutableId\"");
        self.send(request).unwrap()
    }

    pub fn post(&self, url: &str, fields: &[(&str, &str)]) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let request = self
            .http
            .post(url)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body);
        self.send(request).unwrap()
    }
}

/// Google's administrator, by a refresh token.
pub fn admin(sim: &Simulator) -> Caller {
    let mut caller = Caller::new();
    let refresh = sim.google_refresh_token();
    let Answer(status, _, body) = caller.post(&sim.google_urls().token_url, &client(&refresh));
    assert_eq!(status, 200, "{body}");
    caller.bearer = Some(body["access_token"].as_str().unwrap().into());
    caller
}

pub fn client(refresh: &str) -> [(&str, &str); 4] {
    [
        ("grant_type", "refresh_token"),
        ("client_id", GOOGLE_CLIENT_ID),
        ("client_secret", GOOGLE_CLIENT_SECRET),
        ("refresh_token", refresh),
    ]
}

pub fn graph_form<'a>(client: &'a str, secret: &'a str, scope: &'a str) -> [(&'a str, &'a str); 4] {
    [
        ("grant_type", "client_credentials"),
        ("client_id", client),
        ("client_secret", secret),
        ("scope", scope),
    ]
}

pub const GRAPH_SCOPE: &str = "https://graph.microsoft.com/.default";

/// Graph's app.
pub fn app(sim: &Simulator) -> Caller {
    let mut caller = Caller::new();
    let url = format!("{}/{TENANT_ID}/oauth2/v2.0/token", sim.base());
    let form = graph_form(GRAPH_CLIENT_ID, GRAPH_CLIENT_SECRET, GRAPH_SCOPE);
    let Answer(status, _, body) = caller.post(&url, &form);
    assert_eq!(status, 200, "{body}");
    caller.bearer = Some(body["access_token"].as_str().unwrap().into());
    caller
}
