//! URLs of servers on the command line: read whole by one parser, and refused without repeating a password.

use std::ffi::OsStr;

use anyhow::{Context, Result, bail, ensure};
use bench_core::server_url::ServerUrl;
use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use clap::{Arg, Command, Error};

/// Reads a URL of one kind of server. clap's own message for a wrong value would repeat the value.
#[derive(Clone)]
pub struct UrlOf {
    example: &'static str,
    schemes: &'static [&'static str],
    check: fn(&ServerUrl) -> Result<()>,
}

/// `--metrics`: an endpoint that is asked over HTTP, with user and password by its Basic scheme.
pub const METRICS: UrlOf = UrlOf {
    example: "http://127.0.0.1:6333/metrics",
    schemes: &["http", "https"],
    check: |url| {
        ensure!(
            url.scheme() != "https",
            "https is not spoken here: give the endpoint's address in plain http"
        );
        Ok(())
    },
};

/// `--pgvector`.
pub const PGVECTOR: UrlOf = UrlOf {
    example: "postgres://postgres@127.0.0.1:5432/postgres",
    schemes: &["postgres", "postgresql"],
    check: |_| Ok(()),
};

/// `--qdrant`: a node, asked by gRPC, which knows neither users nor paths.
pub const QDRANT: UrlOf = UrlOf {
    example: "http://127.0.0.1:6334",
    schemes: &["http", "https"],
    check: |url| {
        ensure!(url.credentials().is_none(), "Qdrant knows no user: its key stands in QDRANT_API_KEY");
        match url.path_and_query().as_str() {
            "" | "/" => Ok(()),
            _ => bail!("nothing stands behind host and port of a node"),
        }
    },
};

impl TypedValueParser for UrlOf {
    type Value = ServerUrl;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<ServerUrl, Error> {
        let read = || {
            let url: ServerUrl = value.to_str().context("a URL is text in UTF-8")?.parse()?;
            ensure!(self.schemes.contains(&url.scheme()), "its scheme is not {}", self.schemes.join(" or "));
            (self.check)(&url)?;
            Ok(url)
        };
        read().map_err(|error: anyhow::Error| {
            let flag = argument.map(|argument| format!(" for {argument}")).unwrap_or_default();
            let text = format!("wrong URL{flag}: {error:#}; expected one such as {}\n", self.example);
            Error::raw(ErrorKind::ValueValidation, text).with_cmd(command)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_server_has_its_kind_of_url() {
        for (kind, given, reason) in [
            (METRICS, "http://u:secret@h:1/m?token=secret", None),
            (METRICS, "https://h/m", Some("https is not spoken here")),
            (METRICS, "postgres://h/m", Some("such as http://127.0.0.1:6333/metrics")),
            (METRICS, "secret", Some("no scheme")),
            (METRICS, "http://u:secret@h:8x", Some("\"8x\" is no port (1 to 65535)")),
            (PGVECTOR, "postgresql://u:secret@h/db?sslmode=disable", None),
            (PGVECTOR, "host=h password=secret", Some("no scheme")),
            (PGVECTOR, "http://u:secret@h/db", Some("such as postgres://")),
            (QDRANT, "https://h:6334/", None),
            (QDRANT, "http://secret@h:6334", Some("QDRANT_API_KEY")),
            (QDRANT, "http://h:6334/secret", Some("nothing stands behind host and port")),
            (QDRANT, "http://h:6334?secret", Some("nothing stands behind host and port")),
            (QDRANT, "grpc://h:6334", Some("such as http://127.0.0.1:6334")),
        ] {
            let error = kind.parse_ref(&Command::new("x"), None, given.as_ref()).err();
            let error = error.map(|error| error.to_string());
            assert_eq!(error.is_some(), reason.is_some(), "{given}: {error:?}");
            let error = error.unwrap_or_default();
            assert!(
                error.contains(reason.unwrap_or_default()) && !error.contains("secret"),
                "{given}: {error}"
            );
        }
    }
}
