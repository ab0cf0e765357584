//! The `vpipe` command.

fn main() -> std::process::ExitCode {
    vpipe::cli::main()
}
