//! The tests of the binary and of the house, in one test program.

mod cli;
mod clients;
mod conformance;
mod kill9;
mod support;
mod tidy;
