//! Numbers with their units, strings with their escapes and `${…}`.

use super::{Pair, Reader, Rule};
use crate::base::{Span, closest};
use crate::diag::Diagnostic;
use crate::syntax::ast::*;

/// Units of time in milliseconds.
const TIMES: [(&str, i64); 6] =
    [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000), ("w", 604_800_000)];
/// Units of size in bytes.
const SIZES: [(&str, i64); 4] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)];

/// Units that people write, and what they are called here.
const SYNONYMS: [(&str, &str); 26] = [
    ("KB", "KiB"),
    ("K", "KiB"),
    ("kB", "KiB"),
    ("Ki", "KiB"),
    ("MB", "MiB"),
    ("M", "MiB"),
    ("Mi", "MiB"),
    ("GB", "GiB"),
    ("G", "GiB"),
    ("gb", "GiB"),
    ("Gi", "GiB"),
    ("TB", "TiB"),
    ("T", "TiB"),
    ("Ti", "TiB"),
    ("sec", "s"),
    ("secs", "s"),
    ("seconds", "s"),
    ("min", "m"),
    ("mins", "m"),
    ("minutes", "m"),
    ("hr", "h"),
    ("hours", "h"),
    ("day", "d"),
    ("days", "d"),
    ("weeks", "w"),
    ("millis", "ms"),
];

/// The unit that somebody means by a word.
pub(super) fn unit_meant(word: &str) -> Option<&'static str> {
    let known = || TIMES.iter().chain(&SIZES).map(|(unit, _)| *unit);
    if let Some(unit) = known().find(|unit| *unit == word) {
        return Some(unit);
    }
    let same = SYNONYMS.iter().find(|(name, _)| *name == word);
    let same = same.or_else(|| SYNONYMS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)));
    same.map(|(_, unit)| *unit)
        .or_else(|| known().find(|unit| unit.eq_ignore_ascii_case(word)))
        .or_else(|| if word.len() > 2 { closest(word, known()) } else { None })
}

