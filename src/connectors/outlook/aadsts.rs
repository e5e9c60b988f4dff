//! Why the sign-in service gives no token, in words for the operator.
//!
//! The body of a refusal goes in, a sentence comes out. Of what the service wrote, only the error
//! and its AADSTS number are repeated: the rest may name people, or quote what was sent.

use serde_json::Value;

/// Why no token is given. `error` is already cleaned; `hint` is what is odd about the secret itself.
pub(super) fn refusal(error: &str, body: &Value, hint: Option<&'static str>) -> String {
    let number = aadsts(body);
    let code = match number {
        Some(number) => format!("AADSTS{number}"),
        None if error.is_empty() => "no reason given".to_owned(),
        None => error.to_owned(),
    };
    let words = number
        .and_then(explained)
        .or_else(|| by_error(error))
        .unwrap_or("see the reference of sign-in error codes for this code");
    let mut message = format!("no token is given ({code}): {words}");
    let about_secret = matches!(number, Some(7_000_215 | 7_000_216))
        || (number.is_none() && error == "invalid_client");
    if let Some(hint) = hint.filter(|_| about_secret) {
        message.push_str(". In fact ");
        message.push_str(hint);
    }
    message
}

/// The number of an `AADSTS` code.
fn aadsts(body: &Value) -> Option<u64> {
    let listed = body.get("error_codes").and_then(|codes| codes.get(0));
    listed.and_then(Value::as_u64).or_else(|| {
        let text = body.get("error_description")?.as_str()?;
        let digits = text.trim_start().strip_prefix("AADSTS")?;
        let end = digits
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(digits.len());
        digits.get(..end)?.parse().ok()
    })
}

fn explained(number: u64) -> Option<&'static str> {
    Some(match number {
        7_000_215 => {
            "the client secret is wrong; you may have pasted the Secret ID instead of the Secret \
             Value"
        }
        7_000_222 => {
            "the client secret has expired: make a new one in the app registration (Certificates \
             & secrets) and put its Value in place of the old one"
        }
        7_000_216 | 7_000_218 => "no client secret arrived: check client_secret",
        7_000_112 => "the app is disabled in the tenant: an administrator must enable it",
        700_016 | 700_038 => {
            "the app is not known in this tenant: client_id (Application ID) or tenant_id is \
             wrong, or the app was deleted"
        }
        7_000_229 | 65_001 => {
            "nobody has consented for the app in this tenant: grant admin consent under API \
             permissions"
        }
        90_002 | 900_023 | 50_059 => {
            "the tenant is not found: tenant_id is wrong, or login_url is that of another cloud"
        }
        500_011 => {
            "Graph is not known in this tenant under graph_url: is it that of another cloud?"
        }
        50_034 => "the account is not in this directory: client_id or tenant_id is wrong",
        53_003 => "a conditional access policy of the tenant keeps the app out",
        1_002_012 => "the scope is refused: graph_url does not lead to Graph",
        _ => return None,
    })
}

fn by_error(error: &str) -> Option<&'static str> {
    Some(match error {
        "invalid_client" => "client_id or client_secret is wrong",
        "unauthorized_client" => "the app may not sign in with a client secret, or not here",
        "invalid_scope" | "invalid_resource" => "graph_url does not lead to Graph",
        "access_denied" => "the tenant keeps the app out",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::token::hint;
    use super::*;

    const GUID: &str = "01234567-89ab-CDEF-0123-456789abcdef";

    fn said(body: &str, hint: Option<&'static str>) -> String {
        let body: Value = serde_json::from_str(body).unwrap();
        let error = body["error"].as_str().unwrap_or_default().to_owned();
        refusal(&error, &body, hint)
    }

    #[test]
    fn codes_are_said_in_plain_words() {
        for (code, words) in [
            (7_000_215, "Secret ID instead of the Secret Value"),
            (7_000_222, "has expired"),
            (700_016, "client_id"),
            (90_002, "tenant is not found"),
            (65_001, "admin consent"),
            (50_034, "not in this directory"),
            (500_011, "another cloud"),
        ] {
            for body in [
                format!(r#"{{"error":"x","error_codes":[{code}]}}"#),
                format!(r#"{{"error":"x","error_description":"AADSTS{code}: hush"}}"#),
            ] {
                let said = said(&body, None);
                assert!(said.contains(words), "{said}");
                assert!(said.contains(&format!("AADSTS{code}")), "{said}");
                assert!(!said.contains("hush"), "{said}");
            }
        }
        let unknown = said(
            r#"{"error":"x","error_description":"AADSTS999: ann@example.com"}"#,
            None,
        );
        assert!(unknown.contains("AADSTS999"), "{unknown}");
        assert!(!unknown.contains("ann"), "{unknown}");
        let bare = said(r#"{"error":"invalid_client"}"#, hint(GUID));
        assert!(bare.contains("invalid_client"), "{bare}");
        assert!(bare.contains("In fact what is set"), "{bare}");
        let expired = said(r#"{"error":"x","error_codes":[7000222]}"#, hint(GUID));
        assert!(!expired.contains("In fact"), "{expired}");
    }
}
