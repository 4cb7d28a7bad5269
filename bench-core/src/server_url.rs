//! URLs of servers, read as a whole before anything is asked; what is shown of one never holds a secret.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use anyhow::{Context, Result, bail, ensure};

/// The URL of a server: `SCHEME://[USER[:PASSWORD]@]HOST[:PORT][/PATH][?QUERY][#FRAGMENT]`. Printing it
/// leaves out what may be secret; only [`ServerUrl::with_secrets`], [`ServerUrl::credentials`] and
/// [`ServerUrl::path_and_query`] have it.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerUrl {
    scheme: String,
    user_info: Option<String>,
    host: String,
    port: Option<u16>,
    path: String,
    query: Option<String>,
}

impl ServerUrl {
    /// The scheme in small letters.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// A name or an address; one of IPv6 without its brackets.
    pub fn host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    /// The port, if it is named.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// Host and port as a URL has them, `[::1]:6334`, with `usual` for a port that is not named.
    pub fn authority(&self, usual: u16) -> String {
        format!("{}:{}", self.host, self.port.unwrap_or(usual))
    }

    /// The same as it was given.
    fn place(&self) -> String {
        self.port.map_or_else(|| self.host.clone(), |port| format!("{}:{port}", self.host))
    }

    /// What stands before the host, without its percent signs: user and password with a colon, as HTTP's
    /// Basic scheme wants them.
    pub fn credentials(&self) -> Option<Vec<u8>> {
        self.user_info.as_deref().map(decoded)
    }

    /// The path, empty or with its slash, and the query with its question mark. May hold a secret.
    pub fn path_and_query(&self) -> String {
        let query = self.query.as_deref().map(|query| format!("?{query}")).unwrap_or_default();
        format!("{}{query}", self.path)
    }

    /// The whole URL, for whom it is meant: the server's client, and a child process. Without the fragment,
    /// which is never sent.
    pub fn with_secrets(&self) -> String {
        let user = self.user_info.as_deref().map(|user| format!("{user}@")).unwrap_or_default();
        format!("{}://{user}{}{}", self.scheme, self.place(), self.path_and_query())
    }

    /// Another place on the same server, named as HTTP does when it sends a client elsewhere.
    ///
    /// # Errors
    /// If it is on another server, or no URL.
    pub fn moved_to(&self, place: &str) -> Result<ServerUrl> {
        let is_whole = place.starts_with("//") || !place.starts_with('/') && place.contains("://");
        let own = format!("{}://{}{}", self.scheme, self.place(), resolved(&self.path, place));
        let whole = if is_whole { place } else { &own };
        let moved: ServerUrl = whole.parse().context("the server sends elsewhere")?;
        let server = |url: &ServerUrl| (url.scheme.clone(), url.host.clone(), url.port.unwrap_or(80));
        let same = server(&moved) == server(self);
        ensure!(same, "the server sends to another one, {moved}: ask that one if it is meant");
        Ok(ServerUrl { user_info: self.user_info.clone(), ..moved })
    }
}

/// A place on the same server, seen from `path`: without a leading slash it lies in the path's folder.
fn resolved(path: &str, place: &str) -> String {
    let (relative, rest) = place.split_at(place.find(['?', '#']).unwrap_or(place.len()));
    if relative.is_empty() {
        return format!("{path}{rest}");
    }
    // What begins with a slash lies in the folder of all.
    let folder = path.rfind('/').filter(|_| !relative.starts_with('/')).map_or("", |last| &path[..last]);
    let mut parts: Vec<&str> = folder.split('/').collect();
    for part in relative.trim_start_matches('/').split('/') {
        match part {
            ".." => parts.truncate((parts.len() - 1).max(1)), // What stands before the first slash stays.
            "." => {}
            part => parts.push(part),
        }
    }
    if matches!(relative.rsplit('/').next(), Some("." | "..")) {
        parts.push("");
    }
    parts.join("/") + rest
}

impl FromStr for ServerUrl {
    type Err = anyhow::Error;