impl Reader<'_> {
    /// A number, with or without a unit.
    pub(super) fn number(&mut self, text: &str, span: Span) -> ExprKind {
        let digits = text.find(|c: char| !c.is_ascii_digit() && c != '_').unwrap_or(text.len());
        let (whole, rest) = text.split_at(digits);
        if whole.len() > 1 && whole.starts_with('0') {
            return self.needs_quotes(text, span, "a number does not begin with `0`");
        }
        let value = whole.replace('_', "").parse::<i64>().ok();
        if rest.is_empty() {
            return value.map_or_else(|| self.too_large(text, span), ExprKind::Int);
        }
        if let Some(number) = text.strip_suffix('%') {
            return self.percent(number, span);
        }
        if rest.contains(['.', '/']) {
            return self.fraction(text, span);
        }
        if let Some((_, unit)) = SIZES.iter().find(|(name, _)| *name == rest) {
            let bytes = value.and_then(|value| value.checked_mul(*unit));
            return bytes.map_or_else(|| self.too_large(text, span), ExprKind::Size);
        }
        self.duration(text, span)
    }

    /// `1.5h`, `8.0.35`, `10.0.0.0/8`
    fn fraction(&mut self, text: &str, span: Span) -> ExprKind {
        if text.contains('/') || text.matches('.').count() > 1 {
            return self.needs_quotes(text, span, "text needs quotes");
        }
        if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
            return ExprKind::Fraction(text.to_owned());
        }
        let Some(whole) = whole_units(text) else {
            return self.needs_quotes(text, span, "a number has no fraction");
        };
        self.push(
            Diagnostic::error("invalid-number", span, "a number has no fraction")
                .help(format!("write `{whole}`"))
                .fix(format!("change to `{whole}`"), span, whole),
        );
        ExprKind::Broken
    }

    /// `15m`, `1h30m`
    fn duration(&mut self, text: &str, span: Span) -> ExprKind {
        let mut total = Some(0i64);
        let mut rest = text;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '_').unwrap_or(rest.len());
            let (number, after) = rest.split_at(digits);
            let letters = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
            let (unit, after) = after.split_at(letters);
            let Some((_, factor)) = TIMES.iter().find(|(name, _)| *name == unit) else {
                return self.unknown_unit(text, rest.len() - digits, unit, span);
            };
            let value =
                number.replace('_', "").parse::<i64>().ok().and_then(|value| value.checked_mul(*factor));
            total = total.zip(value).and_then(|(total, value)| total.checked_add(value));
            rest = after;
        }
        total.map_or_else(|| self.too_large(text, span), ExprKind::Duration)
    }

    fn percent(&mut self, number: &str, span: Span) -> ExprKind {
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(fraction) || fraction.len() > 2 {
            self.push(
                Diagnostic::error("invalid-number", span, format!("`{number}%` is no percentage"))
                    .help("write digits, with at most two after the point: `12.5%`"),
            );
            return ExprKind::Broken;
        }
        let hundredths = format!("{whole}{fraction:0<2}").parse::<i64>();
        hundredths.map_or_else(|_| self.too_large(&format!("{number}%"), span), ExprKind::Percent)
    }

    /// A string's parts.
    pub(super) fn string(&mut self, pair: Pair<'_>) -> Vec<StringPart> {
        let text = pair.as_str();
        if pair.as_rule() == Rule::plain {
            self.height = 1;
            let text = text.get(1..text.len() - 1).unwrap_or_default();
            return if text.is_empty() { Vec::new() } else { vec![StringPart::Text(text.to_owned())] };
        }
        let span = self.span(&pair);
        let quotes = if text.len() >= 6 && text.starts_with("\"\"\"") { 3 } else { 1 };
        let end = text.len() - quotes;
        let inside = text.get(quotes..end).unwrap_or_default();
        let indent = if quotes == 3 { indentation(inside) } else { 0 };
        // The line break after the opening quotes is no part of a long string.
        let first = if quotes == 3 && inside.starts_with('\n') { quotes + 1 + indent } else { quotes };
        let mut parts = Vec::new();
        let mut from = first.min(end);
        let mut height = 0;
        for inner in pair.into_inner() {
            let place = self.span(&inner);
            let (start, stop) = ((place.start - span.start) as usize, (place.end - span.start) as usize);
            self.text_part(text, (from, start), span, indent, &mut parts);
            parts.push(StringPart::Interpolation(self.expr(&mut inner.into_inner())));
            height = height.max(self.height);
            from = stop;
        }
        self.text_part(text, (from, end), span, indent, &mut parts);
        self.height = height + 1;
        parts
    }

    fn text_part(
        &mut self,
        text: &str,
        (from, to): (usize, usize),
        span: Span,
        indent: usize,
        parts: &mut Vec<StringPart>,
    ) {
        let raw = text.get(from..to).unwrap_or_default();
        if !raw.is_empty() {
            parts.push(StringPart::Text(self.unescape(raw, span.start + from as u32, indent)));
        }
    }

    /// The text that a piece of a string stands for, without this many spaces at the head of each line.
    fn unescape(&mut self, raw: &str, at: u32, indent: usize) -> String {
        if !raw.contains('\\') && indent == 0 {
            return raw.to_owned();
        }
        let mut out = String::with_capacity(raw.len());
        let mut chars = raw.char_indices().peekable();
        while let Some((index, c)) = chars.next() {
            if c != '\\' {
                out.push(c);
                if c == '\n' {
                    for _ in 0..indent {
                        chars.next_if(|(_, c)| *c == ' ');
                    }
                }
                continue;
            }
            match chars.next() {
                Some((_, 'n')) => out.push('\n'),
                Some((_, 't')) => out.push('\t'),
                Some((_, 'r')) => out.push('\r'),
                Some((_, c @ ('"' | '\\' | '$'))) => out.push(c),
                Some((_, c)) => {
                    let start = at + index as u32;
                    self.invalid_escape(c, Span::new(start, start + 1 + c.len_utf8() as u32));
                    out.push(c);
                }
                None => {}
            }
        }
        out
    }
}

/// `1.5h` in whole units: `90m`.
fn whole_units(text: &str) -> Option<String> {
    let at = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at_checked(at)?;
    let (whole, fraction) = number.split_once('.')?;
    let units = if TIMES.iter().any(|(name, _)| *name == unit) { &TIMES[..] } else { &SIZES[..] };
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    let scale = 10i64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let scaled = format!("{whole}{fraction}").parse::<i64>().ok()?.checked_mul(*factor)?;
    if scaled % scale != 0 {
        return None;
    }
    let total = scaled / scale;
    let (name, factor) = units.iter().rev().find(|(name, factor)| total % factor == 0 && *name != "w")?;
    Some(format!("{}{name}", total / factor))
}

/// How far all lines of a long string are indented, the line of its closing quotes included, its first one not.
fn indentation(text: &str) -> usize {
    let lines: Vec<&str> = text.split('\n').skip(1).collect();
    let spaces = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let counted = |(at, line): (usize, &&str)| {
        (at + 1 == lines.len() || !line.trim().is_empty()).then_some(spaces(line))
    };
    lines.iter().enumerate().filter_map(counted).min().unwrap_or(0)
}
