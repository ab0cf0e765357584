//! What stands behind a dot, between brackets, and before parentheses.

use super::builtins::{BUILTINS, Builtin, builtin, result};
use super::checker::{Checker, Want};
use super::declare::with_article;
use super::exprs::join_all;
use super::habits::{our_function, our_output};
use super::mismatch::shown;
use crate::base::{Span, most_alike, sentence_list};
use crate::diag::Diagnostic;
use crate::schema::{Type, Variant, bind_call, is_kind, plain};
use crate::syntax::ast::{Arg, Expr, ExprKind, Ident};

impl<'a> Checker<'a> {
    /// The type of `INNER.member`.
    pub(super) fn member(&mut self, inner: &'a Expr, of: &Type, member: &'a Ident) -> Type {
        let name = member.value.as_str();
        match of {
            Type::Error => Type::Error,
            Type::Handle(kind) => self.output(kind, member),
            Type::Module(outputs) => match outputs.get(name) {
                Some(ty) => ty.clone(),
                None => self.no_member("unknown-output", "the module has no output", member, outputs.keys()),
            },
            // Of several types that which has it; where a value is of another one, `eval` tells.
            Type::Union(types) if let Some(kind) = self.with_output(types, name) => {
                self.output(&kind, member)
            }
            Type::Record(fields) => match fields.get(name) {
                Some(field) => field.ty.clone(),
                None if self.is_a_key(inner, member) => Type::Error,
                None => self.no_member("unknown-field", "there is no", member, fields.keys()),
            },
            Type::Map(value) => (**value).clone(),
            Type::Range(bound) => match name {
                "from" | "to" => (**bound).clone(),
                _ => {
                    let ends = ["from".to_owned(), "to".to_owned()];
                    self.no_member("unknown-field", "a range has no", member, ends.iter())
                }
            },
            Type::Optional(_) => {
                let diagnostic = self.possibly_none(inner, format!("`.{name}` needs it to be there"));
                self.report(diagnostic);
                Type::Error
            }
            Type::List(item) => {
                let message = format!("a list has no `{name}`");
                let diagnostic = Diagnostic::error("type-mismatch", member.span, message);
                let list = self.source_of(inner);
                self.report(match **item {
                    Type::Handle(_) | Type::Record(_) | Type::Map(_) => diagnostic.help(format!(
                        "write `{list}[0].{name}` for the first, or `[for one in {list}: one.{name}]` for all"
                    )),
                    _ => diagnostic.help("write `…[0]` for its first element"),
                });
                Type::Error
            }
            other => {
                let message = format!("{} has no `{name}`", shown(other));
                let diagnostic = Diagnostic::error("type-mismatch", member.span, message);
                let past = Span::new(inner.span.end, member.span.end);
                self.report(match self.is_stage(inner) {
                    true => diagnostic.help("`stage` itself is the name of the stage").fix(
                        format!("remove `.{name}`"),
                        past,
                        "",
                    ),
                    false => diagnostic.help("only resources, modules and maps have parts"),
                });
                Type::Error
            }
        }
    }

    /// Reports `classes.stage` where the value of `stage` is the key.
    fn is_a_key(&mut self, map: &Expr, member: &Ident) -> bool {
        let name = member.value.as_str();
        let symbol = self.locals.get(name).map(|local| &local.ty);
        let symbol = symbol.or_else(|| self.scope.get(name).map(|symbol| &symbol.ty));
        if !symbol.is_some_and(|ty| ty.base().is_some_and(|base| base.is_text())) {
            return false;
        }
        self.touch_name(name);
        let right = format!("{}[{name}]", self.source_of(map));
        let past = Span::new(map.span.end, member.span.end);
        self.report(
            Diagnostic::error("unknown-field", member.span, format!("there is no `{name}`"))
                .help(format!("to take the value of `{name}` as the key write `{right}`"))
                .fix(format!("write `[{name}]`"), past, format!("[{name}]")),
        );
        true
    }

    fn source_of(&self, e: &Expr) -> String {
        match &e.kind {
            ExprKind::Name(name) => name.clone(),
            _ => "…".to_owned(),
        }
    }

