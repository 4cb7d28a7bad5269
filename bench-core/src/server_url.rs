//! URLs of servers, which may hold a password: what is shown of one never does.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

/// The URL of a server as the user gave it. Printing it leaves out what may be secret; only
/// [`ServerUrl::with_secrets`] has it.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerUrl(String);

impl ServerUrl {
    /// The whole URL, for whom it is meant: the server's client, and a child process.
    pub fn with_secrets(&self) -> &str {
        &self.0
    }
}

impl FromStr for ServerUrl {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<ServerUrl, Infallible> {
        Ok(ServerUrl(text.into()))
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&without_secrets(&self.0))
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A URL without its password, its query and its fragment; `...` for a text that is no URL, as it may be a list of
/// settings with a password among them.
pub fn without_secrets(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return "...".into() };
    // A password that should have been escaped may hold any character: the last `@` ends it.
    let (user, place) = match rest.rsplit_once('@') {
        // Or the `@` is of a password in the query: what stands behind it may be the rest of that.
        Some((credentials, _)) if credentials.contains(['?', '#']) => return format!("{scheme}://..."),
        Some((credentials, place)) => (credentials.split(':').next(), place),
        None => (None, rest),
    };
    let place = place.split(['?', '#']).next().unwrap_or_default();
    // What should be a port may be a password that was cut off in its middle.
    let host = place.split('/').next().unwrap_or_default();
    let port = host.rsplit_once(':').map_or("", |(_, port)| port);
    let is_port = host.ends_with(']') || port.bytes().all(|byte| byte.is_ascii_digit());
    let place = if is_port { place } else { "..." };
    match user {
        Some(user) => format!("{scheme}://{user}@{place}"),
        None => format!("{scheme}://{place}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_holds_no_secret() {
        for (given, shown) in [
            ("postgres://127.0.0.1:5432/postgres", "postgres://127.0.0.1:5432/postgres"),
            ("postgres://me@host/db", "postgres://me@host/db"),
            ("postgres://me:secret@host:5432/db", "postgres://me@host:5432/db"),
            ("postgres://me:sec@ret@host/db", "postgres://me@host/db"),
            ("postgres://me:sec/ret@host/db", "postgres://me@host/db"),
            ("postgres://me:sec/ret?@host/db", "postgres://..."),
            ("postgres://host/db?password=sec@ret", "postgres://..."),
            ("http://host/x#sec@ret", "http://..."),
            ("postgres://host/db?password=secret&user=me", "postgres://host/db"),
            ("postgres://me:secret@host/db?sslmode=disable#secret", "postgres://me@host/db"),
            ("https://cluster.example:6334", "https://cluster.example:6334"),
            ("http://key:secret@node:6334", "http://key@node:6334"),
            ("http://[::1]", "http://[::1]"),
            ("http://[::1]:6334/x", "http://[::1]:6334/x"),
            ("http://key:secret", "http://..."),
            ("host=localhost password=secret", "..."),
            ("secret", "..."),
        ] {
            let url: ServerUrl = given.parse().unwrap();
            assert_eq!(url.to_string(), shown);
            assert_eq!(format!("{url:?}"), shown);
            assert_eq!(url.with_secrets(), given);
        }
    }
}
