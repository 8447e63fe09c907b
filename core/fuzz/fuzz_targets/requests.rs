//! A well-formed header of some API and version that is served, then any bytes: as a request, and as the answer to one.
#![no_main]

use bytes::{BufMut, Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;
use ottla_core::wire::{ApiKey, decode_request, decode_response};

fuzz_target!(|data: &[u8]| {
    let Some(([api, version], body)) = data.split_first_chunk::<2>() else { return };
    let api = ApiKey::ALL[usize::from(*api) % ApiKey::ALL.len()];
    let (min, max) = api.versions();
    let version = min + i16::from(*version) % (max - min + 1);
    for tags in [&b""[..], b"\0"] {
        let mut frame = BytesMut::new();
        frame.put_i16(api as i16);
        frame.put_i16(version);
        frame.put_i32(1);
        frame.put_i16(-1);
        frame.put_slice(tags);
        frame.put_slice(body);
        let _ = decode_request(frame.freeze());
    }
    let _ = decode_response(api, version, Bytes::copy_from_slice(body));
});
