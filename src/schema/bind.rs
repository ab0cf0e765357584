//! Matching what the user wrote to what is declared: header values of blocks, arguments of calls.

use indexmap::IndexMap;

use super::types::{BlockSchema, Field, Header};
use crate::base::{Span, closest, sentence_list};
use crate::diag::Diagnostic;
use crate::syntax::ast::{Arg, Block, Expr, ExprKind, HeaderArg};

/// The values that a block's header gives to one attribute.
#[derive(Clone, Debug)]
pub struct BoundArg<'a> {
    /// What is declared.
    pub header: &'a Header,
    /// One value, or several where commas joined them and the type is a list.
    pub values: &'a [Expr],
    /// The keyword and the values.
    pub span: Span,
}

impl BoundArg<'_> {
    /// Whether the values are the elements of a list, rather than one value that is the attribute itself.
    pub fn is_list(&self) -> bool {
        self.header.attribute.ty.item().is_some()
    }
}

/// Matches a block's header values to its declared header attributes, by keyword or else by position.
///
/// # Errors
/// Values too many, too few, twice, or several where one is taken.
pub fn bind_header<'a>(
    schema: &'a BlockSchema,
    block: &'a Block,
) -> Result<IndexMap<&'a str, BoundArg<'a>>, Vec<Diagnostic>> {
    let mut bound: IndexMap<&'a str, BoundArg<'a>> = IndexMap::new();
    let mut wrong = Vec::new();
    let usage = || format!("write `{}`", usage(schema));
    let (mut meant, mut surplus) = (None, false);
    for (at, arg) in block.header.iter().enumerate() {
        // What follows a misspelt keyword is its value.
        if meant.is_some_and(|meant| meant == at) {
            continue;
        }
        if let Some((word, near)) = misspelt_keyword(schema, block, at) {
            let message = format!("`{}` has no `{word}`", schema.name);
            wrong.push(
                Diagnostic::error("invalid-header", arg.span, message)
                    .help(format!("did you mean `{near}`?"))
                    .fix(format!("change to `{near}`"), arg.span, near),
            );
            meant = Some(at + 1);
            continue;
        }
        let header = match &arg.keyword {
            Some(word) => schema.header.iter().find(|h| h.keyword.as_ref() == Some(&word.value)),
            None => schema
                .header
                .iter()
                .find(|h| h.keyword.is_none() && !bound.contains_key(h.attribute.name.as_str())),
        };
        let Some(header) = header else {
            // Of values without a place the first is told.
            if arg.keyword.is_some() || !std::mem::replace(&mut surplus, true) {
                wrong.push(no_header(schema, block, arg).help(usage()));
            }
            continue;
        };
        let found = BoundArg { header, values: &arg.values, span: arg.span };
        if let ([_, second, ..], false) = (&arg.values[..], found.is_list()) {
            let message = format!("`{}` of `{}` takes one value", header.attribute.name, schema.name);
            wrong.push(
                Diagnostic::error("invalid-header", second.span, message)
                    .label("a second value")
                    .help(format!("write a `{}` for each value", schema.name)),
            );
        }
        if let Some(first) = bound.insert(&header.attribute.name, found) {
            let message = format!("`{}` is given twice", header.attribute.name);
            wrong.push(
                Diagnostic::error("invalid-header", arg.span, message)
                    .related(first.span, "first here")
                    .help(usage()),
            );
        }
    }
    let missing: Vec<&str> = schema
        .header
        .iter()
        .filter(|h| !h.attribute.optional() && !bound.contains_key(h.attribute.name.as_str()))
        .map(|h| h.keyword.as_deref().unwrap_or(&h.attribute.name))
        .collect();
    if !missing.is_empty() && wrong.is_empty() {
        let message = format!("`{}` lacks {}", schema.name, sentence_list(missing, "and"));
        wrong.push(Diagnostic::error("invalid-header", block.name.span, message).help(usage()));
    }
    if wrong.is_empty() { Ok(bound) } else { Err(wrong) }
}

/// Reports a header value for which there is no place.
fn no_header(schema: &BlockSchema, block: &Block, arg: &HeaderArg) -> Diagnostic {
    let error = |span, message| Diagnostic::error("invalid-header", span, message);
    if let Some(word) = &arg.keyword {
        let words = schema.header.iter().filter_map(|header| header.keyword.as_deref());
        let diagnostic = error(word.span, format!("`{}` has no `{}`", schema.name, word.value));
        return match closest(&word.value, words) {
            Some(near) => diagnostic.fix(format!("change to `{near}`"), word.span, near),
            None => diagnostic,
        };
    }
    match left_out_keyword(schema, block, arg) {
        Some(word) => {
            let start = Span::new(arg.span.start, arg.span.start);
            error(arg.span, format!("`{}` lacks `{word}` before this", schema.name)).fix(
                format!("add `{word}`"),
                start,
                format!("{word} "),
            )
        }
        None => error(arg.span, format!("`{}` takes no further value here", schema.name)),
    }
}

