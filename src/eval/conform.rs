//! Values against types: what lacks is completed, and what breaks a rule is told.

use super::evaluator::{ANY, Cx, Evaluator};
use super::formats;
use super::names::Naming;
use super::ops::order;
use super::paths::join;
use super::show::{describe, show, show_duration, show_percent, show_size};
use super::value::{Attrs, Value};
use crate::base::{closest, sentence_list};
use crate::diag::Diagnostic;
use crate::schema::{Base, Field, Scalar, Type, Variant};
use crate::syntax::ast::{Expr, ExprKind};
use indexmap::IndexMap;

/// Why a value does not conform.
#[derive(Clone, Debug)]
pub(super) struct Flaw {
    /// The code of the finding.
    code: &'static str,
    /// What is wrong, as a sentence without its subject: "is out of range: 0 is below 1".
    pub(super) says: String,
    /// What stands under the value.
    label: String,
    /// What to type.
    pub(super) help: String,
    /// The text that was meant, with its quotes.
    meant: Option<String>,
}

impl Flaw {
    fn new(code: &'static str, says: impl Into<String>, help: impl Into<String>) -> Self {
        Flaw { code, says: says.into(), label: String::new(), help: help.into(), meant: None }
    }

    fn label(mut self, text: impl Into<String>) -> Self {
        self.label = text.into();
        self
    }

    /// The flaw of a secret says nothing about its text.
    fn hidden(self, secret: &str) -> Self {
        let says = format!("does not take the secret `{secret}`: its text breaks a rule");
        Flaw { says, label: String::new(), meant: None, ..self }
    }
}

impl<'a> Evaluator<'a> {
    /// Tells a flaw at the expression whose value has it.
    pub(super) fn flawed<T>(&mut self, flaw: Flaw, expr: &'a Expr, cx: Cx<'a>) -> Option<T> {
        let subject = if cx.about.is_empty() { "the value".to_owned() } else { format!("`{}`", cx.about) };
        let mut finding =
            Diagnostic::error(flaw.code, expr.span, format!("{subject} {}", flaw.says)).label(flaw.label);
        if !flaw.help.is_empty() {
            finding = finding.help(flaw.help);
        }
        if let (Some(meant), ExprKind::String(_)) = (flaw.meant, &expr.kind) {
            finding = finding.fix(format!("change to `{meant}`"), expr.span, format!("\"{meant}\""));
        }
        if let ExprKind::Name(name) = &expr.kind
            && let Some(holder) = self.holder(cx.frame, name)
            && let Some(origin) = self.known(holder, name).and_then(|known| known.origin)
        {
            finding = finding.related(origin, format!("`{name}` comes from here"));
        }
        self.wrong(finding)
    }

    /// The value as the type wants it: defaults of fields and parameters filled in, paths resolved against `folder` where
    /// the value was written in a file of that folder. What is deferred is taken as it is.
    pub(super) fn conform(
        &mut self,
        value: Value,
        ty: &'a Type,
        folder: Option<&str>,
    ) -> Result<Value, Flaw> {
        match (ty, value) {
            (Type::Error | Type::Module(_), value) | (_, value @ Value::Deferred(_)) => Ok(value),
            (Type::Optional(_) | Type::None, Value::None) => Ok(Value::None),
            (Type::Optional(inner), value) => self.conform(value, inner, folder),
            (Type::Scalar(scalar), value) => self.scalar(value, scalar, ty, folder),
            (Type::Literal(_), value) if shaped(&value, ty) => Ok(value),
            (Type::Variant(variant), Value::Variant(word, params)) if word == variant.name => {
                self.variant(variant, word, params, folder)
            }
            (Type::List(item), Value::List(items)) => {
                let items = items.into_iter().map(|one| self.conform(one, item, folder));
                Ok(Value::List(items.collect::<Result<_, _>>()?))
            }
            (Type::Map(each), Value::Map(fields)) => {
                let mut map = Attrs::with_capacity(fields.len());
                for (key, value) in fields {
                    let value = self.conform(value, each, folder).map_err(|flaw| inside(&key, flaw))?;
                    map.insert(key, value);
                }
                Ok(Value::Map(map))
            }
            (Type::Record(fields), Value::Map(map)) => self.fields(fields, map, folder).map(Value::Map),
            (Type::Range(bound), Value::Range(from, to)) => self.range(*from, *to, bound, folder),
            (Type::Secret(inner), Value::Secret(secret)) => {
                // In `check` no secret has a text, and before stores are read some have none.
                if !self.checking() && self.unread.is_empty() {
                    let text = Value::String(secret.inner().to_owned());
                    let doubts = self.doubts.len();
                    self.conform(text, inner, None).map_err(|flaw| flaw.hidden(&secret.name))?;
                    self.doubts.truncate(doubts);
                }
                Ok(Value::Secret(secret))
            }
            (Type::Handle(_), value @ Value::Handle(_)) => Ok(value),
            (Type::BlockName(_), value @ (Value::Variant(..) | Value::String(_))) => Ok(value),
            (Type::Union(members), value) => self.union(value, members, ty, folder),
            (ty, value) => Err(mismatch(&value, ty)),
        }
    }