    fn no_member<'k>(
        &mut self,
        code: &'static str,
        what: &str,
        member: &Ident,
        known: impl Iterator<Item = &'k String> + Clone,
    ) -> Type {
        let diagnostic = Diagnostic::error(code, member.span, format!("{what} `{}`", member.value));
        let near = self.near(&member.value, known.clone().map(String::as_str));
        self.report(match near {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")).fix(
                format!("change to `{near}`"),
                member.span,
                near,
            ),
            None => match sentence_list(known.map(String::as_str), "and") {
                none if none.is_empty() => diagnostic,
                all => diagnostic.help(format!("there is {all}")),
            },
        });
        Type::Error
    }

    /// The kind among some types whose resources have an output of a name.
    fn with_output(&self, types: &[Type], name: &str) -> Option<String> {
        types.iter().find_map(|one| match one {
            Type::Handle(kind) if self.schema.kind(kind)?.outputs.contains_key(name) => Some(kind.clone()),
            _ => None,
        })
    }

    /// The type of a resource's output.
    fn output(&mut self, kind: &str, member: &Ident) -> Type {
        let schema = self.schema;
        let Some(kind) = schema.kind(kind) else { return Type::Error };
        if let Some(ty) = kind.outputs.get(&member.value) {
            return ty.clone();
        }
        let what = format!("{} has no output", with_article(&format!("`{}`", kind.name)));
        if kind.attributes.contains_key(&member.value) || kind.lookups.contains_key(&member.value) {
            let name = &member.value;
            let outputs = sentence_list(kind.outputs.keys().map(String::as_str), "and");
            self.report(
                Diagnostic::error("unknown-output", member.span, format!("{what} `{name}`"))
                    .label("this is what the file says, not what can be read")
                    .help(match outputs.is_empty() {
                        true => "use the value that was given to it".to_owned(),
                        false => format!("use the value that was given to it, or one of {outputs}"),
                    }),
            );
            return Type::Error;
        }
        if let Some(ours) = our_output(kind, &member.value) {
            self.report(
                Diagnostic::error("unknown-output", member.span, format!("{what} `{}`", member.value))
                    .help(format!("it is called `{ours}` here"))
                    .fix(format!("change to `{ours}`"), member.span, ours),
            );
            return Type::Error;
        }
        self.no_member("unknown-output", &what, member, kind.outputs.keys())
    }

    /// The type of `INNER[AT]`.
    pub(super) fn index(&mut self, inner: &'a Expr, at: &'a Expr) -> Type {
        match self.infer(inner, None) {
            Type::List(item) => {
                self.expect(at, Want::new(&Type::int(), ""));
                *item
            }
            Type::Map(value) => {
                self.expect(at, Want::new(&Type::string(), ""));
                *value
            }
            Type::Record(fields) => {
                self.expect(at, Want::new(&Type::string(), ""));
                let ExprKind::String(parts) = &at.kind else {
                    return join_all(fields.values().map(|field| field.ty.clone()));
                };
                let Some(key) = plain(parts) else { return Type::Error };
                match fields.get(&key) {
                    Some(field) => field.ty.clone(),
                    None => {
                        let key = Ident::new(key, at.span);
                        self.no_member("unknown-field", "there is no", &key, fields.keys())
                    }
                }
            }
            Type::Error => {
                self.infer(at, None);
                Type::Error
            }
            Type::Optional(_) => {
                let diagnostic = self.possibly_none(inner, "a list is needed here".to_owned());
                self.report(diagnostic);
                Type::Error
            }
            other => {
                self.infer(at, None);
                let message = format!("{} has no elements", shown(&other));
                self.report(
                    Diagnostic::error("type-mismatch", inner.span, message)
                        .help("only lists and maps are indexed"),
                );
                Type::Error
            }
        }
    }

    /// Checks the arguments of an alternative with parameters.
    pub(super) fn variant(&mut self, span: Span, variant: &Variant, args: &'a [Arg]) {
        match bind_call(&variant.name, span, &variant.params, args) {
            Ok(bound) => {
                for (param, value) in bound {
                    if let Some(field) = variant.params.get(&param) {
                        self.expect(value, Want::new(&field.ty, &param));
                    }
                }
            }
            Err(wrong) => {
                self.out.extend(wrong);
                args.iter().for_each(|arg| self.touch(&arg.value));
            }
        }
    }

    /// The type of a call of a function.
    pub(super) fn call(&mut self, name: &'a Ident, args: &'a [Arg], hint: Option<&Type>) -> Type {
        let Some(function) = builtin(&name.value) else {
            args.iter().for_each(|arg| self.touch(&arg.value));
            self.unknown_function(name, args, hint);
            return Type::Error;
        };
        if let Some(reads) = super::secrets::reads(function.name) {
            args.iter().for_each(|arg| self.touch(&arg.value));
            let help = format!(
                "declare `secret NAME = {}(\"…\")`; for what is not secret declare a `param`",
                function.name
            );
            self.report(
                Diagnostic::error("misplaced-env", name.span, format!("only a `secret` {reads}")).help(help),
            );
            return Type::Error;
        }
        if let Some(named) = args.iter().find_map(|arg| arg.name.as_ref()) {
            self.report(
                Diagnostic::error(
                    "invalid-arguments",
                    named.span,
                    format!("`{}` takes its arguments without names", function.name),
                )
                .help(format!("write `{}`", function.usage)),
            );
            args.iter().for_each(|arg| self.touch(&arg.value));
            return Type::Error;
        }
        let (fewest, most) = function.arguments;
        let types: Vec<Type> = args.iter().map(|arg| self.infer(&arg.value, None)).collect();
        if args.len() < fewest || args.len() > most {
            let extra = args.get(most).map_or(name.span, |arg| arg.value.span);
            let message = format!("`{}` takes {}", function.name, counted(fewest, most));
            self.report(
                Diagnostic::error("invalid-arguments", extra, message)
                    .help(format!("write `{}`", function.usage)),
            );
            return Type::Error;
        }
        match result(function, &types) {
            Ok(ty) => ty,
            Err(misfit) => {
                let (Some(arg), Some(found)) = (args.get(misfit.at), types.get(misfit.at)) else {
                    return Type::Error;
                };
                let place = format!("`{}` takes {}", function.name, misfit.expected);
                let diagnostic = match found {
                    Type::Optional(_) => self.possibly_none(&arg.value, place),
                    found if found.holds_secret() => Diagnostic::error(
                        "secret-exposed",
                        arg.value.span,
                        format!("`{}` would give away a secret", function.name),
                    )
                    .help("only functions that make a text of it may see a secret"),
                    found => {
                        let message = format!("{place}, not {}", shown(found));
                        let diagnostic = Diagnostic::error("type-mismatch", arg.value.span, message);
                        match exchanged(function, args, &types) {
                            Some((span, text)) => diagnostic
                                .help(format!(
                                    "the arguments stand the other way round: `{}({text})`",
                                    function.name
                                ))
                                .fix("exchange the two", span, text),
                            None => diagnostic.help(format!("write `{}`: {}", function.usage, function.docs)),
                        }
                    }
                };
                self.report(diagnostic);
                Type::Error
            }
        }
    }

    fn unknown_function(&mut self, name: &Ident, args: &[Arg], hint: Option<&Type>) {
        let members = hint.map(Type::members).unwrap_or_default();
        let variants = members.iter().filter_map(|member| match member {
            Type::Variant(variant) => Some(variant.name.as_str()),
            _ => None,
        });
        let known: Vec<&str> = variants.chain(BUILTINS.iter().map(|function| function.name)).collect();
        let diagnostic = Diagnostic::error(
            "unknown-function",
            name.span,
            format!("there is no function `{}`", name.value),
        );
        match our_function(&name.value) {
            Some((ours, "")) => {
                let diagnostic = diagnostic.help(format!("it is called `{ours}` here"));
                return self.report(diagnostic.fix(format!("change to `{ours}`"), name.span, ours));
            }
            Some(("", help)) => return self.report(diagnostic.help(help)),
            _ => {}
        }
        let near = self.near(&name.value, known.iter().copied());
        let word = name.value.as_str();
        self.report(match near {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")).fix(
                format!("change to `{near}`"),
                name.span,
                near,
            ),
            None if is_kind(word) || (self.knows(word) && args.is_empty()) => {
                diagnostic.help(format!("a name is used without `(…)`: `{word}`"))
            }
            None if self.is_library_variant(&name.value) => diagnostic.help(format!(
                "`{}` is a choice: say its type, as in `let NAME: TYPE = {}(…)`",
                name.value, name.value
            )),
            None => {
                let alike = sentence_list(most_alike(word, known, 4), "or");
                diagnostic.help(format!("perhaps {alike}; `vpipe doc` lists all functions"))
            }
        });
    }

    /// Whether a named type of the library has this alternative.
    fn is_library_variant(&self, name: &str) -> bool {
        self.schema.types.values().any(|ty| ty.variant(name).is_some())
    }
}

/// Two arguments the other way round, where that would be right.
fn exchanged(function: &Builtin, args: &[Arg], types: &[Type]) -> Option<(Span, String)> {
    let ([one, other], [first, second]) = (args, types) else { return None };
    result(function, &[second.clone(), first.clone()]).ok()?;
    let span = one.value.span.to(other.value.span);
    Some((span, format!("{}, {}", other.value.written()?, one.value.written()?)))
}

fn counted(fewest: usize, most: usize) -> String {
    let plural = |n: usize| if n == 1 { "" } else { "s" };
    match (fewest, most) {
        (n, m) if n == m => format!("{n} argument{}", plural(n)),
        (n, usize::MAX) => format!("at least {n} argument{}", plural(n)),
        (n, m) => format!("{n} to {m} arguments"),
    }
}
