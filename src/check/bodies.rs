//! Bodies: the attributes and blocks of resources, and of blocks inside them.

use indexmap::IndexMap;
use std::collections::{HashMap, HashSet};

use super::checker::{Checker, Want};
use super::habits::habit;
use super::mismatch::shown;
use crate::base::{Span, most_alike, sentence_list, tail_of};
use crate::diag::Diagnostic;
use crate::schema::{Attribute, BlockSchema, BoundArg, Header, Type, bind_header, usage};
use crate::syntax::ast::{self, Block, Body, Entry, Expr, ExprKind, Ident};

/// How many names are listed where none is near; of more, only a few that are most alike.
const MOST_NAMES: usize = 8;
/// These few.
const FEW_NAMES: usize = 4;

/// What a body may hold.
#[derive(Clone, Copy)]
pub(super) struct Shape<'s> {
    /// What the body belongs to: a kind or block.
    pub(super) owner: &'s str,
    /// Whether it is looked up.
    pub(super) existing: bool,
    /// Its attributes.
    pub(super) attributes: &'s IndexMap<String, Attribute>,
    /// Attributes that every owner has.
    pub(super) common: Option<&'s IndexMap<String, Attribute>>,
    /// Its blocks.
    pub(super) blocks: Option<&'s IndexMap<String, BlockSchema>>,
    /// The header of the block, whose values have no place in the body.
    pub(super) header: &'s [crate::schema::Header],
}

impl<'s> Shape<'s> {
    /// What takes these attributes and nothing else.
    pub(super) fn of(owner: &'s str, attributes: &'s IndexMap<String, Attribute>) -> Self {
        Shape { owner, existing: false, attributes, common: None, blocks: None, header: &[] }
    }

    /// What the user calls it.
    fn title(&self) -> String {
        format!("`{}{}`", if self.existing { "existing " } else { "" }, self.owner)
    }

    fn attribute(&self, name: &str) -> Option<&'s Attribute> {
        self.attributes.get(name).or_else(|| self.common?.get(name))
    }

    fn block(&self, name: &str) -> Option<&'s BlockSchema> {
        self.blocks?.get(name)
    }
}

/// What a body gives so far.
#[derive(Clone, Default)]
struct Given<'a> {
    /// Its attributes: where, and whether always.
    places: HashMap<&'a str, (Span, bool)>,
    /// What misspelt attributes probably mean: it is not told as missing, too.
    meant: HashSet<&'a str>,
}

/// Where in a body an entry stands.
#[derive(Clone, Copy, Default)]
struct Around {
    /// Inside a `for`.
    repeated: bool,
}

impl<'a> Checker<'a> {
    /// Checks a body. What it must give and does not is reported at `place`.
    pub(super) fn body(&mut self, body: &'a Body, shape: Shape<'a>, place: &Ident) {
        let mut given = Given::default();
        self.entries(&body.entries, shape, &mut given, Around::default());
        if !has_broken(&body.entries) {
            self.missing(shape, &given, place);
        }
    }

    fn entries(&mut self, entries: &'a [Entry], shape: Shape<'a>, given: &mut Given<'a>, around: Around) {
        for entry in entries {
            match entry {
                Entry::Attribute(attribute) => self.attribute(attribute, shape, given, around),
                Entry::Block(block) => match shape.block(&block.name.value) {
                    Some(schema) => self.block(block, schema),
                    None => self.no_block(block, shape, given, around),
                },
                Entry::For(each) => {
                    let locals = self.elements(each.key.as_ref(), &each.name, &each.list);
                    self.with_locals(locals, |checker| {
                        checker.entries(&each.body, shape, given, Around { repeated: true });
                    });
                }
                Entry::If(branch) => {
                    self.condition(&branch.condition, "if");
                    let mut then = given.clone();
                    let mut otherwise = given.clone();
                    self.where_holds(&branch.condition, true, |checker| {
                        checker.entries(&branch.then, shape, &mut then, around);
                    });
                    self.where_holds(&branch.condition, false, |checker| {
                        checker.entries(&branch.otherwise, shape, &mut otherwise, around);
                    });
                    merge(given, then, otherwise);
                }
                Entry::Broken(_) => {}
            }
        }
    }

    fn attribute(
        &mut self,
        entry: &'a ast::Attribute,
        shape: Shape<'a>,
        given: &mut Given<'a>,
        around: Around,
    ) {
        let name = &entry.name;
        let Some(attribute) = shape.attribute(&name.value) else {
            self.touch(&entry.value);
            given.meant.extend(self.unknown_attribute(name, &entry.value, shape));
            return;
        };
        self.give(name, given, around);
        self.expect(&entry.value, Want::new(&attribute.ty, &attribute.name));
    }

