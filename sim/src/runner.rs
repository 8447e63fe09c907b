//! Runs worlds: one seed, or many on several threads.
//!
//! State       none that outlives a call, but the place where the last panic of this thread happened.
//! Holds       the only place in this crate that starts threads; a world never sees another.
//! Not here    what a world is (world/), what it is drawn from (campaign.rs).

use std::cell::RefCell;
use std::sync::Once;

thread_local! {
    static PANIC_AT: RefCell<Option<String>> = const { RefCell::new(None) };
    static QUIET: RefCell<bool> = const { RefCell::new(false) };
}

/// Panics on this thread are kept instead of printed while `work` runs: in a world a panic is a finding.
pub fn quietly<T>(work: impl FnOnce() -> T) -> T {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let at = info.location().map(|l| format!("{}:{}", l.file(), l.line()));
            PANIC_AT.with(|p| p.replace(at));
            if !QUIET.with(|q| *q.borrow()) {
                before(info);
            }
        }));
    });
    let outer = QUIET.with(|q| q.replace(true));
    let result = work();
    QUIET.with(|q| q.replace(outer));
    result
}

/// Where the last panic of this thread happened, and its text.
pub(crate) fn panic_site(text: &str) -> (String, String) {
    let at = PANIC_AT.with(|p| p.take());
    (at.unwrap_or_else(|| crate::checks::site_of(text)), text.to_string())
}
