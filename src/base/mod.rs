//! The ground floor: spans, the source map, did-you-mean.

mod span;
mod suggest;

pub use span::{SourceFile, SourceMap, Span, Spanned, TooMuchSource};
pub use suggest::{closest, sentence_list};