    /// No error repeats a part that may be secret.
    fn from_str(text: &str) -> Result<ServerUrl> {
        let (scheme, rest) =
            text.split_once("://").context("no URL: no scheme, such as http, stands before it")?;
        let is_scheme = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
        ensure!(
            scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(is_scheme),
            "no URL: its scheme is none"
        );
        ensure!(
            !rest.contains(|c: char| c.is_whitespace() || c.is_control()),
            "a URL has no spaces: write %20"
        );
        let (rest, _) = rest.split_once('#').unwrap_or((rest, ""));
        let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (user_info, place) =
            authority.rsplit_once('@').map_or((None, authority), |(user, place)| (Some(user), place));
        // A password that should have been escaped ends too early, and its rest would be shown.
        let signs = text.matches('@').count();
        ensure!(
            signs == usize::from(user_info.is_some()),
            "an @ stands before the host only: anywhere else it is written %40, and a / ? or # in a password %2F %3F %23"
        );
        for part in [user_info.unwrap_or_default(), path, query.unwrap_or_default()] {
            ensure!(is_encoded(part), "a percent sign is written %25, or followed by two hexadecimal digits");
        }
        let (host, port) = host_and_port(place)?;
        Ok(ServerUrl {
            scheme: scheme.to_ascii_lowercase(),
            user_info: user_info.map(encoded),
            host,
            port,
            path: encoded(path),
            query: query.map(encoded),
        })
    }
}

fn host_and_port(place: &str) -> Result<(String, Option<u16>)> {
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (place, None),
    };
    let port = port.map(parse_port).transpose()?;
    ensure!(!host.is_empty(), "a host is missing");
    if let Some(address) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        ensure!(address.parse::<Ipv6Addr>().is_ok(), "what stands in brackets is no address of IPv6");
        return Ok((format!("[{address}]"), port));
    }
    ensure!(!host.contains(':'), "an address of IPv6 stands in brackets, as in http://[::1]:6333");
    let is_part = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
    ensure!(host.chars().all(is_part), "the host holds a character that no name of a host has");
    // Others read 127.1 and 0x7f.1 as addresses, too.
    let last = host.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    let is_number = !last.is_empty() && last.chars().all(|c| c.is_ascii_digit()) || last.starts_with("0x");
    ensure!(!is_number || host.parse::<Ipv4Addr>().is_ok(), "the host is no address of IPv4, and no name");
    Ok((host.to_ascii_lowercase(), port))
}

fn parse_port(text: &str) -> Result<u16> {
    let digits = text.chars().all(|c| c.is_ascii_digit());
    if let (true, Ok(port @ 1..)) = (digits, text.parse()) {
        return Ok(port);
    }
    // What does not even begin as a port may be a password whose host was forgotten.
    match text.len() <= 8 && text.starts_with(|c: char| c.is_ascii_digit()) {
        true => bail!("{text:?} is no port (1 to 65535)"),
        false => bail!("what stands behind the host's colon is no port (1 to 65535)"),
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A token may stand in a user's place, but for databases.
        let is_database = self.scheme.starts_with("postgres");
        let user = match self.user_info.as_deref().map(|user| user.split(':').next().unwrap_or_default()) {
            Some(user) if is_database && !user.is_empty() => format!("{user}@"),
            Some(_) => "...@".into(),
            None => String::new(),
        };
        let query = if self.query.is_some() { "?..." } else { "" };
        write!(f, "{}://{user}{}{}{query}", self.scheme, self.place(), self.path)
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Whether every percent sign begins an escaped byte.
fn is_encoded(text: &str) -> bool {
    let is_escape =
        |rest: &str| rest.as_bytes().get(..2).is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit));
    text.split('%').skip(1).all(is_escape)
}

/// With what a URL cannot hold escaped; what is escaped already stays.
fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' | 0x80.. => {
                encoded.push_str(&format!("%{byte:02X}"));
            }
            byte => encoded.push(byte.into()),
        }
    }
    encoded
}

fn decoded(text: &str) -> Vec<u8> {
    let mut parts = text.split('%');
    let mut decoded = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        // Two hexadecimal digits, or it had not been read.
        let (digits, rest) = part.split_at_checked(2).unwrap_or((part, ""));
        decoded.extend(u8::from_str_radix(digits, 16));
        decoded.extend(rest.bytes());
    }
    decoded
}

