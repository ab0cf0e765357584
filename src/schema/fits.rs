//! Whether a value of one type may stand where another is expected.

use super::types::{Format, Scalar, Type};

impl Type {
    /// Whether every value of this type may stand where `expected` is expected, bounds and patterns of scalars
    /// aside: those are proved on values.
    pub fn fits(&self, expected: &Type) -> bool {
        match (self, expected) {
            (Type::Error, _) | (_, Type::Error) => true,
            (Type::Union(members), _) => members.iter().all(|member| member.fits(expected)),
            (Type::Optional(inner), Type::Optional(expected)) => inner.fits(expected),
            (Type::Optional(inner), _) => Type::None.fits(expected) && inner.fits(expected),
            (_, Type::Optional(inner)) => matches!(self, Type::None) || self.fits(inner),
            (_, Type::Union(members)) => members.iter().any(|member| self.fits(member)),
            (Type::None, Type::None) => true,
            (Type::Scalar(a), Type::Scalar(b)) => scalar_fits(a, b),
            (Type::Literal(a), Type::Literal(b)) => a == b,
            (Type::Literal(_), Type::Scalar(b)) => b.base.is_text(),
            (Type::Variant(a), Type::Variant(b)) => a.name == b.name,
            (Type::List(a), Type::List(b)) | (Type::Map(a), Type::Map(b)) => a.fits(b),
            (Type::Range(a), Type::Range(b)) | (Type::Secret(a), Type::Secret(b)) => a.fits(b),
            (Type::Record(fields), Type::Map(value)) => fields.values().all(|field| field.ty.fits(value)),
            (Type::Record(a), Type::Record(b)) => {
                a.keys().all(|name| b.contains_key(name))
                    && b.iter().all(|(name, field)| match a.get(name) {
                        Some(given) => given.ty.fits(&field.ty),
                        None => field.default.is_some() || matches!(field.ty, Type::Optional(_)),
                    })
            }
            (Type::Handle(a), Type::Handle(b)) | (Type::BlockName(a), Type::BlockName(b)) => a == b,
            _ => false,
        }
    }

    /// Whether some value can be of both types, so that comparing them makes sense.
    pub fn overlaps(&self, other: &Type) -> bool {
        self.members().into_iter().any(|a| {
            other.members().into_iter().any(|b| match (a, b) {
                (Type::Secret(a), b) | (b, Type::Secret(a)) => a.overlaps(b),
                (Type::List(a), Type::List(b)) | (Type::Map(a), Type::Map(b)) => {
                    a.overlaps(b) || matches!((&**a, &**b), (Type::None, _) | (_, Type::None))
                }
                (a, b) => a.fits(b) || b.fits(a),
            })
        })
    }
}

/// Texts of two different patterns or formats do not mix: a `VpcId` is no `SubnetId`. A plain `String` may hold either.
fn scalar_fits(a: &Scalar, b: &Scalar) -> bool {
    if a.base != b.base {
        return a.base.is_text() && b.base.is_text();
    }
    let special = |s: &Scalar| {
        s.name != s.base.name() && (s.refinement.matching.is_some() || s.refinement.format.is_some())
    };
    let names_a_host = |s: &Scalar| matches!(s.refinement.format, Some(Format::Domain | Format::Hostname));
    a.name == b.name || !special(a) || !special(b) || (names_a_host(a) && names_a_host(b))
}

#[cfg(test)]
mod tests {
    use super::super::types::Base;
    use super::*;

    #[test]
    fn optionals_and_unions() {
        let either = Type::Union(vec![Type::Literal("a".into()), Type::int()]);
        assert!(Type::Literal("a".into()).fits(&either));
        assert!(!Type::Literal("b".into()).fits(&either));
        assert!(Type::None.fits(&either.clone().optional()));
        assert!(!either.clone().optional().fits(&either));
        assert!(!Type::scalar(Base::Size).fits(&Type::int()));
    }

    #[test]
    fn secrets_do_not_mix_with_plain_values() {
        let secret = Type::Secret(Box::new(Type::string()));
        assert!(!secret.fits(&Type::string()));
        assert!(!Type::string().fits(&secret));
    }
}
