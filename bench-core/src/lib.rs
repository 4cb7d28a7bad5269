//! The words of memory measuring and its instruments.
//!
//! The crate has two halves. The *data half* (always there) owns the vocabulary that every other crate speaks:
//! [`case`], [`evidence`], [`metric`], [`run`], [`leak`]. The *instruments* (feature `instruments`) read memory, and the leak
//! detector uses them in anybody's tests. The *harness* (feature `harness`) is the child process that uses them for a bench. The crate
//! names no engine and passes no judgement on a run.

pub mod case;
pub mod dhat_profile;
pub mod evidence;
#[cfg(feature = "harness")]
pub mod harness;
#[cfg(feature = "instruments")]
pub mod instrument;
pub mod leak;
#[cfg(feature = "instruments")]
pub mod leak_detector;
pub mod metric;
pub mod run;
