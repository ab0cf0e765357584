//! Any text that can be read is formatted: it then means the same, comments included, and formatting it again changes
//! nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vpipe::base::{SourceFile, SourceMap};
use vpipe::fmt::format;
use vpipe::syntax::parse;

fuzz_target!(|text: &str| {
    let file = file(text);
    let Ok(once) = format(&file) else { return };
    let formatted = self::file(&once);
    match format(&formatted) {
        Ok(twice) => assert_eq!(once, twice, "formatting {text:?} twice is not formatting it once"),
        Err(found) => panic!("formatted, {text:?} cannot be read: {once:?}: {found:?}"),
    }
    assert_eq!(tree(&file), tree(&formatted), "formatting {text:?} changed its meaning");
});

fn file(text: &str) -> SourceFile {
    SourceMap::default().add("fuzz.vpipe", text).expect("an input is small")
}

/// The tree without its places.
fn tree(file: &SourceFile) -> String {
    let shown = format!("{:#?}", parse(file).file);
    let is_place = |line: &str| line.bytes().all(|byte| byte.is_ascii_digit() || b" .,".contains(&byte));
    shown.lines().filter(|line| !line.trim_start().starts_with("span: ") && !is_place(line)).collect::<Vec<_>>().join("\n")
}