    /// Remembers that an attribute is given.
    fn give(&mut self, name: &'a Ident, given: &mut Given<'a>, around: Around) {
        if around.repeated {
            self.report(
                Diagnostic::error(
                    "misplaced-declaration",
                    name.span,
                    format!("`{}` would be given once for each element", name.value),
                )
                .help("only blocks are repeated with `for`; make a list with `[for … in …: …]`"),
            );
        }
        if let Some((first, _)) = given.places.insert(&name.value, (name.span, true)) {
            self.given_twice(name, first);
        }
    }

    /// Reports an attribute that there is not; gives the one that was probably meant.
    fn unknown_attribute(&mut self, name: &Ident, value: &'a Expr, shape: Shape<'a>) -> Option<&'a str> {
        let word = name.value.as_str();
        if let Some(block) = shape.block(word) {
            self.block_expected(name, value, block);
            return None;
        }
        let message = format!("{} has no attribute `{word}`", shape.title());
        let diagnostic = Diagnostic::error("unknown-attribute", name.span, message);
        if shape.header.iter().any(|header| header.attribute.name == word) {
            let words: Vec<String> = shape
                .header
                .iter()
                .flat_map(|header| {
                    header.keyword.clone().into_iter().chain([header.attribute.name.to_uppercase()])
                })
                .collect();
            let help = format!("it stands before the brace: `{} {}`", shape.owner, words.join(" "));
            self.report(diagnostic.help(help));
            return None;
        }
        match habit(shape.owner, word) {
            Some((ours, "")) if shape.attribute(ours).is_some() => {
                let help = format!("it is called `{ours}` here");
                let found = self.renamed(diagnostic, help, name, ours, Some(value), shape);
                self.report(found);
                Some(ours)
            }
            Some((_, help)) if !help.is_empty() => {
                self.report(diagnostic.help(help));
                None
            }
            _ => self.report_unknown(diagnostic, name, Some(value), shape),
        }
    }

    /// Says which name is meant, and changes it where the value would be right for that.
    fn renamed(
        &mut self,
        diagnostic: Diagnostic,
        help: String,
        name: &Ident,
        ours: &str,
        value: Option<&'a Expr>,
        shape: Shape<'a>,
    ) -> Diagnostic {
        let title = format!("rename to `{ours}`");
        match (shape.attribute(ours), shape.block(ours), value) {
            (Some(attribute), _, Some(value)) if !self.fits(value, &attribute.ty) => {
                diagnostic.help(format!("{help}, which takes {}", shown(&attribute.ty.required())))
            }
            (Some(_), _, Some(_)) | (None, Some(_), None) => {
                diagnostic.help(help).fix(title, name.span, ours)
            }
            (Some(attribute), _, None) => {
                let takes = shown(&attribute.ty.required());
                diagnostic.help(format!("{help} It is an attribute, which takes {takes}: `{ours} = …`"))
            }
            (None, Some(block), Some(_)) => {
                diagnostic.help(format!("{help} It is a block: `{} {{ … }}`", usage(block)))
            }
            (None, None, _) => diagnostic.help(help),
        }
    }

    /// Whether a value has nothing wrong with it where a type is expected.
    pub(super) fn fits(&mut self, value: &'a Expr, ty: &Type) -> bool {
        let said = self.out.len();
        self.as_node(None, |checker| checker.expect(value, Want::new(ty, "")));
        let fits = self.out.len() == said;
        self.out.truncate(said);
        fits
    }

    /// Adds a did-you-mean among everything that the body may hold; gives what was probably meant.
    fn report_unknown(
        &mut self,
        diagnostic: Diagnostic,
        name: &Ident,
        value: Option<&'a Expr>,
        shape: Shape<'a>,
    ) -> Option<&'a str> {
        let word = name.value.as_str();
        let attributes = shape.attributes.keys().chain(shape.common.into_iter().flat_map(IndexMap::keys));
        let known = attributes.chain(shape.blocks.into_iter().flat_map(IndexMap::keys)).map(String::as_str);
        let near = self.near(word, known.clone()).or_else(|| tail_of(word, known.clone()));
        let all: Vec<&str> = known.collect();
        let inside =
            shape.blocks.into_iter().flatten().find(|(_, block)| block.attributes.contains_key(word));
        let found = match (near, inside) {
            (Some(near), _) => {
                let help = format!("did you mean `{near}`?");
                self.renamed(diagnostic, help, name, near, value, shape)
            }
            (None, Some((_, block))) if value.is_some() => diagnostic.help(format!(
                "it belongs to a `{}`: `{} {{ {word} = … }}`",
                block.name,
                usage(block)
            )),
            (None, _) if all.is_empty() => diagnostic.help("it takes nothing between its braces"),
            (None, _) if all.len() <= MOST_NAMES => {
                diagnostic.help(format!("it takes {}", sentence_list(all, "and")))
            }
            (None, _) => {
                let alike = sentence_list(most_alike(word, all, FEW_NAMES), "or");
                diagnostic.help(format!("perhaps {alike}; `vpipe doc {}` shows all", shape.owner))
            }
        };
        self.report(found);
        near
    }

    /// Reports `process = { … }`.
    fn block_expected(&mut self, name: &Ident, value: &Expr, block: &BlockSchema) {
        let message = format!("`{}` is a block, not an attribute", block.name);
        let mut diagnostic = Diagnostic::error("block-expected", name.span, message)
            .help(format!("write `{} {{ … }}`", usage(block)));
        let headless = block.header.iter().all(|header| header.attribute.optional());
        if headless && matches!(value.kind, ExprKind::Record(_)) {
            let between = Span::new(name.span.end, value.span.start);
            diagnostic = diagnostic.fix("drop the `=`", between, " ");
        }
        self.report(diagnostic);
    }

    /// Reports a block that the body does not take, such as `tags { … }`.
    fn no_block(&mut self, block: &'a Block, shape: Shape<'a>, given: &mut Given<'a>, around: Around) {
        let name = &block.name;
        if let Some(attribute) = shape.attribute(&name.value) {
            let message = format!("`{}` is an attribute, not a block", name.value);
            let diagnostic = Diagnostic::error("attribute-expected", name.span, message);
            let at = Span::new(name.span.end, name.span.end);
            let takes_map = attribute.ty.record().is_some() || attribute.ty.map_value().is_some();
            let diagnostic = match (&block.body, block.header.as_slice()) {
                (Some(_), []) if takes_map => {
                    diagnostic.help(format!("write `{} = {{ … }}`", name.value)).fix("add the `=`", at, " =")
                }
                (None, [header]) if header.keyword.is_none() && header.values.len() == 1 => {
                    diagnostic.help(format!("write `{} = …`", name.value)).fix("add the `=`", at, " =")
                }
                _ => diagnostic.help(format!(
                    "write `{} = …`, which takes {}",
                    name.value,
                    shown(&attribute.ty)
                )),
            };
            self.report(diagnostic);
            self.give(name, given, around);
        } else {
            let what = if block.header.is_empty() && block.body.is_none() { "attribute" } else { "block" };
            let message = format!("{} has no {what} `{}`", shape.title(), name.value);
            let diagnostic = Diagnostic::error(
                if what == "block" { "unknown-block" } else { "unknown-attribute" },
                name.span,
                message,
            );
            match habit(shape.owner, &name.value) {
                Some((_, help)) if !help.is_empty() => self.report(diagnostic.help(help)),
                _ => given.meant.extend(self.report_unknown(diagnostic, name, None, shape)),
            }
        }
        block.header.iter().flat_map(|arg| &arg.values).for_each(|value| self.touch(value));
        block.body.iter().for_each(|body| self.touch_body(body));
    }

    fn block(&mut self, block: &'a Block, schema: &'a BlockSchema) {
        let node = if schema.separate { None } else { self.node };
        self.as_node(node, |checker| {
            match bind_header(schema, block) {
                Ok(_) if checker.misplaced_header(block, schema) => {}
                Ok(bound) => bound.values().for_each(|arg| checker.header(arg, schema)),
                Err(wrong) => {
                    checker.out.extend(wrong);
                    block.header.iter().flat_map(|arg| &arg.values).for_each(|value| checker.touch(value));
                }
            }
            let shape = Shape {
                blocks: Some(&schema.blocks),
                header: &schema.header,
                ..Shape::of(&schema.name, &schema.attributes)
            };
            match &block.body {
                Some(body) => checker.body(body, shape, &block.name),
                None => checker.missing(shape, &Given::default(), &block.name),
            }
        });
    }

    /// Reports header values that stand in each other's place, such as `listener http 80`, or of which the first is left
    /// out, such as `allow 3306 from self`.
    fn misplaced_header(&mut self, block: &'a Block, schema: &'a BlockSchema) -> bool {
        let [first, second, ..] = &schema.header[..] else { return false };
        let plain: Vec<&'a ast::HeaderArg> =
            block.header.iter().filter(|arg| arg.keyword.is_none()).collect();
        let mut takes = |header: &'a Header, arg: &'a ast::HeaderArg| {
            let ty = header.attribute.ty.item().unwrap_or(&header.attribute.ty);
            arg.values.iter().all(|value| self.fits(value, ty))
        };
        let diagnostic = match plain[..] {
            [one, other] if !takes(first, one) && takes(second, one) && takes(first, other) => {
                let message = format!(
                    "the `{}` of a `{}` stands before its `{}`",
                    first.attribute.name, schema.name, second.attribute.name
                );
                let place = one.span.to(other.span);
                let diagnostic = Diagnostic::error("invalid-header", place, message);
                match (written(one), written(other)) {
                    (Some(one), Some(other)) => diagnostic
                        .help(format!("write `{} {other} {one}`", schema.name))
                        .fix("exchange the two", place, format!("{other} {one}")),
                    _ => diagnostic.help(format!("write `{}`", usage(schema))),
                }
            }
            [one] if first.keyword.is_none() && !takes(first, one) && takes(second, one) => {
                let message = format!("`{}` does not say which `{}`", schema.name, first.attribute.name);
                let diagnostic = Diagnostic::error("invalid-header", one.span, message);
                let example = self.example(&first.attribute.ty);
                match written(one) {
                    Some(one) => diagnostic.help(format!("write `{} {example} {one} …`", schema.name)),
                    None => diagnostic.help(format!("write `{}`", usage(schema))),
                }
            }
            _ => return false,
        };
        self.report(diagnostic);
        block.header.iter().flat_map(|arg| &arg.values).for_each(|value| self.touch(value));
        true
    }

    /// Checks the values of one header attribute.
    fn header(&mut self, arg: &BoundArg<'a>, schema: &BlockSchema) {
        let attribute = &arg.header.attribute;
        let want = Want::new(&attribute.ty, &attribute.name);
        let is_name = schema.named && schema.header.first() == Some(arg.header);
        for value in arg.values {
            match (&value.kind, attribute.ty.item()) {
                (ExprKind::Name(_), _) if is_name => {}
                (_, Some(item)) => self.expect(value, want.item(item)),
                (_, None) => self.expect(value, want),
            }
        }
    }

    /// Reports what must be given and is not.
    fn missing(&mut self, shape: Shape<'a>, given: &Given<'a>, place: &Ident) {
        let absent = |attribute: &&Attribute| {
            let name = attribute.name.as_str();
            let given =
                given.places.get(name).is_some_and(|(_, always)| *always) || given.meant.contains(name);
            !attribute.optional() && !given
        };
        let missing: Vec<&Attribute> = shape.attributes.values().filter(absent).collect();
        if missing.is_empty() {
            return;
        }
        let names = sentence_list(missing.iter().map(|attribute| attribute.name.as_str()), "and");
        let message = format!("`{}` lacks {names}", place.value);
        let mut diagnostic = Diagnostic::error("missing-attribute", place.span, message);
        for attribute in &missing {
            if let Some((span, _)) = given.places.get(attribute.name.as_str()) {
                diagnostic =
                    diagnostic.related(*span, format!("`{}` is given only sometimes", attribute.name));
            }
        }
        let lines: Vec<String> = missing
            .iter()
            .map(|attribute| format!("{} = {}", attribute.name, self.example(&attribute.ty)))
            .collect();
        let lines = sentence_list(lines.iter().map(String::as_str), "and");
        self.report(diagnostic.help(format!("add {lines}")));
    }
}

/// Header values as text.
fn written(arg: &ast::HeaderArg) -> Option<String> {
    let values: Option<Vec<String>> = arg.values.iter().map(Expr::written).collect();
    values.map(|values| values.join(", "))
}

/// What two branches give together.
fn merge<'a>(given: &mut Given<'a>, then: Given<'a>, otherwise: Given<'a>) {
    for (name, (span, always)) in then.places {
        let other = otherwise.places.get(name).is_some_and(|(_, always)| *always);
        given.places.entry(name).or_insert((span, always && other));
    }
    for (name, (span, _)) in otherwise.places {
        given.places.entry(name).or_insert((span, false));
    }
    given.meant.extend(then.meant.into_iter().chain(otherwise.meant));
}

/// Whether a part of the body could not be parsed: what is missing may stand there.
pub(super) fn has_broken(entries: &[Entry]) -> bool {
    entries.iter().any(|entry| match entry {
        Entry::Broken(_) => true,
        Entry::For(each) => has_broken(&each.body),
        Entry::If(branch) => has_broken(&branch.then) || has_broken(&branch.otherwise),
        Entry::Attribute(_) | Entry::Block(_) => false,
    })
}
