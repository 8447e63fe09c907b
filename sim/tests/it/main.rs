//! Worlds as a user of the library runs them.

mod campaigns;
mod determinism;
mod exhaustive;
mod mutants;
mod shrink;
mod stories;
