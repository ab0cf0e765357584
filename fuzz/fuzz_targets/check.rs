//! Any text is checked, and evaluated for every stage where there is no error: no panic, no hang.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::path::PathBuf;
use vpipe::check::check_text;
use vpipe::diag::{Format, Look, render};
use vpipe::eval::examine;

fuzz_target!(|text: &str| {
    // A folder that does not exist: what a text reads beside itself is not there.
    let checked = examine(check_text("fuzz.vpipe", text, PathBuf::from("/nonexistent")));
    let look = Look { colour: false, unicode: false, width: 100 };
    for format in [Format::Human, Format::Sarif] {
        render(format, &checked.diagnostics, &checked.sources, look);
    }
});
