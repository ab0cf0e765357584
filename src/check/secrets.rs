//! `secret NAME = env("VARIABLE")`, `secrets_manager("name", key: "member")` or `ssm_parameter("/name")`.

use super::checker::{Checker, Want};
use crate::diag::Diagnostic;
use crate::schema::{Type, plain};
use crate::syntax::ast::{self, Arg, Expr, ExprKind, Ident, StringPart};

/// The functions that only a `secret` may call, and what they read, in words.
const SOURCES: [(&str, &str); 3] = [
    ("env", "reads the environment"),
    ("secrets_manager", "reads Secrets Manager"),
    ("ssm_parameter", "reads parameters of SSM"),
];

/// What a function reads, if it is one that only a `secret` may call.
pub(super) fn reads(function: &str) -> Option<&'static str> {
    SOURCES.iter().find(|(name, _)| *name == function).map(|(_, reads)| *reads)
}

impl<'a> Checker<'a> {
    pub(super) fn secret(&mut self, secret: &'a ast::Secret) {
        match &secret.source.kind {
            ExprKind::Broken => {}
            ExprKind::Call(function, args) => match function.value.as_str() {
                "env" => self.env(secret, args),
                "secrets_manager" => self.stored(secret, function, args, true),
                "ssm_parameter" => self.stored(secret, function, args, false),
                _ => self.no_source(secret),
            },
            _ => self.no_source(secret),
        }
    }

    fn env(&mut self, secret: &'a ast::Secret, args: &'a [Arg]) {
        let variable = match args {
            [Arg { name: None, value: Expr { kind: ExprKind::String(parts), span } }] => {
                plain(parts).map(|text| (text, *span))
            }
            _ => None,
        };
        match variable {
            Some((name, _)) if is_variable(&name) => {}
            Some((name, span)) => self.report(
                Diagnostic::error(
                    "invalid-secret",
                    span,
                    format!("`{name}` is no name of an environment variable"),
                )
                .help(format!(
                    "write capital letters, digits and underscores, such as `{}`",
                    variable_like(&name).unwrap_or_else(|| secret.name.value.to_uppercase())
                )),
            ),
            None => self.no_source(secret),
        }
    }

    /// What Secrets Manager or SSM keeps: one name, and for a secret that is a JSON object, the member's name as `key`.
    fn stored(&mut self, secret: &'a ast::Secret, function: &'a Ident, args: &'a [Arg], keyed: bool) {
        let usage = match keyed {
            true => "secrets_manager(\"NAME\")` or `secrets_manager(\"NAME\", key: \"MEMBER\")",
            false => "ssm_parameter(\"/NAME\")",
        };
        let (name, key) = match args {
            [name] if name.name.is_none() => (name, None),
            [name, key] if keyed && name.name.is_none() && is_key(key) => (name, Some(key)),
            _ => {
                args.iter().for_each(|arg| self.touch(&arg.value));
                self.report(
                    Diagnostic::error(
                        "invalid-arguments",
                        function.span,
                        format!("`{}` is not called so", function.value),
                    )
                    .help(format!("write `{usage}`")),
                );
                return;
            }
        };
        let at = self.scope.get_index_of(&secret.name.value);
        self.as_node(at, |checker| {
            let text = Type::string();
            checker.expect(&name.value, Want::new(&text, &function.value));
            key.iter().for_each(|key| checker.expect(&key.value, Want::new(&text, "key")));
        });
    }

    fn no_source(&mut self, secret: &'a ast::Secret) {
        let source = &secret.source;
        self.touch(source);
        let usual = secret.name.value.to_uppercase();
        let found =
            Diagnostic::error("invalid-secret", source.span, "this is not where a secret can come from");
        self.report(match meant_variable(source).map(|name| format!("env(\"{name}\")")) {
            Some(right) => {
                found.help(format!("write `{right}`")).fix(format!("write `{right}`"), source.span, right)
            }
            None => found.label("whoever reads the file would read it").help(format!(
                "write `env(\"{usual}\")`, `secrets_manager(\"…\")` or `ssm_parameter(\"/…\")`"
            )),
        });
    }
}

fn is_key(arg: &Arg) -> bool {
    arg.name.as_ref().is_some_and(|name| name.value == "key")
}

fn is_variable(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.starts_with(letter) && name.chars().all(|c| letter(c) || c.is_ascii_digit())
}

/// The environment variable that is meant by `env(NAME)`, `env["NAME"]`, `"${NAME}"` or `"$NAME"`.
fn meant_variable(source: &Expr) -> Option<String> {
    let text = |e: &Expr| match &e.kind {
        ExprKind::Name(name) => Some(name.clone()),
        ExprKind::String(parts) => plain(parts),
        _ => None,
    };
    let name = match &source.kind {
        ExprKind::Call(name, args) if name.value == "env" => match &args[..] {
            [one] => text(&one.value)?,
            _ => return None,
        },
        ExprKind::Index(inner, at) if matches!(&inner.kind, ExprKind::Name(name) if name == "env") => {
            text(at)?
        }
        ExprKind::Member(inner, name) if matches!(&inner.kind, ExprKind::Name(env) if env == "env") => {
            name.value.clone()
        }
        ExprKind::Name(name) => name.clone(),
        ExprKind::String(parts) => match &parts[..] {
            [StringPart::Interpolation(inner)] => text(inner)?,
            [StringPart::Text(text)] => text.strip_prefix('$')?.trim_matches(['{', '}']).to_owned(),
            _ => return None,
        },
        _ => return None,
    };
    is_variable(&name).then_some(name).filter(|name| !name.chars().any(|c| c.is_ascii_lowercase()))
}

/// A name for an environment variable like a word that is none: `SHOP_DB_PASSWORD` for `shop-db-password`.
fn variable_like(word: &str) -> Option<String> {
    let name: String =
        word.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
    is_variable(&name).then_some(name)
}
