//! Which recorded values are secrets, and the environment variables that stand in their place. In doubt a value is one:
//! a draft that asks for one variable too many is better than a key in a repository.

use std::collections::BTreeMap;

use serde_json::Value;

use super::draft::{free_name, literal};

/// Parts of names whose values are secrets.
const SECRET_WORDS: [&str; 24] = [
    "authorization",
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "privatekey",
    "session",
    "csrf",
    "xsrf",
    "credential",
    "signature",
    "jwt",
    "otp",
    "cookie",
    "cvv",
    "cvc",
    "iban",
    "cardnumber",
    "assertion",
    "saml",
];
/// Whole names whose values are secrets.
const SECRET_NAMES: [&str; 13] = ["auth", "pin", "sid", "key", "code", "sig", "pass", "pw", "ssn", "nonce", "state", "hmac", "apitoken"];
/// Whole names of what goes with a password.
const USER_NAMES: [&str; 8] = ["user", "username", "login", "email", "userid", "account", "mail", "identifier"];
/// Shorter values are words, not keys.
const SHORTEST_KEY: usize = 20;
/// A shorter value would be found in many texts by chance.
const SHORTEST_FOUND: usize = 8;

/// The values that were found, with what stands in their place.
#[derive(Debug, Default)]
pub struct Secrets {
    /// What is written for a value.
    replacements: BTreeMap<String, String>,
    names: Vec<String>,
}

impl Secrets {
    /// A value under a name, as the scenario may have it: the value itself, or what stands in its place.
    pub fn value(&mut self, name: &str, value: &str) -> String {
        if value.is_empty() || (!is_secret_name(name) && !looks_secret(value)) {
            return self.text(value);
        }
        self.hide(name, value)
    }

    /// A secret's place is taken by a variable that is called after its name.
    pub fn hide(&mut self, name: &str, value: &str) -> String {
        if let Some(known) = self.replacements.get(value) {
            return known.clone();
        }
        let stem = format!("STAGING_{}", variable_name(name));
        let variable = free_name(&stem, "_", |candidate| self.names.iter().any(|known| known == candidate));
        let written = format!("${{env.{variable}}}");
        self.names.push(variable);
        self.replacements.insert(value.to_owned(), written.clone());
        written
    }

    /// A secret that an earlier answer gave is taken from there.
    pub fn saved(&mut self, value: &str, variable: &str) {
        self.replacements.insert(value.to_owned(), format!("${{{variable}}}"));
    }

    /// Whether something stands in the place of this value already.
    #[must_use]
    pub fn knows(&self, value: &str) -> bool {
        self.replacements.contains_key(value)
    }

    /// A text in which every known secret is replaced and the rest is literal.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        if let Some(whole) = self.replacements.get(text) {
            return whole.clone();
        }
        let found = self.replacements.iter().filter(|(value, _)| value.len() >= SHORTEST_FOUND && text.contains(value.as_str()));
        let Some((value, written)) = found.max_by_key(|(value, _)| value.len()) else { return literal(text) };
        let pieces: Vec<String> = text.split(value.as_str()).map(|piece| self.text(piece)).collect();
        pieces.join(written)
    }

    /// A JSON value in which every secret is replaced; `depth` is how deep it may be looked into.
    pub fn json(&mut self, value: &Value) -> Value {
        self.json_under("", value)
    }

    fn json_under(&mut self, name: &str, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.value(name, text)),
            // A number keeps its type: a text that is one value does.
            Value::Number(number) if is_secret_name(name) => {
                Value::String(format!("${{number({})}}", inner(&self.hide(name, &number.to_string()))))
            }
            Value::Array(items) => Value::Array(items.iter().map(|item| self.json_under(name, item)).collect()),
            Value::Object(entries) => {
                let has_password = entries.keys().any(|key| is_password(key));
                let of_entry = |secrets: &mut Self, key: &String, value: &Value| match value {
                    Value::String(text) if has_password && is_user_name(key) && !text.is_empty() => {
                        Value::String(secrets.hide("username", text))
                    }
                    other => secrets.json_under(key, other),
                };
                Value::Object(entries.iter().map(|(key, value)| (key.clone(), of_entry(self, key, value))).collect())
            }
            other => other.clone(),
        }
    }

    /// The fields of a form.
    pub fn pairs(&mut self, pairs: &[(String, String)]) -> Vec<(String, String)> {
        let has_password = pairs.iter().any(|(name, _)| is_password(name));
        let mut of_pair = |(name, value): &(String, String)| {
            let written = if has_password && is_user_name(name) && !value.is_empty() {
                self.hide("username", value)
            } else {
                self.value(name, value)
            };
            (name.clone(), written)
        };
        pairs.iter().map(&mut of_pair).collect()
    }

    /// The variables that stand in the place of secrets.
    #[must_use]
    pub fn into_names(self) -> Vec<String> {
        self.names
    }
}

/// `env.X` of `${env.X}`.
fn inner(written: &str) -> &str {
    written.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).unwrap_or(written)
}

