//! Any text is parsed: no panic, no hang, and every place that a finding names lies in the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vpipe::base::SourceMap;
use vpipe::diag::{Format, Look, apply, render};
use vpipe::syntax::parse;

fuzz_target!(|text: &str| {
    let mut sources = SourceMap::default();
    let Ok(file) = sources.add("fuzz.vpipe", text) else { return };
    let parsed = parse(&file);
    for finding in &parsed.diagnostics {
        let places = std::iter::once(finding.span).chain(finding.related.iter().map(|label| label.span));
        for span in places {
            assert!(span.start <= span.end && span.end as usize <= file.base as usize + text.len(), "{finding:?}");
            let at = |end: u32| text.is_char_boundary((end - file.base) as usize);
            assert!(at(span.start) && at(span.end), "{finding:?}");
        }
    }
    for format in [Format::Human, Format::Short, Format::Json, Format::Sarif, Format::Github] {
        let look = Look { colour: true, unicode: true, width: 80 };
        render(format, &parsed.diagnostics, &sources, look);
    }
    // A repair can be applied.
    apply(&file, &parsed.diagnostics);
});
