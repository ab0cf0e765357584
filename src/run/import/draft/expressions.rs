//! Values as expressions of the type that wants them.

use super::super::variables::key;
use super::Draft;
use crate::eval::{Attrs, Value, show};
use crate::schema::{Type, Variant};

impl Draft<'_> {
    /// A value as a type wants it written; none where it cannot be.
    pub(super) fn expression(&mut self, ty: &Type, value: &Value) -> Option<String> {
        match (ty, value) {
            (_, Value::None) => None,
            (Type::Optional(inner), value) => self.expression(inner, value),
            (Type::List(inner), Value::List(items)) => {
                let items: Option<Vec<String>> =
                    items.iter().map(|item| self.expression(inner, item)).collect();
                Some(format!("[{}]", items?.join(", ")))
            }
            (Type::Map(inner), Value::Map(fields)) => self.map(inner, fields),
            (Type::Handle(kind), value) => self.refer(kind, value.as_str()?),
            (Type::BlockName(_), value) => value.as_str().map(str::to_owned),
            (Type::Variant(variant), Value::String(word)) if variant.name == *word => Some(word.clone()),
            (Type::Variant(variant), Value::Variant(word, params)) if variant.name == *word => {
                self.variant(variant, params)
            }
            (Type::Union(types), value) => self.alternative(types, value),
            // Words for what a file cannot say.
            (_, Value::Variant(..)) => None,
            (_, value) => Some(show(value)),
        }
    }

    fn alternative(&mut self, types: &[Type], value: &Value) -> Option<String> {
        let text = value.as_str();
        let is_word = |ty: &Type| matches!(ty, Type::Variant(variant) if Some(variant.name.as_str()) == text);
        // A text with a pattern is for AWS's own names; others are resources, which are looked up.
        let plain = |ty: &Type| match ty {
            Type::Scalar(scalar) => scalar.refinement.matching.is_none(),
            ty => matches!(ty, Type::Literal(_)),
        };
        if let Value::Variant(..) = value {
            return types.iter().find_map(|ty| self.expression(ty, value));
        }
        // What is in this file goes by its name, also where a text would do.
        let known = types.iter().find_map(|ty| match ty {
            Type::Handle(kind) => self.names.get(&(kind.clone(), text?.to_ascii_lowercase())).cloned(),
            _ => None,
        });
        if known.is_some() {
            return known;
        }
        // A bucket's host name stands for the bucket, which CloudFront reaches in a way of its own.
        let bucket = |ty: &Type| matches!(ty, Type::Handle(kind) if kind == "bucket");
        if let Some(host) = text.filter(|text| text.contains(".s3.") && types.iter().any(bucket)) {
            return self.refer("bucket", host);
        }
        if types.iter().any(is_word) {
            return text.map(str::to_owned);
        }
        if types.iter().any(plain) {
            return Some(show(value));
        }
        types.iter().find_map(|ty| self.expression(ty, value))
    }

    /// A word with its parameters, but for texts that are empty.
    fn variant(&mut self, variant: &Variant, params: &Attrs) -> Option<String> {
        let word = variant.name.clone();
        let mut pairs = Vec::new();
        for (name, value) in params.iter().filter(|(_, value)| value.as_str() != Some("")) {
            pairs.push(format!("{name}: {}", self.expression(&variant.params.get(name)?.ty, value)?));
        }
        Some(if pairs.is_empty() { word } else { format!("{word}({})", pairs.join(", ")) })
    }

    fn map(&mut self, inner: &Type, fields: &Attrs) -> Option<String> {
        if fields.is_empty() {
            return Some("{}".to_owned());
        }
        let mut pairs = Vec::new();
        for (name, value) in fields {
            pairs.push(format!("{} = {}", key(name), self.expression(inner, value)?));
        }
        Some(format!("{{ {} }}", pairs.join(", ")))
    }
}
