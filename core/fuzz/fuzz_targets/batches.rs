//! Any bytes as the records of a Produce request, and as those of a Fetch answer. Lengths and checksum are put right first, or the
//! fuzzer would never get past them.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use ottla_core::time::Timestamp;
use ottla_core::wire::batch::{AppendPolicy, BatchInfo, HEADER_BYTES, batches, check, prepare, records};
use ottla_core::wire::compress::{Codec, Compression, DECOMPRESSED_BYTES_MAX};

const POLICY: AppendPolicy = AppendPolicy {
    bytes_max: 1 << 20,
    compression: Some(Compression { codec: Codec::None, level: None }),
    log_append_time: false,
    timestamp_before_max_ms: 1_000,
    timestamp_after_max_ms: 1_000,
    compacted: true,
};

fuzz_target!(|data: &[u8]| {
    let mut unpacked_left = DECOMPRESSED_BYTES_MAX;
    let _ = check(Some(Bytes::copy_from_slice(data)), 13, &mut unpacked_left);
    let mut data = data.to_vec();
    if data.len() >= HEADER_BYTES {
        let length = i32::try_from(data.len() - 12).expect("small");
        data[..8].fill(0);
        data[8..12].copy_from_slice(&length.to_be_bytes());
        data[16] = 2;
        if let Ok(mut info) = BatchInfo::parse(&data, 0) {
            let header = info.seal(&data[HEADER_BYTES..]);
            data[..HEADER_BYTES].copy_from_slice(&header);
        }
    }
    let data = Bytes::from(data);
    for batch in batches(data.clone()).flatten() {
        if let Ok(records) = records(&batch.info, &batch.bytes) {
            let _ = records.count();
        }
    }
    if let Ok(checked) = check(Some(data), 13, &mut unpacked_left) {
        // What passed can be read, whole, by everybody else.
        let (bytes, info) = checked.iter().next().expect("one batch");
        let read = records(info, &bytes).expect("a checked batch decompresses");
        assert_eq!(read.filter(Result::is_ok).count(), usize::try_from(info.count).expect("positive"));
        if let Ok(ready) = prepare(&checked, &POLICY, "t", 0, Timestamp(1_000)) {
            let (info, parts) = ready.stamp(7, 1);
            assert!(info.crc_matches(&parts.concat()));
        }
    }
});
