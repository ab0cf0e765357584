//! Places in source text: 8-byte global spans and the map that resolves them.

use serde::{Deserialize, Serialize};

/// A half-open byte range in the global address space of a [`SourceMap`].
///
/// Each file is given a base offset, so one diagnostic can label several files.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The span from `start` to `end`.
    pub const fn new(start: u32, end: u32) -> Self {
        Self { start, end }
    }

    /// The smallest span that covers both.
    pub fn to(self, other: Span) -> Span {
        Span::new(self.start.min(other.start), self.end.max(other.end))
    }

    /// The span as many bytes further on.
    pub fn moved(self, by: u32) -> Span {
        Span::new(self.start.saturating_add(by), self.end.saturating_add(by))
    }

    /// The length in bytes.
    pub fn len(self) -> usize {
        self.end.saturating_sub(self.start) as usize
    }

    /// Whether the span covers no byte.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }
}

impl std::fmt::Debug for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}..{}", self.start, self.end)
    }
}

/// A value together with the place where the user wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// Joins a value and its place.
    pub fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }
}

/// One source text with its place in the global address space.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// The name shown to users: a path as they gave it, or `std/rds.vpipe`.
    pub name: String,
    /// The whole text.
    pub text: std::sync::Arc<str>,
    /// The global offset of its first byte.
    pub base: u32,
}

/// All source texts of one invocation.
#[derive(Clone, Debug, Default)]
pub struct SourceMap {
    files: Vec<SourceFile>,
}

/// More source text than the 32-bit address space holds.
#[derive(Debug, thiserror::Error)]
#[error("the sources together are larger than 4 GiB")]
pub struct TooMuchSource;

impl SourceMap {
    /// Adds a text and returns its file.
    ///
    /// # Errors
    /// When the texts together exceed 4 GiB.
    pub fn add(
        &mut self,
        name: impl Into<String>,
        text: impl Into<std::sync::Arc<str>>,
    ) -> Result<SourceFile, TooMuchSource> {
        let text = text.into();
        // One byte of gap keeps the end of one file apart from the start of the next.
        let base = self.files.last().map_or(0, |f| u64::from(f.base) + f.text.len() as u64 + 1);
        if base + text.len() as u64 + 1 > u64::from(u32::MAX) {
            return Err(TooMuchSource);
        }
        let file = SourceFile { name: name.into(), text, base: base as u32 };
        self.files.push(file.clone());
        Ok(file)
    }

    /// Takes over the files of another map. Gives the offset by which its spans move.
    ///
    /// # Errors
    /// When the texts together exceed 4 GiB.
    pub fn absorb(&mut self, other: &SourceMap) -> Result<u32, TooMuchSource> {
        let offset = self.files.last().map_or(0, |f| u64::from(f.base) + f.text.len() as u64 + 1);
        let end = other.files.last().map_or(0, |f| u64::from(f.base) + f.text.len() as u64 + 1);
        if offset + end > u64::from(u32::MAX) {
            return Err(TooMuchSource);
        }
        let offset = offset as u32;
        self.files.extend(other.files.iter().map(|f| SourceFile { base: f.base + offset, ..f.clone() }));
        Ok(offset)
    }

    /// The files in the order in which they were added.
    pub fn files(&self) -> &[SourceFile] {
        &self.files
    }

    /// The file that holds a span.
    pub fn file(&self, span: Span) -> Option<&SourceFile> {
        let at = self.files.partition_point(|f| f.base <= span.start);
        self.files.get(at.checked_sub(1)?)
    }

    /// The text under a span.
    pub fn text(&self, span: Span) -> &str {
        self.file(span)
            .and_then(|f| {
                let start = (span.start - f.base) as usize;
                f.text.get(start..(start + span.len()).min(f.text.len()))
            })
            .unwrap_or_default()
    }

    /// File name, line and column (both from 1; columns count characters) of a span's start.
    pub fn position(&self, span: Span) -> Option<(&str, usize, usize)> {
        let file = self.file(span)?;
        let at = ((span.start - file.base) as usize).min(file.text.len());
        let before = file.text.get(..at)?;
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |l| l.chars().count()) + 1;
        Some((&file.name, line, column))
    }
}
