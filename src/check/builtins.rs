//! The builtin functions: what they take, what they give, and their documentation. `eval` computes them.

use crate::schema::{Base, Type};

/// A builtin function.
#[derive(Clone, Copy, Debug)]
pub struct Builtin {
    /// Its name.
    pub name: &'static str,
    /// How it is called, with types.
    pub usage: &'static str,
    /// What it does.
    pub docs: &'static str,
    /// Fewest and most arguments.
    pub arguments: (usize, usize),
}

const ANY: usize = usize::MAX;

/// Every function, in alphabetical order.
pub const BUILTINS: [Builtin; 25] = [
    new(
        "contains",
        "contains(list, value)",
        "whether a list holds a value, a text a part, a map a key",
        (2, 2),
    ),
    new("distinct", "distinct(list)", "the list without repetitions", (1, 1)),
    new("ends_with", "ends_with(text, end)", "whether the text ends so", (2, 2)),
    new("env", "env(name)", "the text of an environment variable, only in `secret`", (1, 1)),
    new("file", "file(path)", "the text of a file of the project", (1, 1)),
    new("flatten", "flatten(lists)", "the elements of the lists in one list", (1, 1)),
    new("join", "join(list, between)", "the texts of the list, joined", (2, 2)),
    new("json", "json(value)", "the value as JSON text", (1, 1)),
    new("keys", "keys(map)", "the keys of the map", (1, 1)),
    new("len", "len(value)", "the number of characters, elements or keys", (1, 1)),
    new("lower", "lower(text)", "the text in lower case", (1, 1)),
    new("matches", "matches(text, pattern)", "whether a regular expression fits the whole text", (2, 2)),
    new("max", "max(a, b, …)", "the greatest of the values, or of a list", (1, ANY)),
    new("merge", "merge(a, b, …)", "the maps in one map; later ones win", (1, ANY)),
    new("min", "min(a, b, …)", "the least of the values, or of a list", (1, ANY)),
    new("range", "range(start, end)", "the integers from `start`, or 0, up to but without `end`", (1, 2)),
    new("replace", "replace(text, old, new)", "the text with every `old` made `new`", (3, 3)),
    new(
        "secrets_manager",
        "secrets_manager(name, key: member)",
        "the text of a secret in Secrets Manager, or of one member of it when it is JSON, only in `secret`",
        (1, 2),
    ),
    new("sort", "sort(list)", "the list in order", (1, 1)),
    new(
        "split",
        "split(text, at)",
        "the parts of the text between the `at`s; its characters where that is \"\"",
        (2, 2),
    ),
    new("ssm_parameter", "ssm_parameter(name)", "the text of a parameter of SSM, only in `secret`", (1, 1)),
    new("starts_with", "starts_with(text, start)", "whether the text begins so", (2, 2)),
    new("trim", "trim(text)", "the text without space at either end", (1, 1)),
    new("upper", "upper(text)", "the text in upper case", (1, 1)),
    new("values", "values(map)", "the values of the map", (1, 1)),
];

const fn new(
    name: &'static str,
    usage: &'static str,
    docs: &'static str,
    arguments: (usize, usize),
) -> Builtin {
    Builtin { name, usage, docs, arguments }
}

/// The function of a name.
pub fn builtin(name: &str) -> Option<&'static Builtin> {
    BUILTINS.iter().find(|builtin| builtin.name == name)
}

/// Why arguments do not fit: which one, and what was expected of it.
pub(super) struct Misfit {
    /// The argument's place in the call, from 0.
    pub at: usize,
    /// What it should be, in words.
    pub expected: &'static str,
}

/// The type of a call, from the types of its arguments, whose number is right.
///
/// Text made of secrets is secret; a function that would give a secret away is refused.
pub(super) fn result(builtin: &Builtin, args: &[Type]) -> Result<Type, Misfit> {
    if args.contains(&Type::Error) {
        return Ok(Type::Error);
    }
    let plain: Vec<Type> = args.iter().map(open).collect();
    let ty = of(builtin.name, &plain)?;
    let through = ["distinct", "flatten", "keys", "len", "merge", "values"];
    match args.iter().position(Type::holds_secret) {
        Some(_) if through.contains(&builtin.name) => of(builtin.name, args),
        Some(_) if ty.base().is_some_and(Base::is_text) => Ok(Type::Secret(Box::new(ty))),
        Some(at) => Err(Misfit { at, expected: "a value that is not secret" }),
        None => Ok(ty),
    }
}

