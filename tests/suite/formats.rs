//! What `vpipe check` writes for programs: SARIF by its published schema, columns, order.

use serde_json::Value;
use std::path::Path;
use std::process::Command;

use super::tools::tools;

/// An error with a fix after characters of several bytes, and a circle with a related place.
const FIRST: &str = "\
pipeline p { region = \"us-east-1\" }
output port = \"é→😀\" + listn
let listen = \"x\"
let a = \"${b}\"
let b = \"${a}\"
output x = \"${a}${listen}\"
";
/// A syntax error whose brace is opened elsewhere.
const SECOND: &str = "bucket files {\n  versioning = true\n";
/// A warning.
const THIRD: &str = "let half = 1\npipeline p { region = \"us-east-1\" }\n";

/// A folder with the three, one of which has a name that addresses escape.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("b ü%.vpipe"), FIRST).unwrap();
    std::fs::create_dir(folder.path().join("a")).unwrap();
    std::fs::write(folder.path().join("a/c.vpipe"), SECOND).unwrap();
    std::fs::write(folder.path().join("c.vpipe"), THIRD).unwrap();
    folder
}

fn check(folder: &Path, format: &str, paths: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vpipe"));
    let output =
        command.args(["check", "--format", format]).args(paths).current_dir(folder).output().unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What is wrong with SARIF logs by the published schema.
fn violations(logs: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(tools().join("python"));
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/sarif.py"));
    for (number, log) in logs.iter().enumerate() {
        let path = folder.path().join(format!("{number}.sarif"));
        std::fs::write(&path, log).unwrap();
        command.arg(path);
    }
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.success(), said.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    said
}

#[test]
fn sarif_is_valid_by_its_published_schema() {
    let folder = folder();
    let log = check(folder.path(), "sarif", &[]);
    std::fs::write(folder.path().join("clean.vpipe"), "pipeline p { region = \"us-east-1\" }\n").unwrap();
    let empty = check(folder.path(), "sarif", &["clean.vpipe"]);
    assert_eq!(violations(&[&log, &empty]), "");

    // There is something to validate.
    let parsed: Value = serde_json::from_str(&log).unwrap();
    let results = parsed["runs"][0]["results"].as_array().unwrap();
    let has = |what: &dyn Fn(&Value) -> bool| results.iter().any(what);
    assert!(has(&|result| result["level"] == "error") && has(&|result| result["level"] == "warning"));
    assert!(
        has(&|result| result.get("fixes").is_some())
            && has(&|result| result.get("relatedLocations").is_some())
    );
    let rules = parsed["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    for result in results {
        let index = result["ruleIndex"].as_u64().unwrap() as usize;
        assert_eq!(rules[index]["id"], result["ruleId"]);
    }
    assert!(log.contains("\"b%20%C3%BC%25.vpipe\""), "{log}");

    // And what is wrong is found.
    let wrong = log.replacen("\"level\": \"error\"", "\"level\": \"fatal\"", 1);
    let spaced = log.replacen("b%20%C3%BC%25.vpipe", "b ü%.vpipe", 1);
    assert_eq!(violations(&[&wrong, &spaced]).lines().count(), 2);
}

#[test]
fn columns_count_characters_and_files_come_in_order() {
    let folder = folder();
    let short = check(folder.path(), "short", &[]);
    let expected = "\
a/c.vpipe:1:14: error[unclosed-brace]: this `{` is never closed
b ü%.vpipe:2:23: error[unknown-name]: nothing here is called `listn`
b ü%.vpipe:4:12: error[dependency-cycle]: `a` and `b` refer to each other in a circle
c.vpipe:1:5: warning[unused-name]: the `let` `half` is never used
";
    assert_eq!(short, expected);
    assert_eq!(short, check(folder.path(), "short", &["."]));

    let expected = "\
::error file=b ü%25.vpipe,line=2,endLine=2,col=23,endColumn=28,title=unknown-name::nothing here is called `listn`%0Ahelp: did you mean `listen`?
::error file=b ü%25.vpipe,line=4,endLine=4,col=12,endColumn=13,title=dependency-cycle::`a` and `b` refer to each other in a circle%0Ahelp: none of them can be made before the others: give one of them a value of its own
";
    assert_eq!(check(folder.path(), "github", &["b ü%.vpipe"]), expected);

    let json: Value = serde_json::from_str(&check(folder.path(), "json", &[])).unwrap();
    let codes: Vec<&str> = json.as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["unclosed-brace", "unknown-name", "dependency-cycle", "unused-name"]);
    let place = |file: &str, line: u64, from: u64, to: u64| {
        serde_json::json!({
            "file": file,
            "start": { "line": line, "column": from },
            "end": { "line": line, "column": to },
        })
    };
    assert_eq!(json[1]["place"], place("b ü%.vpipe", 2, 23, 28));
    assert_eq!(json[1]["fix"]["edits"][0]["place"], json[1]["place"]);
    assert_eq!(json[1]["fix"]["edits"][0]["text"], "listen");
    assert_eq!(json[2]["related"][0]["place"], place("b ü%.vpipe", 5, 12, 13));
    assert_eq!(json[3]["place"], place("c.vpipe", 1, 5, 9));
}
