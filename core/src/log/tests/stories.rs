//! What a log does in the situations that have broken others.
