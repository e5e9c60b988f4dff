"""How google-auth asks for a token in somebody's name, and whether it takes an assertion of ours.

usage: assertion_peer.py KEY SUBJECT SCOPE < ASSERTION

KEY is a service account's key file. google-auth makes the request that it would send for the subject and
the scope, without sending it. Prints {"grant_type": ..., "fields": [...], "header": {...}, "claims": {...}}
of that request, and "ours": {"header": ..., "claims": ...} of the assertion on standard input, once google-auth
has verified its signature with the public half of the key. Ends with 1 when it does not verify.
"""

import json
import sys
import urllib.parse

from cryptography.hazmat.primitives import serialization
from google.auth import jwt
from google.oauth2 import service_account


class Answer:
    status = 200
    headers = {"content-type": "application/json"}
    data = b'{"access_token": "none", "expires_in": 3600, "token_type": "Bearer"}'


def public_half(key):
    private = serialization.load_pem_private_key(key["private_key"].encode(), None)
    return private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def main():
    path, subject, scope = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        key = json.load(file)
    sent = []

    def request(url, method="GET", body=None, headers=None, **_):
        sent.append(urllib.parse.parse_qs(body.decode() if isinstance(body, bytes) else body))
        return Answer()

    credentials = service_account.Credentials.from_service_account_info(
        key, scopes=[scope], subject=subject
    )
    credentials.refresh(request)
    (form,) = sent
    public = public_half(key)
    (theirs,) = form["assertion"]
    ours = sys.stdin.read().strip()
    try:
        # Times and audience are compared by who asked.
        claims = jwt.decode(ours, certs=public)
    except ValueError as error:
        sys.exit(f"google-auth does not take it: {error}")
    print(
        json.dumps(
            {
                "grant_type": form["grant_type"],
                "fields": sorted(form),
                "header": jwt.decode_header(theirs),
                "claims": jwt.decode(theirs, certs=public),
                "ours": {"header": jwt.decode_header(ours), "claims": dict(claims)},
            }
        )
    )


if __name__ == "__main__":
    main()