/// `ACCESS_TOKEN` of `access-token` or `accessToken`.
#[must_use]
pub fn variable_name(name: &str) -> String {
    let mut words = String::new();
    let mut before = '_';
    for c in name.chars() {
        if c.is_ascii_alphanumeric() {
            if c.is_ascii_uppercase() && before.is_ascii_lowercase() {
                words.push('_');
            }
            words.push(c.to_ascii_uppercase());
        } else if before != '_' && !words.ends_with('_') {
            words.push('_');
        }
        before = c;
    }
    let words: String = words.trim_matches('_').chars().take(40).collect();
    if words.is_empty() { "SECRET".to_owned() } else { words }
}

/// Whether a value of this name is taken for a secret whatever it is.
#[must_use]
pub fn is_secret_name(name: &str) -> bool {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    SECRET_WORDS.iter().any(|word| plain.contains(word)) || SECRET_NAMES.contains(&plain.as_str())
}

fn is_password(name: &str) -> bool {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    ["password", "passwd", "passphrase", "pwd", "pass", "pw", "pin"].iter().any(|word| plain == *word || plain.contains("passw"))
}

fn is_user_name(name: &str) -> bool {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    USER_NAMES.contains(&plain.as_str())
}

/// Whether a value looks like a key: a JSON web token, a well-known prefix, or long and without sense.
#[must_use]
pub fn looks_secret(value: &str) -> bool {
    const PREFIXES: [&str; 12] =
        ["eyJ", "ghp_", "gho_", "github_pat_", "glpat-", "xoxb-", "xoxp-", "sk_", "sk-", "AKIA", "AIza", "Bearer "];
    if value.len() >= 12 && PREFIXES.iter().any(|prefix| value.starts_with(prefix)) {
        return true;
    }
    // A UUID names a thing far more often than it opens a door.
    let is_uuid = value.len() == 36
        && value.chars().enumerate().all(|(at, c)| if matches!(at, 8 | 13 | 18 | 23) { c == '-' } else { c.is_ascii_hexdigit() });
    let is_of_key = |c: char| c.is_ascii_alphanumeric() || "+/=_-.~".contains(c);
    let digits = value.chars().filter(char::is_ascii_digit).count();
    let letters = value.chars().filter(char::is_ascii_alphabetic).count();
    !is_uuid
        && value.len() >= SHORTEST_KEY
        && value.chars().all(is_of_key)
        && digits >= 3
        && letters >= 3
        && changes(value) * 4 >= value.len()
}

/// How often the kind of character changes: words and numbers in a row change seldom, noise often.
fn changes(value: &str) -> usize {
    let kind = |c: char| (c.is_ascii_digit(), c.is_ascii_uppercase(), c.is_ascii_lowercase());
    let kinds: Vec<_> = value.chars().map(kind).collect();
    // What joins words is no noise.
    let is_joint = |kind: &(bool, bool, bool)| *kind == (false, false, false);
    kinds.windows(2).filter(|pair| pair[0] != pair[1] && !is_joint(&pair[0]) && !is_joint(&pair[1])).count()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_known_by_their_names_and_their_looks() {
        for name in ["password", "X-Api-Key", "access_token", "csrfToken", "PHPSESSIONID", "Authorization", "client-secret", "pin", "sig"] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in ["product", "id", "q", "page", "quantity", "name", "keyword", "monkey", "postcode"] {
            assert!(!is_secret_name(name), "{name}");
        }
        for value in
            ["eyJhbGciOiJIUzI1NiJ9.e30.x", "ghp_0123456789abcdef", "9f86d081884c7d659a2feaa0c55ad015", "dGhpcyBpcyBhIHNlY3JldA1x9Q==3"]
        {
            assert!(looks_secret(value), "{value}");
        }
        for value in [
            "blue suede shoes size 10",
            "2026-11-20T12:00:00Z",
            "00000000-0000-4000-8000-000000000001",
            "/api/v1/products",
            "2026-11-20-report-of-the-month",
        ] {
            assert!(!looks_secret(value), "{value}");
        }
    }

    #[test]
    fn a_body_keeps_its_shape_and_loses_its_secrets() {
        let mut secrets = Secrets::default();
        let body = json!({"email": "jo@shop.example", "password": "hunter22", "pin": 1234, "remember": true, "note": "costs ${5}"});
        assert_eq!(
            secrets.json(&body),
            json!({
                "email": "${env.STAGING_USERNAME}", "password": "${env.STAGING_PASSWORD}", "pin": "${number(env.STAGING_PIN)}",
                "remember": true, "note": "costs $${5}",
            })
        );
        assert_eq!(secrets.value("again", "hunter22"), "${env.STAGING_PASSWORD}", "the same value anywhere");
        assert_eq!(secrets.text("/u/jo@shop.example/x"), "/u/${env.STAGING_USERNAME}/x");
        assert_eq!(secrets.value("password", "other"), "${env.STAGING_PASSWORD_2}");
        assert_eq!(secrets.into_names(), ["STAGING_USERNAME", "STAGING_PASSWORD", "STAGING_PIN", "STAGING_PASSWORD_2"]);
    }

    #[test]
    fn variables_are_called_after_what_they_hold() {
        for (name, variable) in
            [("accessToken", "ACCESS_TOKEN"), ("X-API-Key", "X_API_KEY"), ("pw", "PW"), ("ü", "SECRET"), ("__a--b", "A_B")]
        {
            assert_eq!(variable_name(name), variable);
        }
    }
}
