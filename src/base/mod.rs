//! The ground floor: spans, the source map, did-you-mean, orders.

mod order;
mod span;
mod suggest;

pub use order::{Order, order};
pub use span::{SourceFile, SourceMap, Span, Spanned, TooMuchSource};
pub use suggest::{closest, sentence_list};
