//! Any bytes as a frame: a request, or an error.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use ottla_core::wire::{decode_request, encode_request};

fuzz_target!(|data: &[u8]| {
    if let Ok(frame) = decode_request(Bytes::copy_from_slice(data)) {
        // What was understood can be said again, unless it carries tags that nobody knows.
        let _ = encode_request(&frame);
    }
});
