//! URLs on a command line: read whole by one parser, and refused without repeating a password.

use std::ffi::OsStr;

use anyhow::{Context, Result, ensure};
use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use clap::{Arg, Command, Error};

use crate::server_url::ServerUrl;

/// Reads a URL of one kind of server. clap's own message for a wrong value would repeat the value.
#[derive(Clone, Copy)]
pub struct UrlParser {
    /// A URL of this kind, for whoever gave a wrong one.
    pub example: &'static str,
    /// The schemes that it may have.
    pub schemes: &'static [&'static str],
    /// What else must hold. Its error is shown, so it repeats no part that may be secret.
    pub check: fn(&ServerUrl) -> Result<()>,
}

impl TypedValueParser for UrlParser {
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
