//! ApiVersions (KIP-35, KIP-511, KIP-584): what is served, and which features are switched on.

use super::text;
use crate::controller::Image;
use crate::wire::msg::api_versions_response::{ApiVersion, FinalizedFeatureKey, SupportedFeatureKey};
use crate::wire::msg::{ApiVersionsRequest, ApiVersionsResponse};
use crate::wire::{ApiKey, ErrorCode};

const METADATA_VERSION: &str = "metadata.version";
/// The least that Kafka 4 reads (3.3).
const METADATA_VERSION_MIN: i16 = 7;

/// Kafka offers the telemetry APIs only where a plug-in takes the metrics, and there is none here (KIP-714).
fn is_advertised(api: ApiKey) -> bool {
    !matches!(api, ApiKey::GetTelemetrySubscriptions | ApiKey::PushTelemetry)
}

/// The answer, and the version in which it has to be encoded. `epoch`: the last offset of the metadata that features were read from.
#[must_use]
pub fn answer(image: &Image, epoch: i64, version: i16, request: &ApiVersionsRequest) -> (i16, ApiVersionsResponse) {
    let served = ApiKey::ApiVersions.versions();
    let keys = || ApiKey::ALL.iter().copied().filter(|api| is_advertised(*api)).map(entry).collect();
    if version < served.0 || version > served.1 {
        let error = ErrorCode::UnsupportedVersion.code();
        return (0, ApiVersionsResponse::default().with_error_code(error).with_api_keys(keys()));
    }
    if version >= 3 && !(is_valid(&request.client_software_name) && is_valid(&request.client_software_version)) {
        return (version, ApiVersionsResponse::default().with_error_code(ErrorCode::InvalidRequest.code()));
    }
    let mut response = ApiVersionsResponse::default().with_api_keys(keys());
    for (name, level) in &image.features {
        let min = if name == METADATA_VERSION { METADATA_VERSION_MIN } else { 0 };
        let supported = SupportedFeatureKey::default().with_name(text(name)).with_min_version(min).with_max_version(*level);
        let finalized =
            FinalizedFeatureKey::default().with_name(text(name)).with_min_version_level(*level).with_max_version_level(*level);
        // Clients of before version 4 do not understand features that may be absent.
        if version >= 4 || min > 0 {
            response.supported_features.push(supported);
        }
        response.finalized_features.push(finalized);
    }
    response.finalized_features_epoch = epoch;
    (version, response)
}

fn entry(api: ApiKey) -> ApiVersion {
    let (min, max) = api.versions();
    // librdkafka takes a broker for one of before 0.10 unless Produce begins at 0 (KAFKA-18659).
    let min = if api == ApiKey::Produce { 0 } else { min };
    ApiVersion::default().with_api_key(api as i16).with_min_version(min).with_max_version(max)
}

/// KIP-511: letters and digits, with dots and dashes between them.
fn is_valid(name: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || b == b'.' || b == b'-';
    let ends = [name.bytes().next(), name.bytes().next_back()];
    name.bytes().all(inner) && ends.iter().all(|b| b.is_some_and(|b| b.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_names_itself_in_letters_digits_dots_and_dashes() {
        for good in ["a", "apache-kafka-java", "4.3.1", "x-1.y"] {
            assert!(is_valid(good), "{good}");
        }
        for bad in ["", "-a", "a.", "a b", "a_b", "ü"] {
            assert!(!is_valid(bad), "{bad}");
        }
    }

    #[test]
    fn an_unknown_version_is_answered_in_version_0() {
        let (version, response) = answer(&Image::default(), 0, 99, &ApiVersionsRequest::default());
        assert_eq!((version, response.error_code), (0, ErrorCode::UnsupportedVersion.code()));
        assert!(response.api_keys.iter().any(|k| k.api_key == ApiKey::ApiVersions as i16));
    }
}