    /// The first member of a union that takes the value; the flaw is that of the first which could.
    fn union(
        &mut self,
        value: Value,
        members: &'a [Type],
        ty: &Type,
        folder: Option<&str>,
    ) -> Result<Value, Flaw> {
        let mut alike = members.iter().filter(|member| shaped(&value, member));
        let Some(first) = alike.next() else { return Err(mismatch(&value, ty)) };
        let mut others = alike.peekable();
        if others.peek().is_none() {
            return self.conform(value, first, folder);
        }
        let doubts = self.doubts.len();
        let flaw = match self.conform(value.clone(), first, folder) {
            Ok(value) => return Ok(value),
            Err(flaw) => flaw,
        };
        for member in others {
            self.doubts.truncate(doubts);
            if let Ok(value) = self.conform(value.clone(), member, folder) {
                return Ok(value);
            }
        }
        Err(flaw)
    }

    fn variant(
        &mut self,
        variant: &'a Variant,
        word: String,
        params: Attrs,
        folder: Option<&str>,
    ) -> Result<Value, Flaw> {
        let bare = variant.params.is_empty() && params.is_empty();
        let params = if bare { params } else { self.fields(&variant.params, params, folder)? };
        Ok(Value::Variant(word, params))
    }

    fn fields(
        &mut self,
        fields: &'a IndexMap<String, Field>,
        mut given: Attrs,
        folder: Option<&str>,
    ) -> Result<Attrs, Flaw> {
        let mut all = Attrs::with_capacity(fields.len());
        for (name, field) in fields {
            let value = match given.shift_remove(name) {
                Some(value) => self.conform(value, &field.ty, folder).map_err(|flaw| inside(name, flaw))?,
                None if field.default.is_some() || matches!(field.ty, Type::Optional(_)) => {
                    self.default_of(field.default.as_ref(), &field.ty).unwrap_or(Value::None)
                }
                None => {
                    let help = format!("add `{name}`, which is a `{}`", field.ty);
                    return Err(Flaw::new("missing-field", format!("lacks `{name}`"), help));
                }
            };
            all.insert(name.clone(), value);
        }
        match given.keys().next() {
            None => Ok(all),
            Some(extra) => {
                let known = sentence_list(fields.keys().map(String::as_str), "and");
                let help = match closest(extra, fields.keys().map(String::as_str)) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("its fields are {known}"),
                };
                Err(Flaw::new("unknown-field", format!("has no field `{extra}`"), help))
            }
        }
    }

    fn range(
        &mut self,
        from: Value,
        to: Value,
        bound: &'a Type,
        folder: Option<&str>,
    ) -> Result<Value, Flaw> {
        let (from, to) = (self.conform(from, bound, folder)?, self.conform(to, bound, folder)?);
        if order(&from, &to).is_ok_and(std::cmp::Ordering::is_gt) {
            let (low, high) = (show(&from), show(&to));
            return Err(Flaw::new(
                "invalid-range",
                format!("is an empty range: {low} is above {high}"),
                format!("write the lower end first: `{high}..{low}`"),
            ));
        }
        Ok(Value::Range(Box::new(from), Box::new(to)))
    }

    fn scalar(
        &mut self,
        value: Value,
        scalar: &'a Scalar,
        ty: &Type,
        folder: Option<&str>,
    ) -> Result<Value, Flaw> {
        match (scalar.base, value) {
            (Base::Bool, value @ Value::Bool(_)) => Ok(value),
            (Base::String, Value::String(text)) => {
                self.refined_text(scalar, &text)?;
                Ok(Value::String(text))
            }
            (Base::Path, Value::String(text)) => {
                self.refined_text(scalar, &text)?;
                Ok(Value::String(folder.map_or_else(|| text.clone(), |folder| join(folder, &text))))
            }
            (Base::Int, value @ Value::Int(_))
            | (Base::Duration, value @ Value::Duration(_))
            | (Base::Size, value @ Value::Size(_))
            | (Base::Percent, value @ Value::Percent(_)) => {
                within_bounds(scalar, value.as_int().unwrap_or_default())?;
                Ok(value)
            }
            (_, value) => Err(mismatch(&value, ty)),
        }
    }

    /// Length, pattern and format of a text.
    fn refined_text(&mut self, scalar: &'a Scalar, text: &str) -> Result<(), Flaw> {
        let rules = &scalar.refinement;
        let words = rules.matching.as_ref().and_then(|pattern| pattern.words.as_deref());
        if let Some((least, most)) = rules.length {
            let length = text.chars().count();
            if length < least || length > most {
                let says = match (length, length < least) {
                    (0, _) => "is empty".to_owned(),
                    (_, true) => format!("is too short: {}, at least {least}", characters(length)),
                    _ => format!("is too long: {}, at most {most}", characters(length)),
                };
                let range =
                    if least == most { characters(least) } else { format!("{least} to {most} characters") };
                let help = match words {
                    Some(words) => format!("it takes {range}: {words}"),
                    None => format!("it takes {range}"),
                };
                return Err(Flaw::new("invalid-length", says, help));
            }
        }
        if let Some(pattern) = &rules.matching
            && !self.matches(&pattern.regex, text)
        {
            let help = match words {
                Some(words) => format!("it takes {words}"),
                None => format!("it must match `{}`", pattern.regex),
            };
            let example = words.and_then(|words| words.split('`').nth(1));
            let fits = |other: &String| {
                let length = other.chars().count();
                rules.length.is_none_or(|(least, most)| (least..=most).contains(&length))
                    && self.matches(&pattern.regex, other)
            };
            let meant = formats::respelled(text, example).into_iter().find(fits);
            let help = match &meant {
                Some(meant) => format!("did you mean `\"{meant}\"`? {help}"),
                None => help,
            };
            let flaw = Flaw::new("invalid-format", format!("cannot be `{}`", short(text)), help);
            return Err(Flaw { meant, ..flaw });
        }
        if let Some(format) = rules.format
            && let Err(wrong) = formats::check(format, text)
        {
            let help = match &wrong.meant {
                Some(meant) => format!("write `\"{meant}\"`"),
                None => wrong.help.to_owned(),
            };
            let flaw =
                Flaw::new("invalid-format", format!("cannot be `{}`", short(text)), help).label(wrong.why);
            return Err(Flaw { meant: wrong.meant, ..flaw });
        }
        if let Some(known) = &rules.known {
            self.look_up(known, text);
        }
        Ok(())
    }

    /// Whether a whole text matches a pattern of the library or of a file's types. A pattern that cannot be read matches.
    pub(super) fn matches(&mut self, regex: &'a str, text: &str) -> bool {
        let compiled = self
            .regexes
            .entry(regex)
            .or_insert_with(|| regex_lite::Regex::new(&format!("^(?:{regex})$")).ok());
        compiled.as_ref().is_none_or(|compiled| compiled.is_match(text))
    }

    /// The physical name of a node: a default made to fit its identity attribute.
    pub(super) fn default_name(
        &mut self,
        kind: &str,
        id: &str,
        frame: usize,
        ty: &'a Type,
    ) -> Result<String, Flaw> {
        let domain = if super::names::is_global(kind) { self.domain(frame) } else { None };
        let naming: Naming = std::mem::take(&mut self.naming);
        let mut flaw = None;
        let name = naming.fitting(kind, id, domain.as_deref(), ty, &mut |name| {
            let Type::Scalar(scalar) = ty else { return true };
            flaw = self.refined_text(scalar, name).err();
            flaw.is_none()
        });
        self.naming = naming;
        flaw.map_or(Ok(name), Err)
    }

    /// The value that `--set` gives to a parameter.
    pub(super) fn set_value(
        &mut self,
        text: &str,
        expr: Option<&'a Expr>,
        ty: &'a Type,
        name: &'a str,
    ) -> Result<Value, Flaw> {
        if super::prepare::is_plain_text(ty) {
            let text = match ty {
                Type::Secret(_) => Value::Secret(super::Secret::new(name, text)),
                Type::Optional(_) if text == "none" => Value::None,
                _ => Value::String(text.to_owned()),
            };
            return self.conform(text, ty, Some(""));
        }
        let Some(expr) = expr else {
            return Err(Flaw::new(
                "invalid-value",
                format!("cannot be `{}`", short(text)),
                format!("it is a `{ty}`"),
            ));
        };
        let cx = Cx { frame: 0, about: name };
        // What is wrong inside has no place that could be shown, so the value as a whole is judged.
        if let Some(value) = self.quietly(|this| this.value(expr, ty, cx)) {
            return Ok(value);
        }
        match self.quietly(|this| this.value(expr, &ANY, cx)) {
            Some(value) => match self.conform(value, ty, Some("")) {
                Ok(value) => Ok(value),
                Err(flaw) => Err(flaw),
            },
            None => Err(Flaw::new(
                "invalid-value",
                format!("cannot be `{}`", short(text)),
                format!("it is a `{ty}`"),
            )),
        }
    }

    /// Tells that `--set` gives a parameter what it cannot be.
    pub(super) fn set_flawed<T>(
        &mut self,
        flaw: Flaw,
        param: &crate::syntax::ast::Param,
        text: &str,
        ty: &Type,
    ) -> Option<T> {
        let name = &param.name.value;
        let message = format!("`--set {name}={}`: the value {}", short(text), flaw.says);
        self.wrong(
            Diagnostic::error(flaw.code, param.name.span, message)
                .label(format!("`{name}` is a `{ty}`"))
                .help(flaw.help),
        )
    }
}