/// The keywords of a header that a block does not use.
fn free_keywords<'a>(schema: &'a BlockSchema, block: &'a Block) -> impl Iterator<Item = &'a str> {
    let free = |word: &&str| {
        let used = |arg: &HeaderArg| arg.keyword.as_ref().is_some_and(|one| one.value == **word);
        !block.header.iter().any(used)
    };
    schema.header.iter().filter_map(|header| header.keyword.as_deref()).filter(free)
}

/// Whether the header value at a place is a keyword misspelt, such as `form` before another value; and which one.
fn misspelt_keyword<'a>(schema: &'a BlockSchema, block: &'a Block, at: usize) -> Option<(&'a str, &'a str)> {
    let [this, next, ..] = block.header.get(at..)? else { return None };
    let ([Expr { kind: ExprKind::Name(word), .. }], None, None) =
        (&this.values[..], &this.keyword, &next.keyword)
    else {
        return None;
    };
    Some((word, closest(word, free_keywords(schema, block))?))
}

/// The one keyword that was left out before the last header value.
fn left_out_keyword<'a>(schema: &'a BlockSchema, block: &'a Block, arg: &HeaderArg) -> Option<&'a str> {
    let mut free = free_keywords(schema, block);
    let last = block.header.last().is_some_and(|last| last.span == arg.span);
    let word = free.next().filter(|_| last)?;
    free.next().is_none().then_some(word)
}

/// How a block is written: `allow PROTOCOL PORTS from SOURCE`.
pub fn usage(schema: &BlockSchema) -> String {
    let mut words = vec![schema.name.clone()];
    for header in &schema.header {
        words.extend(header.keyword.clone());
        words.push(header.attribute.name.to_uppercase());
    }
    words.join(" ")
}

/// Matches the arguments of `NAME(…)` to declared parameters, by name or else by position.
///
/// # Errors
/// Arguments that are unknown, twice, too many or missing.
pub fn bind_call<'a>(
    name: &str,
    span: Span,
    params: &IndexMap<String, Field>,
    args: &'a [Arg],
) -> Result<IndexMap<String, &'a Expr>, Vec<Diagnostic>> {
    let mut bound: IndexMap<String, &'a Expr> = IndexMap::new();
    let mut wrong = Vec::new();
    for arg in args {
        let param = match &arg.name {
            Some(word) if params.contains_key(&word.value) => word.value.clone(),
            Some(word) => {
                let message = format!("`{name}` has no parameter `{}`", word.value);
                let diagnostic = Diagnostic::error("invalid-arguments", word.span, message);
                wrong.push(match closest(&word.value, params.keys().map(String::as_str)) {
                    Some(near) => diagnostic.help(format!("did you mean `{near}`?")).fix(
                        format!("change to `{near}`"),
                        word.span,
                        near,
                    ),
                    None => diagnostic.help(call_usage(name, params)),
                });
                continue;
            }
            None => match params.keys().find(|param| !bound.contains_key(*param)) {
                Some(param) => param.clone(),
                None => {
                    let message = format!("`{name}` takes {}", count(params.len()));
                    wrong.push(
                        Diagnostic::error("invalid-arguments", arg.value.span, message)
                            .help(call_usage(name, params)),
                    );
                    continue;
                }
            },
        };
        if let Some(first) = bound.insert(param.clone(), &arg.value) {
            wrong.push(
                Diagnostic::error("invalid-arguments", arg.value.span, format!("`{param}` is given twice"))
                    .related(first.span, "first here")
                    .help(call_usage(name, params)),
            );
        }
    }
    let missing: Vec<&str> = params
        .iter()
        .filter(|(param, field)| {
            let optional = field.default.is_some() || matches!(field.ty, super::types::Type::Optional(_));
            !optional && !bound.contains_key(*param)
        })
        .map(|(param, _)| param.as_str())
        .collect();
    if !missing.is_empty() && wrong.is_empty() {
        let message = format!("`{name}` lacks {}", sentence_list(missing, "and"));
        wrong.push(Diagnostic::error("invalid-arguments", span, message).help(call_usage(name, params)));
    }
    if wrong.is_empty() { Ok(bound) } else { Err(wrong) }
}

fn count(parameters: usize) -> String {
    match parameters {
        0 => "no arguments".to_owned(),
        1 => "1 argument".to_owned(),
        n => format!("{n} arguments"),
    }
}

fn call_usage(name: &str, params: &IndexMap<String, Field>) -> String {
    if params.is_empty() {
        return format!("write `{name}`");
    }
    let params: Vec<String> = params.iter().map(|(param, field)| format!("{param}: {}", field.ty)).collect();
    format!("it is `{name}({})`", params.join(", "))
}
