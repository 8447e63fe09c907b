//! A refusal: Kafka's error code and the sentence that goes with it.

use crate::wire::ErrorCode;
use crate::wire::msg::StrBytes;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Refusal {
    pub(super) code: ErrorCode,
    pub(super) message: Option<String>,
}

impl Refusal {
    pub(super) fn new(code: ErrorCode, message: impl Into<String>) -> Refusal {
        Refusal { code, message: Some(message.into()) }
    }

    /// A code whose sentence Kafka leaves out.
    pub(super) fn bare(code: ErrorCode) -> Refusal {
        Refusal { code, message: None }
    }

    pub(super) fn text(&self) -> Option<StrBytes> {
        self.message.clone().map(StrBytes::from_string)
    }

    /// Kafka's answer to a request that gives it no time at all.
    pub(super) fn timed_out() -> Refusal {
        Refusal::bare(ErrorCode::RequestTimedOut)
    }
}

/// A string as the protocol crate has it.
pub(super) fn text(s: &str) -> StrBytes {
    StrBytes::from_string(s.to_owned())
}
