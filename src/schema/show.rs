//! Types as users write them.

use std::fmt::{Display, Formatter, Result};

use super::types::{Type, Variant};

impl Display for Type {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Type::Error => f.write_str("unknown"),
            Type::None => f.write_str("none"),
            Type::Scalar(scalar) => f.write_str(&scalar.name),
            Type::Literal(text) => write!(f, "\"{text}\""),
            Type::Variant(variant) => variant.fmt(f),
            Type::List(item) => write!(f, "[{item}]"),
            Type::Map(value) => write!(f, "Map<{value}>"),
            Type::Record(fields) => {
                f.write_str("{ ")?;
                for (n, (name, field)) in fields.iter().enumerate() {
                    write!(f, "{}{name}: {}", if n == 0 { "" } else { ", " }, field.ty)?;
                }
                f.write_str(" }")
            }
            Type::Optional(inner) if matches!(**inner, Type::Union(_)) => write!(f, "({inner})?"),
            Type::Optional(inner) => write!(f, "{inner}?"),
            Type::Range(bound) => write!(f, "Range<{bound}>"),
            Type::Secret(inner) => write!(f, "Secret<{inner}>"),
            Type::Handle(kind) => f.write_str(kind),
            Type::BlockName(block) => write!(f, "name of a `{block}` block"),
            Type::Union(members) => {
                for (n, member) in members.iter().enumerate() {
                    write!(f, "{}{member}", if n == 0 { "" } else { " | " })?;
                }
                Ok(())
            }
            Type::Module(_) => f.write_str("module"),
        }
    }
}

impl Display for Variant {
    /// The word, with `(…)` when it takes parameters.
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(&self.name)?;
        if self.params.is_empty() { Ok(()) } else { f.write_str("(…)") }
    }
}
