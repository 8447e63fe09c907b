//! The tests of the binary and of the house, in one test program.

mod conformance;
mod tidy;
