//! Whole logs on a disk in memory, beside a naive model.

mod disk;
mod random;
mod stories;
mod transactions;
mod world;
