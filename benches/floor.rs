//! What checking a large file takes, stage by stage, beside what pest alone takes to recognise it: the floor.
//!
//! `cargo bench --no-default-features --bench floor -- [FILE]`: medians of 20 runs in one process. Without a file, a
//! generated one of 10,000 resources.

use std::fmt::Write;
use std::hint::black_box;
use std::path::PathBuf;
use std::time::Instant;

use vpipe::base::SourceMap;
use vpipe::{check, eval, syntax};

const RUNS: usize = 20;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    let text = match &file {
        Some(file) => std::fs::read_to_string(file).map_err(|why| format!("{file}: {why}"))?,
        None => generated(10_000),
    };
    let name = file.as_deref().unwrap_or("generated.vpipe");
    let folder = || PathBuf::from(name).parent().map(PathBuf::from).unwrap_or_default();
    let source = SourceMap::default().add(name, text.as_str())?;

    println!("{name}: {} KiB, {} pairs of the grammar", text.len() / 1024, syntax::recognise(&source));
    measure("pest alone, on one core", || syntax::recognise(&source));
    measure("parse, on all cores", || syntax::parse(&source));
    measure("parse, names and types", || check::check_text(name, &text, folder()));
    measure("parse, names and types, values of every stage", || {
        eval::examine(check::check_text(name, &text, folder()))
    });
    Ok(())
}

/// Prints the median time and the least; what was made is dropped outside of it.
fn measure<T>(what: &str, work: impl Fn() -> T) {
    let mut times: Vec<f64> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            let made = black_box(work());
            let time = start.elapsed().as_secs_f64() * 1000.0;
            drop(made);
            time
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!("{what:<46}{:8.1} ms, at best {:.1} ms", times[RUNS / 2], times[0]);
}

/// The file that `scripts/bench.sh` checks.
fn generated(count: usize) -> String {
    let mut text =
        "pipeline big { region = \"us-east-1\" }\n\nexisting vpc main { default = true }\n".to_owned();
    for n in 0..count {
        let (port, high, low) = (1 + n % 60_000, n / 256 % 256, n % 256);
        let _ = write!(
            text,
            "\nsecurity_group group_{n} {{\n  vpc = main\n  description = \"group {n}\"\n  \
             allow tcp {port} from \"10.{high}.{low}.0/24\"\n}}\n"
        );
    }
    text
}
