//! What the suites measure with: [`dataset`]s that the user brings, the text [`corpus`] and the user's
//! documents, the [`embedder`]s that make vectors of them, the [`material`] made of all these, and what is
//! [`kept`] between processes.

pub mod chunk;
pub mod corpus;
pub mod dataset;
pub mod embedder;
pub mod indexing;
pub mod kept;
pub mod material;
pub mod user_documents;
