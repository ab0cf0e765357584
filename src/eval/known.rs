//! Values that the library's dated lists do not have: warnings, for AWS may have them by now.

use std::sync::Arc;

use super::body::Record;
use super::evaluator::{Cx, Evaluator};
use super::template::Template;
use super::value::Value;
use crate::base::{Span, sentence_list};
use crate::diag::Diagnostic;
use crate::schema::{Known, List, Near, Type, list};
use crate::syntax::ast::{Expr, ExprKind};

/// A value that a list does not have; where it stands is not known yet.
#[derive(Clone, Debug)]
pub(super) struct Doubt {
    list: Arc<List>,
    /// The key in a list that has keys, else empty.
    key: String,
    value: String,
}

/// Looks a text up in a list.
fn doubt(known: &Known, key: &str, value: &str) -> Option<Doubt> {
    let found = list(&known.list)?;
    let unlisted = || Doubt { list: Arc::clone(&found), key: key.to_owned(), value: value.to_owned() };
    (!found.has(key, value)).then(unlisted)
}

/// The list of a type's texts.
pub(super) fn list_of(ty: &Type) -> Option<&Known> {
    ty.find(&|member| match member {
        Type::Scalar(scalar) => scalar.refinement.known.as_ref(),
        _ => None,
    })
}

impl<'a> Evaluator<'a> {
    /// Remembers that a list does not have a text. [`Evaluator::tell_doubts`] tells it where the place is known.
    pub(super) fn look_up(&mut self, known: &Known, text: &str) {
        if known.by.is_none() {
            self.doubts.extend(doubt(known, "", text));
        }
    }

    /// Tells what was remembered since there were `before` doubts, about the value of an expression. What a name hands on is told
    /// where it comes from, once.
    pub(super) fn tell_doubts(&mut self, before: usize, expr: &'a Expr, cx: Cx<'a>) {
        for doubt in self.doubts.split_off(before.min(self.doubts.len())) {
            let span = self.origin(expr, cx).unwrap_or(expr.span);
            self.tell(doubt, span, None);
        }
    }

    /// Where the value of a name is written.
    fn origin(&mut self, expr: &'a Expr, cx: Cx<'a>) -> Option<Span> {
        let ExprKind::Name(name) = &expr.kind else { return None };
        let holder = self.holder(cx.frame, name)?;
        self.known(holder, name)?.origin
    }

    /// Looks up the attributes of a body whose list depends on another attribute.
    pub(super) fn known_rules(&mut self, template: &Template<'a>, record: &Record<'a>) {
        for (name, known, by) in &template.known {
            let (Some(place), Some(key)) = (record.place(name), record.attrs.get(*by)) else { continue };
            let (Some(Value::String(text)), Some(key)) = (record.attrs.get(*name), key.as_str()) else {
                continue;
            };
            let related = record.place(by).map(|place| (place.span, format!("`{by}` is `{key}`")));
            if let Some(doubt) = doubt(known, key, text) {
                self.tell(doubt, place.span, related);
            }
        }
    }

    fn tell(&mut self, doubt: Doubt, span: Span, related: Option<(Span, String)>) {
        let Doubt { list, key, value } = doubt;
        let title = if key.is_empty() { list.title.clone() } else { format!("{key} {}", list.title) };
        let message = format!("the list of {} has no {title} `{value}`", list.as_of);
        let mut finding = Diagnostic::warning("unlisted-value", span, message);
        if let Some((span, label)) = related {
            finding = finding.related(span, label);
        }
        let literal = self.program.sources.text(span) == format!("\"{value}\"");
        let quoted = |texts: &[String], last: &str| sentence_list(texts.iter().map(String::as_str), last);
        self.report(match list.near(&key, &value) {
            Near::One(near) if literal => finding.help(format!("did you mean `{near}`?")).fix(
                format!("change to `{near}`"),
                span,
                format!("\"{near}\""),
            ),
            Near::One(near) => finding.help(format!("did you mean `{near}`?")),
            Near::Several(near) => finding.help(format!("did you mean {}?", quoted(&near, "or"))),
            Near::Among(some, more) => finding.help(format!(
                "it has {}{}; if AWS has yours by now, write `// allow(unlisted-value): REASON` above",
                if more { "others and " } else { "" },
                quoted(&some, "and")
            )),
        });
    }
}
