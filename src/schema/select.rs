//! Looking into a type: what a bare word, a list or a record means where this type is expected.
//!
//! `check` and `eval` both go through these functions, so that they agree on what an expression means.

use indexmap::IndexMap;
use std::sync::Arc;

use super::types::{Base, Field, Refinement, Scalar, Type, Variant};

impl Type {
    /// The plain scalar of a base, under the name that users write.
    pub fn scalar(base: Base) -> Type {
        Type::Scalar(Scalar { base, name: base.name().to_owned(), refinement: Refinement::default() })
    }

    /// `Bool`
    pub fn bool() -> Type {
        Type::scalar(Base::Bool)
    }

    /// `Int`
    pub fn int() -> Type {
        Type::scalar(Base::Int)
    }

    /// `String`
    pub fn string() -> Type {
        Type::scalar(Base::String)
    }

    /// The alternatives of a union, an optional or a secret, or the type itself. An optional also offers `none`.
    pub fn members(&self) -> Vec<&Type> {
        match self {
            Type::Union(members) => members.iter().flat_map(Type::members).collect(),
            Type::Optional(inner) => {
                let mut all = inner.members();
                all.push(&Type::None);
                all
            }
            one => vec![one],
        }
    }

    /// What `pick` first finds among the [`members`](Type::members), without a list of them.
    pub fn find<'a, T>(&'a self, pick: &dyn Fn(&'a Type) -> Option<T>) -> Option<T> {
        match self {
            Type::Union(members) => members.iter().find_map(|member| member.find(pick)),
            Type::Optional(inner) => inner.find(pick).or_else(|| pick(&Type::None)),
            one => pick(one),
        }
    }

    /// The alternative that a bare word, or a call, names here.
    pub fn variant(&self, name: &str) -> Option<&Arc<Variant>> {
        self.find(&|member| match member {
            Type::Variant(variant) if variant.name == name => Some(variant),
            Type::Secret(inner) => inner.variant(name),
            _ => None,
        })
    }

    /// The block whose names are expected here.
    pub fn block_name(&self) -> Option<&str> {
        self.find(&|member| match member {
            Type::BlockName(block) => Some(block.as_str()),
            _ => None,
        })
    }

    /// The type of a list's elements.
    pub fn item(&self) -> Option<&Type> {
        self.find(&|member| match member {
            Type::List(item) => Some(&**item),
            _ => None,
        })
    }

    /// The fields of a record.
    pub fn record(&self) -> Option<&Arc<IndexMap<String, Field>>> {
        self.find(&|member| match member {
            Type::Record(fields) => Some(fields),
            _ => None,
        })
    }

    /// The type of a map's values.
    pub fn map_value(&self) -> Option<&Type> {
        self.find(&|member| match member {
            Type::Map(value) => Some(&**value),
            _ => None,
        })
    }

    /// The type of a range's ends.
    pub fn range_bound(&self) -> Option<&Type> {
        self.find(&|member| match member {
            Type::Range(bound) => Some(&**bound),
            _ => None,
        })
    }

    /// The literals of a literal union, in order; empty when the type is anything else.
    pub fn literals(&self) -> Vec<&str> {
        self.members()
            .into_iter()
            .filter_map(|member| match member {
                Type::Literal(text) => Some(text.as_str()),
                _ => None,
            })
            .collect()
    }

    /// The type without `none`.
    pub fn required(&self) -> Type {
        match self {
            Type::Optional(inner) => inner.required(),
            other => other.clone(),
        }
    }

    /// The type with `none`.
    pub fn optional(self) -> Type {
        match self {
            Type::Optional(_) | Type::Error | Type::None => self,
            other => Type::Optional(Box::new(other)),
        }
    }

    /// The base of a scalar, or of a literal or union of literals.
    pub fn base(&self) -> Option<Base> {
        match self {
            Type::Scalar(scalar) => Some(scalar.base),
            Type::Literal(_) => Some(Base::String),
            Type::Union(members) => {
                let mut bases = members.iter().map(Type::base);
                let first = bases.next()??;
                bases.all(|base| base == Some(first)).then_some(first)
            }
            _ => None,
        }
    }

    /// Whether a value of this type can hold a secret.
    pub fn holds_secret(&self) -> bool {
        match self {
            Type::Secret(_) => true,
            Type::List(inner) | Type::Map(inner) | Type::Optional(inner) => inner.holds_secret(),
            Type::Record(fields) => fields.values().any(|field| field.ty.holds_secret()),
            Type::Variant(variant) => variant.params.values().any(|field| field.ty.holds_secret()),
            Type::Union(members) => members.iter().any(Type::holds_secret),
            _ => false,
        }
    }

    /// The kinds whose handles a value of this type can hold.
    pub fn kinds(&self) -> Vec<&str> {
        match self {
            Type::Handle(kind) => vec![kind],
            Type::List(inner) | Type::Map(inner) | Type::Optional(inner) => inner.kinds(),
            Type::Record(fields) => fields.values().flat_map(|field| field.ty.kinds()).collect(),
            Type::Variant(variant) => variant.params.values().flat_map(|field| field.ty.kinds()).collect(),
            Type::Union(members) => members.iter().flat_map(Type::kinds).collect(),
            _ => Vec::new(),
        }
    }

    /// Whether the type has more parts, or nests more deeply, than any type in use: what a chain of declarations can
    /// grow to, each made of the last.
    pub fn is_too_large(&self) -> bool {
        fn fits_in(ty: &Type, budget: &mut usize, depth: usize) -> bool {
            if *budget == 0 || depth == 0 {
                return false;
            }
            *budget -= 1;
            match ty {
                Type::List(inner)
                | Type::Map(inner)
                | Type::Optional(inner)
                | Type::Range(inner)
                | Type::Secret(inner) => fits_in(inner, budget, depth - 1),
                Type::Record(fields) => fields.values().all(|field| fits_in(&field.ty, budget, depth - 1)),
                Type::Variant(variant) => {
                    variant.params.values().all(|field| fits_in(&field.ty, budget, depth - 1))
                }
                Type::Union(members) => members.iter().all(|member| fits_in(member, budget, depth - 1)),
                _ => true,
            }
        }
        !fits_in(self, &mut 2_000, 64)
    }

    /// The smallest type that both fit: of the branches of an `if`, the elements of a list.
    pub fn join(self, other: Type) -> Type {
        match (self, other) {
            (Type::Error, _) | (_, Type::Error) => Type::Error,
            (a, b) if b.fits(&a) => a,
            (a, b) if a.fits(&b) => b,
            (Type::None, other) | (other, Type::None) => other.optional(),
            (Type::Optional(a), b) => a.join(b.required()).optional(),
            (a, Type::Optional(b)) => a.join(*b).optional(),
            (Type::List(a), Type::List(b)) => Type::List(Box::new(a.join(*b))),
            (Type::Map(a), Type::Map(b)) => Type::Map(Box::new(a.join(*b))),
            (a, b) => {
                let mut members: Vec<Type> = a.members().into_iter().cloned().collect();
                for member in b.members() {
                    if !members.contains(member) {
                        members.push(member.clone());
                    }
                }
                Type::Union(members)
            }
        }
    }
}

impl Base {
    /// The name that users write.
    pub fn name(self) -> &'static str {
        match self {
            Base::Bool => "Bool",
            Base::Int => "Int",
            Base::String => "String",
            Base::Path => "Path",
            Base::Duration => "Duration",
            Base::Size => "Size",
            Base::Percent => "Percent",
        }
    }

    /// Whether values are texts.
    pub fn is_text(self) -> bool {
        matches!(self, Base::String | Base::Path)
    }
}
