//! Files that are no texts, cannot be written or are links; marks and line ends that a repair must leave alone.

use std::path::Path;
use std::process::{Command, Stdio};

/// The exit code and what is said, both streams together.
fn vpipe(folder: &Path, args: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vpipe"));
    let output = command.args(args).current_dir(folder).stdin(Stdio::null()).env_clear().output().unwrap();
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

/// A file with one slip, and the same without it.
const SLIP: &str = "pipeline a { region = \"us-east-1\" };\r\n\r\n\toutput b = 1 // é\r\n";
const RIGHT: &str = "pipeline a { region = \"us-east-1\" }\r\n\r\n\toutput b = 1 // é\r\n";

#[test]
fn a_repair_leaves_marks_line_ends_and_tabs_alone() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("a.vpipe");
    std::fs::write(&file, format!("\u{feff}{SLIP}")).unwrap();
    let (code, text) = vpipe(home.path(), &["check", "--fix", "a.vpipe"]);
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), format!("\u{feff}{RIGHT}"));
}

#[test]
fn what_is_no_text_is_told_once() {
    let home = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(home.path().join(name), bytes).unwrap();
    write("a.vpipe", b"let a = \"\xff\"\n");
    write("b.vpipe", b"\x7fELF\0\0{{{");
    let (code, text) = vpipe(home.path(), &["check", "--format", "short"]);
    let expected = "\
a.vpipe:1:10: error[unreadable-file]: line 1 of `a.vpipe` is not UTF-8 text
b.vpipe:1:1: error[unreadable-file]: `b.vpipe` is not UTF-8 text
";
    assert_eq!((code, text.as_str()), (Some(1), expected));
    let (code, text) = vpipe(home.path(), &["fmt"]);
    assert_eq!(code, Some(1), "{text}");
    assert_eq!(text.matches("is not UTF-8 text; save it as UTF-8").count(), 2, "{text}");
}

#[test]
fn nothing_is_searched_for_in_vain_without_a_word() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("empty")).unwrap();
    std::fs::write(home.path().join("shop.vpipe"), RIGHT).unwrap();
    for command in ["check", "fmt"] {
        let told = |path: &str| vpipe(home.path(), &[command, path]);
        assert_eq!(told("empty"), (Some(2), "error: there is no `.vpipe` file in `empty`\n".to_owned()));
        let near = "error: there is no file `shp.vpipe`; did you mean `shop.vpipe`?\n";
        assert_eq!(told("shp.vpipe"), (Some(2), near.to_owned()));
    }
    let (code, text) = vpipe(home.path(), &["check", "--fix", "-"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("does not go with standard input"), "{text}");
}

#[cfg(unix)]
#[test]
fn links_lead_to_their_files_and_read_only_files_stay() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let home = tempfile::tempdir().unwrap();
    let at = |name: &str| home.path().join(name);
    std::fs::write(at("a.vpipe"), SLIP).unwrap();
    symlink("a.vpipe", at("link.vpipe")).unwrap();
    symlink("nowhere.vpipe", at("dead.vpipe")).unwrap();
    let (code, text) = vpipe(home.path(), &["check", "dead.vpipe"]);
    assert_eq!(code, Some(2));
    assert_eq!(text, "error: `dead.vpipe` is a link to `nowhere.vpipe`, which is not there\n");

    std::fs::set_permissions(at("a.vpipe"), std::fs::Permissions::from_mode(0o444)).unwrap();
    let (code, text) = vpipe(home.path(), &["check", "--fix", "--format", "short", "a.vpipe"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("a.vpipe:1:36: error[syntax-error]"), "{text}");
    assert!(text.contains("error: `a.vpipe` cannot be written: it is read-only"), "{text}");
    assert_eq!(std::fs::read_to_string(at("a.vpipe")).unwrap(), SLIP);

    std::fs::set_permissions(at("a.vpipe"), std::fs::Permissions::from_mode(0o640)).unwrap();
    let (code, text) = vpipe(home.path(), &["check", "--fix", "link.vpipe"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(std::fs::symlink_metadata(at("link.vpipe")).unwrap().is_symlink());
    assert_eq!(std::fs::read_to_string(at("a.vpipe")).unwrap(), RIGHT);
    assert_eq!(std::fs::metadata(at("a.vpipe")).unwrap().permissions().mode() & 0o777, 0o640);
    let (code, text) = vpipe(home.path(), &["fmt", "."]);
    assert_eq!(code, Some(0), "{text}");
    assert!(std::fs::symlink_metadata(at("link.vpipe")).unwrap().is_symlink());
}