/// Whether a value could be of a type, its rules aside.
fn shaped(value: &Value, ty: &Type) -> bool {
    match (ty, value) {
        (Type::Error | Type::Module(_), _) | (_, Value::Deferred(_)) => true,
        (Type::Optional(_) | Type::None, Value::None) => true,
        (Type::Optional(inner), value) => shaped(value, inner),
        (Type::Union(members), value) => members.iter().any(|member| shaped(value, member)),
        (Type::Literal(literal), value) => value.as_str() == Some(literal),
        (Type::Variant(variant), Value::Variant(word, _)) => *word == variant.name,
        (Type::Scalar(scalar), value) => matches!(
            (scalar.base, value),
            (Base::Bool, Value::Bool(_))
                | (Base::String | Base::Path, Value::String(_))
                | (Base::Int, Value::Int(_))
                | (Base::Duration, Value::Duration(_))
                | (Base::Size, Value::Size(_))
                | (Base::Percent, Value::Percent(_))
        ),
        (Type::List(_), Value::List(_))
        | (Type::Map(_) | Type::Record(_), Value::Map(_))
        | (Type::Range(_), Value::Range(..))
        | (Type::Secret(_), Value::Secret(_))
        | (Type::Handle(_), Value::Handle(_))
        | (Type::BlockName(_), Value::Variant(..)) => true,
        _ => false,
    }
}

