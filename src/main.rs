//! The `vpipe` command.

fn main() {}
