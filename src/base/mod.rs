//! The ground floor: spans, the source map, did-you-mean, orders, work on several cores.

mod order;
mod parts;
mod span;
mod suggest;

pub use order::{Order, order};
pub use parts::{in_parts, parts_for};
pub use span::{SourceFile, SourceMap, Span, Spanned, TooMuchSource};
pub use suggest::{closest, most_alike, sentence_list, snake_case, tail_of};
