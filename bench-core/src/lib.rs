//! The words of memory measuring and its instruments.
//!
//! The crate has two halves. The *data half* (always there) owns the vocabulary that every other crate speaks:
//! [`case`], [`evidence`], [`metric`], [`run`], [`server_url`]. The *harness* (feature `harness`) owns the instruments and
//! the child process that uses them. The crate names no engine and passes no judgement on a run.

pub mod case;
pub mod dhat_profile;
pub mod evidence;
#[cfg(feature = "harness")]
pub mod harness;
#[cfg(feature = "harness")]
pub mod instrument;
pub mod metric;
pub mod run;
pub mod server_url;
