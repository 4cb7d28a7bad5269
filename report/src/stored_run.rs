//! From the bytes of a `run.json` to a run. Here, because a history reads hundreds of megabytes: this crate is built with some
//! optimisation in cargo's dev profile too, the command line is not.

use anyhow::{Result, anyhow, ensure};
use bench_core::run::{Run, SCHEMA};
use serde::Deserialize;

/// Reads a run.
///
/// # Errors
/// If the bytes are truncated, no run, or of a newer schema.
pub fn parse_run(json: &[u8]) -> Result<Run> {
    match serde_json::from_slice::<Run>(json) {
        Ok(run) if run.schema <= SCHEMA => Ok(run),
        other => {
            ensure_known_schema(json)?;
            other.map_err(position)
        }
    }
}

fn ensure_known_schema(json: &[u8]) -> Result<()> {
    /// What every schema has.
    #[derive(Deserialize)]
    struct Head {
        schema: u32,
    }
    let Head { schema } = serde_json::from_slice(json).map_err(position)?;
    ensure!(schema <= SCHEMA, "schema {schema} is newer than this build knows ({SCHEMA}): update the tool");
    Ok(())
}

fn position(error: serde_json::Error) -> anyhow::Error {
    let hint = if error.is_eof() { "the file is truncated: " } else { "" };
    anyhow!("{hint}{error}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_stored_run_is_said() {
        for (json, reason) in [
            (
                r#"{"schema": 7, "anything": []}"#,
                "schema 7 is newer than this build knows (1): update the tool",
            ),
            (
                r#"{"schema": 1, "id": "x"#,
                "the file is truncated: EOF while parsing a string at line 1 column 22",
            ),
            (r#"{"schema": 1}"#, "missing field `id`"),
            (r#"{}"#, "missing field `schema`"),
        ] {
            let error = format!("{:#}", parse_run(json.as_bytes()).unwrap_err());
            assert!(error.contains(reason), "{json}: {error}");
        }
    }
}
