//! Any text as `server.properties`: every setting is taken or refused, and what is taken can be read back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ottla_core::config::properties::properties;
use ottla_core::config::{Settings, TopicSettings, check_topic_overrides, topic_setting};
use std::collections::BTreeMap;

fuzz_target!(|text: &str| {
    let mut settings = Settings::default();
    let mut own = BTreeMap::new();
    for entry in properties(text).entries {
        let (name, value) = (&text[entry.name_span.clone()], &text[entry.value_span.clone()]);
        assert!(name.contains('\\') || name == entry.name, "an entry knows its place");
        assert!(value.contains('\\') || value == entry.value, "an entry knows its place");
        if settings.insert(&entry.name, &entry.value).is_ok() {
            let _ = settings.given_value(&entry.name);
        }
        if topic_setting(&entry.name).is_some() {
            own.insert(entry.name, entry.value);
        }
    }
    let mut again = Settings::default();
    for (name, value) in settings.given() {
        again.insert(name, value).expect("what was taken once is taken again");
    }
    assert!(again.given().eq(settings.given()), "and means the same");
    if check_topic_overrides(&settings, &own).is_ok() {
        let _ = TopicSettings::new(&settings, &own).log_config();
    }
});
