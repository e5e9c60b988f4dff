//! Microsoft's token endpoint, for an app of its own right.
//!
//! Refusals carry `error`, `error_description` beginning with an AADSTS number, `error_codes`:
//! https://learn.microsoft.com/entra/identity-platform/reference-error-codes

use jsonwebtoken::{EncodingKey, Header};
use serde_json::json;

use super::keys::{GRAPH_CLIENT_ID, GRAPH_CLIENT_SECRET, TENANT_ID};
use super::oauth::Access;
use super::reply::Reply;
use super::server::{Request, State};

fn refused(status: u16, error: &str, code: u32, text: &str) -> Reply {
    const ID: &str = "00000000-0000-4000-8000-000000000002";
    Reply::json(
        status,
        json!({
            "error": error,
            "error_description": format!(
                "AADSTS{code}: {text} Trace ID: {ID} Correlation ID: {ID} \
                 Timestamp: 2026-03-02 09:00:00Z"
            ),
            "error_codes": [code],
            "timestamp": "2026-03-02 09:00:00Z",
            "trace_id": ID,
            "correlation_id": ID,
            "error_uri": format!("https://login.microsoftonline.com/error?code={code}"),
        }),
    )
}

/// `POST /{tenant}/oauth2/v2.0/token`, `grant_type=client_credentials`:
/// https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
pub(super) fn token(state: &mut State, request: &Request, tenant: &str) -> Reply {
    if !request.is_form() {
        return refused(
            400,
            "invalid_request",
            900_144,
            "The request body must contain the following parameter: 'grant_type'.",
        );
    }
    // "Tenant must be the real tenant, not common."
    if tenant != TENANT_ID && tenant != state.truth.domain {
        return refused(
            400,
            "invalid_request",
            90_002,
            &format!("Tenant '{tenant}' not found."),
        );
    }
    if request.field("grant_type") != Some("client_credentials") {
        return refused(
            400,
            "unsupported_grant_type",
            70_003,
            "The app requested an unsupported grant type.",
        );
    }
    if request.field("client_id") != Some(GRAPH_CLIENT_ID) {
        return refused(
            400,
            "unauthorized_client",
            700_016,
            "Application was not found in the directory.",
        );
    }
    // Scope: https://docs.azure.cn/en-us/entra/identity-platform/scenario-daemon-acquire-token ;
    // the number is quoted at https://github.com/phantom-artist/ms-email-reader/issues/1
    if request.field("scope") != Some("https://graph.microsoft.com/.default") {
        return refused(
            400,
            "invalid_scope",
            1_002_012,
            "The provided value for scope is not valid. Client credential flows must have a scope \
             value with /.default suffixed to the resource identifier (application ID URI).",
        );
    }
    // Expired: https://github.com/n8n-io/n8n/issues/22567
    if state.options.graph_secret_expired {
        return refused(
            401,
            "invalid_client",
            7_000_222,
            "The provided client secret keys for app are expired.",
        );
    }
    // Wrong: https://github.com/twentyhq/twenty/issues/16370
    if request.field("client_secret") != Some(GRAPH_CLIENT_SECRET) {
        return refused(
            401,
            "invalid_client",
            7_000_215,
            "Invalid client secret provided. Ensure the secret being sent in the request is the \
             client secret value, not the client secret ID.",
        );
    }
    let now = state.now();
    let until = now + state.options.token_seconds;
    let number = state.grants.next();
    // The granted application permissions are in `roles`:
    // https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
    let claims = json!({
        "aud": "https://graph.microsoft.com",
        "iss": format!("https://sts.windows.net/{TENANT_ID}/"),
        "iat": now,
        "nbf": now,
        "exp": until,
        "appid": GRAPH_CLIENT_ID,
        "roles": state.options.roles,
        "tid": TENANT_ID,
        "uti": number.to_string(),
        "ver": "1.0",
    });
    let key = EncodingKey::from_secret(b"for tests only");
    let token = jsonwebtoken::encode(&Header::default(), &claims, &key).unwrap();
    let access = Access {
        subject: None,
        consented: false,
        scopes: state.options.roles.clone(),
        until,
        google: false,
    };
    state.grants.keep(&token, access);
    Reply::json(
        200,
        json!({
            "token_type": "Bearer",
            "expires_in": state.options.token_seconds,
            "ext_expires_in": state.options.token_seconds,
            "access_token": token,
        }),
    )
}