/// A text with every URL in it as it may be shown; what should be one and cannot be read is `SCHEME://...`,
/// and so is what follows it if it may be the rest of a password.
pub fn without_secrets(text: &str) -> String {
    let mut shown = String::new();
    let mut unread = false;
    for piece in text.split_inclusive(char::is_whitespace) {
        let word = piece.trim_end_matches(char::is_whitespace);
        let as_whole = url_without_secrets(word);
        let several = word.matches("://").count() > 1;
        let shown_word = match as_whole {
            Some(whole) if !several => whole,
            _ => {
                let parts = word.split(',').map(|part| match url_without_secrets(part) {
                    Some(shown) => shown,
                    None if part.contains("://") => {
                        unread = true;
                        format!("{}...", &part[..part.find("://").unwrap_or_default() + "://".len()])
                    }
                    None if (unread || several) && part.contains('@') => "...".into(),
                    None => part.into(),
                });
                parts.collect::<Vec<String>>().join(",")
            }
        };
        shown.push_str(&shown_word);
        shown.push_str(&piece[word.len()..]);
    }
    shown
}

/// A word with a URL at its end, such as `--flag=URL`; nothing if it has none that can be read.
fn url_without_secrets(word: &str) -> Option<String> {
    let before = &word[..word.find("://")?];
    let is_scheme = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    let start = before
        .rfind(|c| !is_scheme(c))
        .map_or(0, |last| last + before[last..].chars().next().map_or(1, char::len_utf8));
    let url: ServerUrl = word[start..].parse().ok()?;
    Some(format!("{}{url}", &word[..start]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> ServerUrl {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn a_url_is_read_whole() {
        for (text, scheme, host, port, rest) in [
            ("http://127.0.0.1:6333/metrics", "http", "127.0.0.1", Some(6333), "/metrics"),
            ("HTTP://Node_1.example.:1", "http", "node_1.example.", Some(1), ""),
            ("http://[::1]:18209/m?x=1#y", "http", "::1", Some(18209), "/m?x=1"),
            ("http://[2001:DB8::1]", "http", "2001:DB8::1", None, ""),
            ("http://h?match[]={job=\"a\"}", "http", "h", None, "?match[]=%7Bjob=%22a%22%7D"),
            ("postgres://u:p,w=%40@h:065535/db", "postgres", "h", Some(65535), "/db"),
            ("http://h/\u{e4}%20", "http", "h", None, "/%C3%A4%20"),
        ] {
            let read = url(text);
            let parts = (read.scheme(), read.host(), read.port(), read.path_and_query());
            assert_eq!(parts, (scheme, host, port, rest.into()), "{text}");
            assert_eq!(url(&read.with_secrets()), read, "{text}");
        }
        assert_eq!(url("http://u%3A:p%40%2f@h/").credentials().unwrap(), b"u::p@/");
        assert_eq!(url("http://h/").credentials(), None);
    }

    #[test]
    fn what_is_no_url_is_refused_with_the_reason_and_without_its_secrets() {
        for (text, reason) in [
            ("", "no scheme"),
            ("secret", "no scheme"),
            ("host=localhost password=secret", "no scheme"),
            ("://h", "scheme is none"),
            ("1http://h", "scheme is none"),
            ("http://", "a host is missing"),
            ("http://:80/", "a host is missing"),
            ("http://u:secret@/x", "a host is missing"),
            ("http://127.0.0.1:8x/m", "\"8x\" is no port (1 to 65535)"),
            ("http://127.0.0.1:83744/m", "\"83744\" is no port"),
            ("http://h:0", "\"0\" is no port"),
            ("http://h:+80", "is no port"),
            ("http://h:-1", "is no port"),
            ("http://h:/m", "is no port"),
            ("http://h:\u{661}/m", "is no port"),
            ("http://key:secret", "is no port"),
            ("http://::1:80/m", "stands in brackets"),
            ("http://[::1/m", "in brackets"),
            ("http://[::g]:80/m", "no address of IPv6"),
            ("http://[fe80::1%25eth0]/", "no address of IPv6"),
            ("http://127.0.0.256/", "no address of IPv4"),
            ("http://127.1/", "no address of IPv4"),
            ("http://h,i/", "no name of a host has"),
            ("http://h\u{fc}/", "no name of a host has"),
            ("http://a b/", "no spaces"),
            ("http://h/a\nb", "no spaces"),
            ("http://h/100%", "a percent sign"),
            ("http://u:%4secret@h/", "a percent sign"),
            ("postgres://me:sec@ret@host/db", "%40"),
            ("postgres://me:1/secret@host/db", "%40"),
            ("postgres://me:1?secret@host/db", "%40"),
            ("postgres://me:1#secret@host/db", "%40"),
        ] {
            let error = format!("{:#}", text.parse::<ServerUrl>().unwrap_err());
            assert!(error.contains(reason) && !error.contains("secret"), "{text}: {error}");
        }
    }

    #[test]
    fn what_is_shown_holds_no_secret() {
        for (given, shown) in [
            ("postgres://127.0.0.1:5432/postgres", "postgres://127.0.0.1:5432/postgres"),
            ("postgres://me@host/db", "postgres://me@host/db"),
            ("postgresql://me:secret@host:5432/db", "postgresql://me@host:5432/db"),
            ("postgres://host/db?password=secret&user=me", "postgres://host/db?..."),
            ("postgres://me:secret@host/db?sslmode=disable#secret", "postgres://me@host/db?..."),
            ("https://cluster.example:6334", "https://cluster.example:6334"),
            ("http://secret@node:6334", "http://...@node:6334"),
            ("http://key:secret@node:6334/m?token=s%65cret", "http://...@node:6334/m?..."),
            ("http://[::1]:6334/x", "http://[::1]:6334/x"),
        ] {
            assert_eq!(url(given).to_string(), shown);
            assert_eq!(format!("{:?}", url(given)), shown);
            assert_eq!(without_secrets(given), shown);
        }
    }

    #[test]
    fn urls_are_found_in_a_text() {
        for (given, shown) in [
            ("nothing to hide", "nothing to hide"),
            ("--x=http://u:secret@h/m", "--x=http://...@h/m"),
            ("DB=postgres://u:secret@h/d", "DB=postgres://u@h/d"),
            ("curl 'http://u:secret@h/x?key=secret' | tee  y", "curl 'http://...@h/x?... | tee  y"),
            ("http://a:1,http://u:secret@b:2", "http://a:1,http://...@b:2"),
            ("http://a:1,http://u:1,secret@b:2", "http://a:1,http://u:1,..."),
            ("postgres://u:sec,ret@h/d", "postgres://u@h/d"),
            ("http://u:x/secret@h/", "http://..."),
            ("http://u:my secret@h/", "http://... ..."),
            ("http://h/probe?target=http://u:secret@i/", "http://..."),
            ("\u{e4}http://h:x", "\u{e4}http://..."),
        ] {
            assert_eq!(without_secrets(given), shown);
        }
    }

    #[test]
    fn a_server_sends_elsewhere_on_itself_only() {
        let here = url("http://u:p@h:80/metrics?x=1");
        assert_eq!(here.moved_to("http://h/y").unwrap().path_and_query(), "/y");
        for (path, place, expected) in [
            ("", "metrics/", "/metrics/"),
            ("/a/b?x=1", "./c/?y=2", "/a/c/?y=2"),
            ("/a/b/", "../../../c", "/c"),
            ("/a/b/c", "..", "/a/"),
            ("/a/b?x=1", "?y=2", "/a/b?y=2"),
            ("/a/b", "/c?to=http://i/", "/c?to=http://i/"),
        ] {
            let moved = url(&format!("http://u:p@h:80{path}")).moved_to(place).unwrap();
            assert_eq!(moved.with_secrets(), format!("http://u:p@h:80{expected}"), "{path} {place}");
        }
        for elsewhere in ["http://h:81/", "https://h/", "//i/metrics", "http://h:8x/"] {
            assert!(here.moved_to(elsewhere).is_err(), "{elsewhere}");
        }
    }
}
