//! Any text is checked, and evaluated for every stage where there is no error: no panic, no hang.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::path::PathBuf;
use vpipe::check::check_text;
use vpipe::diag::{Format, Look, Severity, render};
use vpipe::eval::check_stages;

fuzz_target!(|text: &str| {
    // A folder that does not exist: what a text reads beside itself is not there.
    let mut checked = check_text("fuzz.vpipe", text, PathBuf::from("/nonexistent"));
    let wrong = checked.diagnostics.iter().any(|finding| finding.severity == Severity::Error);
    if let (Some(program), false) = (&checked.program, wrong) {
        checked.diagnostics.extend(check_stages(program));
    }
    let look = Look { colour: false, unicode: false, width: 100 };
    for format in [Format::Human, Format::Sarif] {
        render(format, &checked.diagnostics, &checked.sources, look);
    }
});
