//! The indexes that a user asks for by their parameters: `dim=768,m=32,n=1000+2000`.

use std::fmt;
use std::str::FromStr;

use anyhow::{Error, Result, bail, ensure};

use crate::case::is_word;

/// The parameters that an index may be asked for by; `n` is needed.
const AXES: [&str; 8] = ["dim", "n", "m", "ef_construction", "batch", "threads", "reserve", "storage"];

/// A grid of indexes: every combination of these values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexGrid {
    /// Each parameter with its values, in the order of their names above.
    axes: Vec<(&'static str, Vec<String>)>,
}

impl IndexGrid {
    /// The parameters, each with its values.
    pub fn axes(&self) -> impl Iterator<Item = (&'static str, &[String])> {
        self.axes.iter().map(|(name, values)| (*name, &values[..]))
    }

    /// The parameters that an engine may ignore: how it builds, not what it is built of.
    pub fn build_parameters(&self) -> impl Iterator<Item = &'static str> {
        const MATERIAL: [&str; 2] = ["dim", "n"];
        let names = self.axes.iter().map(|(name, _)| *name);
        names.filter(|name| !MATERIAL.contains(name) && *name != "storage")
    }
}

impl FromStr for IndexGrid {
    type Err = Error;

    fn from_str(text: &str) -> Result<IndexGrid> {
        let mut given: Vec<(&'static str, Vec<String>)> = Vec::new();
        for axis in text.split(',') {
            let Some((name, values)) = axis.split_once('=') else {
                bail!("{axis:?} is no parameter: expected one like n=1000+2000");
            };
            let Some(name) = AXES.into_iter().find(|known| *known == name.trim()) else {
                bail!("an index has no parameter {name:?}; there is {}", AXES.join(", "));
            };
            ensure!(given.iter().all(|(other, _)| *other != name), "{name} is given twice");
            let values: Vec<String> = values.split('+').map(|value| value.trim().to_string()).collect();
            for value in &values {
                ensure!(is_word(value), "{name}={value}: letters, digits and `_.+-` make a value");
                let is_right = ["reserve", "storage"].contains(&name)
                    || value.parse::<usize>().is_ok_and(|count| count > 0);
                ensure!(is_right, "{name}={value}: it must be a count above zero");
                let times = values.iter().filter(|other| *other == value).count();
                ensure!(times == 1, "{name} has the value {value} twice");
            }
            given.push((name, values));
        }
        ensure!(
            given.iter().any(|(name, _)| *name == "n"),
            "n is missing: how many vectors, as in n=1000+2000"
        );
        given.sort_by_key(|(name, _)| AXES.iter().position(|known| known == name));
        Ok(IndexGrid { axes: given })
    }
}

impl fmt::Display for IndexGrid {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let axes: Vec<String> =
            self.axes().map(|(name, values)| format!("{name}={}", values.join("+"))).collect();
        write!(out, "{}", axes.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_is_what_was_written_in_the_order_of_the_parameters() {
        for (written, read) in [
            ("n=1000", "n=1000"),
            ("n=1000+2000, m=32,dim=768", "dim=768,n=1000+2000,m=32"),
            ("storage=i8+b1,reserve=yes,n=5", "n=5,reserve=yes,storage=i8+b1"),
        ] {
            let grid: IndexGrid = written.parse().unwrap();
            assert_eq!(grid.to_string(), read);
            assert_eq!(read.parse::<IndexGrid>().unwrap(), grid);
        }
    }

    #[test]
    fn what_is_no_grid_is_refused_with_the_place() {
        for (written, error) in [
            ("", "\"\" is no parameter"),
            ("dim=768", "n is missing"),
            ("n=1000,size=3", "no parameter \"size\"; there is dim, n, m"),
            ("n=0", "n=0: it must be a count above zero"),
            ("n=10M", "n=10M: it must be a count"),
            ("n=1,n=2", "n is given twice"),
            ("n=1+1", "n has the value 1 twice"),
            ("n=1,reserve=a b", "reserve=a b: letters"),
        ] {
            let said = written.parse::<IndexGrid>().unwrap_err().to_string();
            assert!(said.contains(error), "{written}: {said}");
        }
    }
}
