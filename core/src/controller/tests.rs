//! The controller as a whole.