fn of(name: &str, args: &[Type]) -> Result<Type, Misfit> {
    let arg = |at: usize| args.get(at).unwrap_or(&Type::Error);
    let is_text = |at: usize| arg(at).base().is_some_and(Base::is_text);
    let text = |at: usize| if is_text(at) { Ok(()) } else { Err(Misfit { at, expected: "a text" }) };
    let int = |at: usize| match arg(at).base() {
        Some(Base::Int) => Ok(()),
        _ => Err(Misfit { at, expected: "an integer" }),
    };
    let item = || match arg(0) {
        Type::List(item) => Ok((**item).clone()),
        _ => Err(Misfit { at: 0, expected: "a list" }),
    };
    let list = |item: Type| Type::List(Box::new(item));
    match name {
        "upper" | "lower" | "trim" | "env" | "file" => text(0).map(|()| Type::string()),
        "split" => text(0).and(text(1)).map(|()| list(Type::string())),
        "replace" => text(0).and(text(1)).and(text(2)).map(|()| Type::string()),
        "starts_with" | "ends_with" | "matches" => text(0).and(text(1)).map(|()| Type::bool()),
        "join" => match item()? {
            Type::Handle(_) | Type::List(_) | Type::Map(_) | Type::Record(_) | Type::Optional(_) => {
                Err(Misfit { at: 0, expected: "a list of texts" })
            }
            _ => text(1).map(|()| Type::string()),
        },
        "json" => Ok(Type::string()),
        "len" => match arg(0) {
            Type::List(_) | Type::Map(_) | Type::Record(_) => Ok(Type::int()),
            _ if is_text(0) => Ok(Type::int()),
            _ => Err(Misfit { at: 0, expected: "a text, a list or a map" }),
        },
        "contains" => match arg(0) {
            Type::List(_) | Type::Map(_) | Type::Record(_) | Type::Range(_) => Ok(Type::bool()),
            _ => text(0).and(text(1)).map(|()| Type::bool()),
        },
        "keys" => map_value(arg(0), 0).map(|_| list(Type::string())),
        "values" => map_value(arg(0), 0).map(list),
        "merge" => {
            let values = args.iter().enumerate().map(|(at, map)| map_value(map, at));
            let values = values.collect::<Result<Vec<_>, _>>()?;
            Ok(Type::Map(Box::new(values.into_iter().reduce(Type::join).unwrap_or(Type::Error))))
        }
        "min" | "max" => match args {
            [Type::List(item)] => Ok((**item).clone()),
            _ => match args.iter().position(|ty| ty.base().is_none() || ty.base() != arg(0).base()) {
                Some(at) => Err(Misfit { at, expected: "a value that can be ordered, like the first" }),
                None => Ok(arg(0).base().map_or(Type::Error, Type::scalar)),
            },
        },
        "range" => (0..args.len()).try_for_each(int).map(|()| list(Type::int())),
        "flatten" => match item()? {
            Type::List(inner) => Ok(list(*inner)),
            Type::Error => Ok(list(Type::Error)),
            _ => Err(Misfit { at: 0, expected: "a list of lists" }),
        },
        "distinct" | "sort" => item().map(list),
        _ => Ok(Type::Error),
    }
}

fn map_value(ty: &Type, at: usize) -> Result<Type, Misfit> {
    match ty {
        Type::Map(value) => Ok((**value).clone()),
        Type::Record(fields) => {
            Ok(fields.values().map(|field| field.ty.clone()).reduce(Type::join).unwrap_or(Type::Error))
        }
        _ => Err(Misfit { at, expected: "a map" }),
    }
}

/// The type with its secrets opened.
pub(super) fn open(ty: &Type) -> Type {
    match ty {
        Type::Secret(inner) => open(inner),
        Type::List(inner) => Type::List(Box::new(open(inner))),
        Type::Map(inner) => Type::Map(Box::new(open(inner))),
        Type::Union(members) => members.iter().map(open).reduce(Type::join).unwrap_or(Type::Error),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(BUILTINS.is_sorted_by_key(|builtin| builtin.name));
    }
}
