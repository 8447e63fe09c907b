//! One replica's log.
