//! Whole logs on a disk in memory.
