//! Who the tests are towards the simulator. All of it was made up for these tests alone: nothing
//! here opens anything else.

pub const GOOGLE_CLIENT_ID: &str = "123456789012-activlake.apps.googleusercontent.com";
pub const GOOGLE_CLIENT_SECRET: &str = "GOCSPX-for-tests-only";
pub const SERVICE_ACCOUNT_EMAIL: &str = "activlake@tests-only.iam.gserviceaccount.com";

pub const TENANT_ID: &str = "11111111-2222-4333-8444-555555555555";
pub const GRAPH_CLIENT_ID: &str = "66666666-7777-4888-9999-aaaaaaaaaaaa";
pub const GRAPH_CLIENT_SECRET: &str = "graph~secret~for~tests~only";

/// The scopes a connector needs.
pub const DIRECTORY_SCOPE: &str = "https://www.googleapis.com/auth/admin.directory.user.readonly";
pub const EVENTS_SCOPE: &str = "https://www.googleapis.com/auth/calendar.events.readonly";

/// A key file as the console gives it. A throw-away key pair, only for these tests.
pub const SERVICE_ACCOUNT_KEY_JSON: &str = r#"{
  "type": "service_account",
  "project_id": "tests-only",
  "private_key_id": "0123456789abcdef0123456789abcdef01234567",
  "private_key": "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCGJVGmHrjZQD3F\nCww7xtlFkAg6fejK1phD8TgG1Hd6OgbjT9cK6EBSofo3vqfByg1cEEZw/Pl9pQPr\nU2/HXLs6TRNn6nSL5B/AVoRudEJ1aRYyJF6bOVdqtHZJXKimvU4SToMmbW0mflwj\nGl75luUkoNUReHKKil5OwIzqr545zsnbVqR7mW87FDsqYJS/RIshQY+5Vq54UuVx\nuWdg1Hz1Ab9ZJXLUq/XnvID9UZYV8jv4EmhzJCsy+keYhIef19J4PqgJrCFHjGfD\nfbuUEbtmT7HxWKsGBwywpi4XLyxDkTBPfzZQjnKygSU96Z3XM3RLmOUImzpOIBRM\n/ofoM3JHAgMBAAECggEAKzaqbtFGyvWe8HL2pesQ4w/bFryo2W737isu2URomL9I\nqMF3jNP0pKn5aSvJ7uugEiBMEOntlUQrVwux3o9I4ScjMT6d/NKoR9WXI93f6uLH\ne6+rqmV2e7FWyZtH2S7yj4MrTJ3Do7rhA43jOpQZjQsimFYsz+RzLPtqac/ZMNWt\nVDXeaPy4AK/Sz1jA8tihC47x0VFiBAgoWgHf7MZ67znwf8lm5EYWcgVqcowwBIe4\nStDLRxQTUqpA8ihz33dRn0hSkx1g740vpAerrgPkL4cLxCLdPBM9hlV95aXFDWpC\nvFqAXoKVYvJ03zRR7mkYH8VEXnWZAy7TbK04iuv+QQKBgQC9iGVGBCBtXQEklK1I\n9sW7BO00gchQNbn2gkcD76WMPjP4iFXfbVcDAmnjSRIyI+LmJd4N2yRH712UEznl\nQHRc8eoXtJ6Ad1gd9b8rOcDqQqjBH2zdopP8ah3fFUnfPaf83MIC43SpAlU7AEzJ\nHB8Ipo211fUKFv+IbGJu2ZO5/QKBgQC1MHd/RMwhO2WZKl43wZa58UI/eFFPi+hs\n66L3GjAbnmVmqU5hFeIPahPlS5gexXCr1cfTqMod9+Ek3iHqWjVeKcM5wsShVebj\nDyKUvwN545azYFfZ0XLyebcchqcvG0K8cCdExy8U/r+ocz4jkFw5GAcoKw8PB5iP\nbJUM1SQekwKBgQCdPaJfgx7v/F/tXFejF/AVZ1Hv5NguC1S7uXt3PYOHpTdyspEj\nqs+sVH1Krh2lcXZV4AaoUi14bJKjPYwjsOSZE65VemihReHaAT5XezOcZi8hAZRN\nEAtcNyGPKVc/GSTcOL3QrankaWYSa/5IPsdUYvFgcSA4/bmEEf9b3bCcdQKBgDvZ\nlp9jikov5I+DfzvLpo4lM0zj4Xf1LwFLlLkq3VlCKRyQMGPBZrrQv2GuZsFDVsRs\nCWXRC3J6vtP+zBUtVxOTl/ksbOceCPZXuYSI1A0fMFhwKpS4qs+NhP7XO8JDrvev\n1EjTwqmcvJJX/t6ggNYbKcIK9x5v0+UMaO+kOBohAoGAeo2WXJM2b30GLh//O4ks\nMJU5R3aenYE8CsJjlAOrqTrYc5iczIUX5i15eeBF+TTgJ6LskQQhbPytX/YLn7LK\ntJTX/DwYiADdm0h9vex+gKphahN8VVtJgMUhCUGzEJpk9oG+QvhXJl71WO5E6eph\nxFqYp69tYtZATARfbC5XO8E=\n-----END PRIVATE KEY-----\n",
  "client_email": "activlake@tests-only.iam.gserviceaccount.com",
  "client_id": "123456789012345678901",
  "auth_uri": "https://accounts.google.com/o/oauth2/auth",
  "token_uri": "https://oauth2.googleapis.com/token",
  "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
  "universe_domain": "googleapis.com"
}"#;

/// The public half of the key above.
pub(super) const SERVICE_ACCOUNT_PUBLIC_PEM: &str = "\
-----BEGIN PUBLIC KEY-----\n\
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAhiVRph642UA9xQsMO8bZ\n\
RZAIOn3oytaYQ/E4BtR3ejoG40/XCuhAUqH6N76nwcoNXBBGcPz5faUD61Nvx1y7\n\
Ok0TZ+p0i+QfwFaEbnRCdWkWMiRemzlXarR2SVyopr1OEk6DJm1tJn5cIxpe+Zbl\n\
JKDVEXhyiopeTsCM6q+eOc7J21ake5lvOxQ7KmCUv0SLIUGPuVaueFLlcblnYNR8\n\
9QG/WSVy1Kv157yA/VGWFfI7+BJocyQrMvpHmISHn9fSeD6oCawhR4xnw327lBG7\n\
Zk+x8VirBgcMsKYuFy8sQ5EwT382UI5ysoElPemd1zN0S5jlCJs6TiAUTP6H6DNy\n\
RwIDAQAB\n\
-----END PUBLIC KEY-----\n";