fn mismatch(value: &Value, ty: &Type) -> Flaw {
    let literals = ty.literals();
    let words: Vec<&str> = ty
        .members()
        .into_iter()
        .filter_map(|member| match member {
            Type::Variant(variant) => Some(variant.name.as_str()),
            _ => None,
        })
        .collect();
    let choices = if value.as_str().is_some() && literals.is_empty() { &words } else { &literals };
    match value {
        Value::String(text) | Value::Variant(text, _) if !choices.is_empty() => {
            let all: Vec<String> = choices
                .iter()
                .map(
                    |choice| if literals.is_empty() { (*choice).to_owned() } else { format!("\"{choice}\"") },
                )
                .collect();
            let list = sentence_list(all.iter().map(String::as_str), "or");
            let near = closest(text, choices.iter().copied());
            let help = match near {
                Some(near) => format!("did you mean `{near}`? It is {list}"),
                None => format!("write {list}"),
            };
            let flaw = Flaw::new("unknown-choice", format!("cannot be `{}`", short(text)), help);
            Flaw { meant: near.filter(|_| !literals.is_empty()).map(str::to_owned), ..flaw }
        }
        value => {
            let says = format!("is {}, but a `{ty}` is expected", describe(value));
            Flaw::new("type-mismatch", says, String::new())
        }
    }
}

/// A flaw of a part, told about the whole.
fn inside(part: &str, flaw: Flaw) -> Flaw {
    Flaw { says: format!("has a wrong `{part}`: it {}", flaw.says), meant: None, ..flaw }
}

fn within_bounds(scalar: &Scalar, number: i64) -> Result<(), Flaw> {
    let (min, max) = (scalar.refinement.min, scalar.refinement.max);
    let quantity = |number: i64| match scalar.base {
        Base::Duration => show_duration(number),
        Base::Size => show_size(number),
        Base::Percent => show_percent(number),
        _ => number.to_string(),
    };
    let says = if min.is_some_and(|min| number < min) {
        format!("is out of range: {} is below {}", quantity(number), quantity(min.unwrap_or_default()))
    } else if max.is_some_and(|max| number > max) {
        format!("is out of range: {} is above {}", quantity(number), quantity(max.unwrap_or_default()))
    } else {
        return Ok(());
    };
    let range = match (min, max) {
        (Some(min), Some(max)) => format!("from {} to {}", quantity(min), quantity(max)),
        (Some(min), None) => format!("at least {}", quantity(min)),
        (None, max) => format!("at most {}", quantity(max.unwrap_or_default())),
    };
    let help = if scalar.name == scalar.base.name() {
        format!("it takes values {range}")
    } else {
        format!("a `{}` is {range}", scalar.name)
    };
    Err(Flaw::new("out-of-range", says, help))
}

fn characters(number: usize) -> String {
    if number == 1 { "1 character".to_owned() } else { format!("{number} characters") }
}

/// A text that fits into a message.
fn short(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(61).collect();
    match line.chars().count() {
        61 => line.chars().take(60).chain(['…']).collect(),
        _ => line,
    }
}
