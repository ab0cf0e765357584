//! Reports: what happens during a run, what came of it, and how long things took. Makes text; `cli` prints it.

mod live;
mod outcome;
mod plain;
mod timeline;
mod words;

pub use live::live;
pub use outcome::outcome;
pub use plain::{Sink, plain};
pub use timeline::timeline;
pub use words::{elapsed, past, present};
