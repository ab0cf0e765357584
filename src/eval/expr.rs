//! Expressions: from what is written to a value, against the type that is expected.
//!
//! Lists, records, choices and calls of alternatives are taken apart with their types, so that a value that breaks a rule
//! is told at the innermost expression. Everything else is computed first and made to conform as a whole.

use super::builtins;
use super::evaluator::{ANY, Cx, Evaluator};
use super::ops::{apply, index, member};
use super::scope::{Found, holds_path};
use super::show::describe;
use super::value::{Attrs, Deferred, Value};
use crate::base::Span;
use crate::diag::Diagnostic;
use crate::schema::{Type, Variant, bind_call};
use crate::syntax::ast::{Arg, BinaryOp, Body, Comprehension, Expr, ExprKind, Ident, StringPart, UnaryOp};

impl<'a> Evaluator<'a> {
    /// The value of an expression where a type is expected: complete, with every rule of the type proved on what is known.
    pub(super) fn value(&mut self, expr: &'a Expr, ty: &'a Type, cx: Cx<'a>) -> Option<Value> {
        if !self.spend(1, expr.span) {
            return None;
        }
        self.deeper(expr.span, |this| this.structure(expr, ty, cx))
    }

    fn structure(&mut self, expr: &'a Expr, ty: &'a Type, cx: Cx<'a>) -> Option<Value> {
        match &expr.kind {
            ExprKind::List(items) => {
                let item = ty.item();
                let values: Vec<_> =
                    items.iter().map(|one| self.value(one, item.unwrap_or(&ANY), cx)).collect();
                let list = Value::List(values.into_iter().collect::<Option<_>>()?);
                if item.is_some() { Some(list) } else { self.finish(list, ty, expr, cx) }
            }
            ExprKind::Comprehension(each) => {
                let item = ty.item();
                let list = self.comprehension(each, item.unwrap_or(&ANY), cx)?;
                if item.is_some() { Some(list) } else { self.finish(list, ty, expr, cx) }
            }
            ExprKind::Record(body) => self.record(body, ty, expr, cx),
            ExprKind::If(condition, yes, no) => match self.value(condition, &ANY, cx)? {
                Value::Bool(true) => self.value(yes, ty, cx),
                Value::Bool(false) => self.value(no, ty, cx),
                waits @ Value::Deferred(_) => {
                    self.collect_refs(&waits, condition.span, ty);
                    let (yes, no) = (self.value(yes, ty, cx), self.value(no, ty, cx));
                    self.compute("if", &[waits, yes?, no?], expr.span)
                }
                other => self.no_bool(&other, condition.span),
            },
            ExprKind::Call(name, args) => match ty.variant(&name.value) {
                Some(variant) => self.alternative(variant, name, args, cx),
                None => {
                    let value = self.call(name, args, expr.span, cx)?;
                    self.finish(value, ty, expr, cx)
                }
            },
            ExprKind::Range(from, to) => {
                let bound = ty.range_bound();
                let from = self.value(from, bound.unwrap_or(&ANY), cx);
                let to = self.value(to, bound.unwrap_or(&ANY), cx);
                let range = Value::Range(Box::new(from?), Box::new(to?));
                self.finish(range, ty, expr, cx)
            }
            ExprKind::Binary(left, op, right) if op.value == BinaryOp::Default => {
                match self.value(left, &ANY, cx)? {
                    Value::None => self.value(right, ty, cx),
                    waits @ Value::Deferred(_) => {
                        self.collect_refs(&waits, left.span, ty);
                        let right = self.value(right, ty, cx)?;
                        self.compute("??", &[waits, right], expr.span)
                    }
                    value => self.finish(value, ty, left, cx),
                }
            }
            ExprKind::Name(word) => {
                if let Some(variant) = ty.variant(word) {
                    let word = Value::Variant(variant.name.clone(), Attrs::new());
                    return self.finish(word, ty, expr, cx);
                }
                if let Some(block) = ty.block_name() {
                    self.block_refs.push((block, word.clone(), expr.span));
                    return Some(Value::Variant(word.clone(), Attrs::new()));
                }
                let value = self.name(word, expr.span, cx)?;
                self.finish(value, ty, expr, cx)
            }
            _ => {
                let value = self.plain(expr, cx)?;
                self.finish(value, ty, expr, cx)
            }
        }
    }

    /// The value of an expression that says all by itself.
    fn plain(&mut self, expr: &'a Expr, cx: Cx<'a>) -> Option<Value> {
        match &expr.kind {
            ExprKind::None => Some(Value::None),
            ExprKind::Bool(flag) => Some(Value::Bool(*flag)),
            ExprKind::Int(number) => Some(Value::Int(*number)),
            ExprKind::Duration(ms) => Some(Value::Duration(*ms)),
            ExprKind::Size(bytes) => Some(Value::Size(*bytes)),
            ExprKind::Percent(hundredths) => Some(Value::Percent(*hundredths)),
            ExprKind::String(parts) => self.text(parts, expr.span, cx),
            ExprKind::Member(inner, name) => self.member(inner, name, expr.span, cx),
            ExprKind::Index(list, at) => {
                let at = self.value(at, &ANY, cx);
                if let Some(place) = self.place(list, cx)
                    && let Some(at @ (Value::Int(_) | Value::String(_))) = &at
                    && !matches!(place, Value::Deferred(_))
                {
                    let value = index(place, at);
                    return self.result(value, expr.span);
                }
                let list = self.value(list, &ANY, cx);
                self.compute("index", &[list?, at?], expr.span)
            }
            ExprKind::Unary(op, operand) => {
                let operand = self.value(operand, &ANY, cx)?;
                let op = match op.value {
                    UnaryOp::Not => "not",
                    UnaryOp::Neg => "neg",
                };
                self.compute(op, &[operand], expr.span)
            }
            ExprKind::Binary(..) => self.binary(expr, cx),
            // The rest is taken apart with its type, or was told by the parser.
            _ => None,
        }
    }

    /// Makes a computed value conform to its type, and notes what it refers to.
    fn finish(&mut self, value: Value, ty: &'a Type, expr: &'a Expr, cx: Cx<'a>) -> Option<Value> {
        if matches!(ty, Type::Error) {
            return Some(value);
        }
        let written_here = holds_path(ty) && !self.is_resolved(expr, cx.frame);
        let folder = if written_here { self.folder(cx.frame) } else { None };
        let doubts = self.doubts.len();
        match self.conform(value, ty, folder.as_deref()) {
            Ok(value) => {
                self.tell_doubts(doubts, expr, cx);
                self.collect_refs(&value, expr.span, ty);
                Some(value)
            }
            Err(flaw) => self.flawed(flaw, expr, cx),
        }
    }

    /// The way from the root file's folder to that of the file a frame belongs to.
    fn folder(&self, frame: usize) -> Option<String> {
        let instance = self.frames.get(frame).map(|frame| frame.instance)?;
        self.instances.get(instance).map(|instance| instance.folder.clone())
    }

    /// Notes the nodes that a value refers to.
    fn collect_refs(&mut self, value: &Value, span: Span, ty: &Type) {
        if !matches!(ty, Type::Error) {
            let refs = &mut self.refs;
            nodes_in(value, &mut |node| refs.push((node.to_owned(), span)));
        }
    }

    /// Computes, and tells at a place why there is no result.
    pub(super) fn compute(&mut self, op: &str, args: &[Value], span: Span) -> Option<Value> {
        let value = apply(op, args);
        self.result(value, span)
    }

    fn result(&mut self, value: Result<Value, String>, span: Span) -> Option<Value> {
        match value {
            Ok(value) => {
                let size = match &value {
                    Value::String(text) => text.len() as u64 / 32,
                    Value::List(items) => items.len() as u64,
                    Value::Map(fields) => fields.len() as u64,
                    _ => 0,
                };
                self.spend(size, span).then_some(value)
            }
            Err(why) => {
                // What to do stands after a semicolon.
                let (why, help) = why.split_once("; ").unwrap_or((&why, "choose other values"));
                self.wrong(Diagnostic::error("cannot-evaluate", span, why).help(help))
            }
        }
    }

    fn name(&mut self, word: &str, span: Span, cx: Cx<'a>) -> Option<Value> {
        match self.lookup(cx.frame, word, span) {
            Found::Value(value) => Some(value),
            Found::Unknown => self.without_value(),
            // `check` knows every name, so this is a word: the other side of a comparison offers it.
            Found::Nothing => Some(Value::Variant(word.to_owned(), Attrs::new())),
        }
    }

    /// The value of a name or of a part of it, without a copy; `None` where that cannot be had.
    fn place(&mut self, expr: &'a Expr, cx: Cx<'a>) -> Option<&Value> {
        // Names first: they may have to be found out, which needs the whole evaluation.
        let mut root = expr;
        let mut members: Vec<&'a str> = Vec::new();
        while let ExprKind::Member(inner, name) = &root.kind {
            members.push(&name.value);
            root = inner;
        }
        let ExprKind::Name(name) = &root.kind else { return None };
        let holder = self.holder(cx.frame, name)?;
        let mut value = self.known(holder, name)?.value.as_ref()?;
        while let Some(name) = members.pop() {
            let Value::Map(fields) = value else { return None };
            value = fields.get(name)?;
        }
        Some(value)
    }

    fn member(&mut self, inner: &'a Expr, name: &'a Ident, span: Span, cx: Cx<'a>) -> Option<Value> {
        if let ExprKind::Name(module) = &inner.kind
            && let Some(instance) = self.instance_of(module, cx.frame)
        {
            let value = self.output(instance, &name.value, span);
            return if value.is_some() { value } else { self.without_value() };
        }
        if let Some(place) = self.place(inner, cx) {
            match place {
                Value::Handle(node) => {
                    return Some(Value::Deferred(Box::new(Deferred::Output(
                        node.clone(),
                        name.value.clone(),
                    ))));
                }
                Value::Map(fields) if fields.contains_key(&name.value) => {
                    let value = member(place, &name.value);
                    return self.result(value, span);
                }
                _ => {}
            }
        }
        let value = self.value(inner, &ANY, cx)?;
        self.compute("member", &[value, Value::String(name.value.clone())], span)
    }

    fn text(&mut self, parts: &'a [StringPart], span: Span, cx: Cx<'a>) -> Option<Value> {
        match parts {
            [] => return Some(Value::from("")),
            [StringPart::Text(text)] => return Some(Value::from(text.as_str())),
            _ => {}
        }
        let values: Vec<Option<Value>> = parts
            .iter()
            .map(|part| match part {
                StringPart::Text(text) => Some(Value::from(text.as_str())),
                StringPart::Interpolation(inner) => self.value(inner, &ANY, cx),
            })
            .collect();
        let values = values.into_iter().collect::<Option<Vec<_>>>()?;
        self.compute("concat", &values, span)
    }

    /// Operators. A long chain of them leans to the left, so it is gone through without recursion.
    fn binary(&mut self, expr: &'a Expr, cx: Cx<'a>) -> Option<Value> {
        let mut chain = Vec::new();
        let mut first = expr;
        while let ExprKind::Binary(left, op, right) = &first.kind {
            chain.push((op.value, left, right, first.span));
            first = left;
        }
        let mut value = None;
        for (op, left, right, span) in chain.into_iter().rev() {
            let left_value = match (value.take(), op) {
                (Some(value), _) => Some(value),
                (None, BinaryOp::Eq | BinaryOp::Ne | BinaryOp::In) => self.operand(left, right, cx),
                (None, _) => self.value(left, &ANY, cx),
            };
            value = Some(self.operation(op, left_value, left, right, span, cx)?);
        }
        value
    }

    fn operation(
        &mut self,
        op: BinaryOp,
        a: Option<Value>,
        left: &'a Expr,
        right: &'a Expr,
        span: Span,
        cx: Cx<'a>,
    ) -> Option<Value> {
        match (op, &a) {
            (BinaryOp::And, Some(Value::Bool(false))) | (BinaryOp::Or, Some(Value::Bool(true))) => return a,
            (BinaryOp::Default, Some(value)) if !matches!(value, Value::None | Value::Deferred(_)) => {
                return a;
            }
            (BinaryOp::In, Some(part)) if part.is_known() => {
                if let Some(whole @ (Value::List(_) | Value::Map(_))) = self.place(right, cx)
                    && whole.is_known()
                    && !super::ops::is_secret(whole)
                    && !super::ops::is_secret(part)
                {
                    let (steps, found) = (whole.items().len() as u64, builtins::contains(whole, part));
                    return if self.spend(steps, span) {
                        self.result(found.map(Value::Bool), span)
                    } else {
                        None
                    };
                }
            }
            _ => {}
        }
        let b = match op {
            BinaryOp::Eq | BinaryOp::Ne => self.operand(right, left, cx),
            _ => self.value(right, &ANY, cx),
        };
        self.compute(op.symbol(), &[a?, b?], span)
    }

    /// One side of a comparison; a bare word may be an alternative of the other side's type.
    fn operand(&mut self, expr: &'a Expr, other: &'a Expr, cx: Cx<'a>) -> Option<Value> {
        if let ExprKind::Name(word) | ExprKind::Call(Ident { value: word, .. }, _) = &expr.kind {
            let ty = self.type_of(other, cx.frame);
            let ty = ty.item().unwrap_or(ty);
            match (ty.variant(word), &expr.kind) {
                // Alone it asks which alternative it is.
                (Some(_), ExprKind::Name(_)) => return Some(Value::Variant(word.clone(), Attrs::new())),
                (Some(_), _) => return self.value(expr, ty, cx),
                (None, _) => {}
            }
        }
        self.value(expr, &ANY, cx)
    }

    /// A condition that must be known now.
    pub(super) fn condition(&mut self, expr: &'a Expr, cx: Cx<'a>) -> Option<bool> {
        match self.value(expr, &ANY, cx)? {
            Value::Bool(flag) => Some(flag),
            Value::Deferred(_) => self.wrong(
                Diagnostic::error("not-known-yet", expr.span, "this condition is known only after the run")
                    .label("it depends on outputs of resources")
                    .help("decide by parameters or `stage`, which are known beforehand"),
            ),
            other => self.no_bool(&other, expr.span),
        }
    }

    fn no_bool<T>(&mut self, value: &Value, span: Span) -> Option<T> {
        let message = format!("a condition is `true` or `false`, not {}", describe(value));
        self.wrong(Diagnostic::error("type-mismatch", span, message))
    }

    /// What a loop goes through: index and element of a list, key and value of a map.
    pub(super) fn elements(&mut self, expr: &'a Expr, cx: Cx<'a>) -> Option<Vec<(Value, Value)>> {
        match self.value(expr, &ANY, cx)? {
            Value::List(items) => {
                let number = |at| Value::Int(i64::try_from(at).unwrap_or(i64::MAX));
                Some(items.into_iter().enumerate().map(|(at, item)| (number(at), item)).collect())
            }
            Value::Map(fields) => Some(fields.into_iter().map(|(key, value)| (key.into(), value)).collect()),
            Value::Deferred(_) => self.wrong(
                Diagnostic::error("not-known-yet", expr.span, "this list is known only after the run")
                    .label("it depends on outputs of resources")
                    .help("go through a list that the file itself gives"),
            ),
            other => {
                let message = format!("`for` goes through lists and maps, not {}", describe(&other));
                self.wrong(Diagnostic::error("type-mismatch", expr.span, message))
            }
        }
    }

    fn comprehension(&mut self, each: &'a Comprehension, item: &'a Type, cx: Cx<'a>) -> Option<Value> {
        let rounds = self.elements(&each.list, cx)?;
        let resolved = self.is_resolved(&each.list, cx.frame);
        let mut values = Vec::with_capacity(rounds.len());
        let mut whole = true;
        for (at, value) in rounds {
            let frame = self.inner(cx.frame);
            self.bind_round(frame, each.key.as_ref(), &each.name, at, value, resolved);
            let inside = Cx { frame, ..cx };
            let wanted = each.condition.as_ref().map_or(Some(true), |one| self.condition(one, inside));
            match wanted {
                Some(true) => match self.value(&each.value, item, inside) {
                    Some(value) => values.push(value),
                    None => whole = false,
                },
                Some(false) => {}
                None => whole = false,
            }
            self.forget(frame);
            if !self.spend(2, each.list.span) {
                return None;
            }
        }
        whole.then_some(Value::List(values))
    }

    fn record(&mut self, body: &'a Body, ty: &'a Type, expr: &'a Expr, cx: Cx<'a>) -> Option<Value> {
        let fields = if let Type::Record(fields) = ty { Some(fields) } else { ty.record() };
        let each = if let Type::Map(value) = ty { Some(&**value) } else { ty.map_value() };
        let mut map = Attrs::new();
        let mut whole = true;
        for (attribute, frame) in self.attributes(&body.entries, cx.frame) {
            let name = &attribute.name.value;
            let (field, about) = match (fields, each) {
                (Some(fields), _) => (fields.get(name).map(|field| &field.ty), name.as_str()),
                (None, each) => (each, name.as_str()),
            };
            match self.value(&attribute.value, field.unwrap_or(&ANY), Cx { frame, about }) {
                Some(value) => {
                    map.insert(name.clone(), value);
                }
                None => whole = false,
            }
        }
        let map = Value::Map(map);
        match (whole, fields, each) {
            (false, ..) => None,
            // The values conform already; a record may lack some.
            (true, None, Some(_)) => Some(map),
            (true, Some(_), _) => match self.conform(map, ty, None) {
                Ok(map) => Some(map),
                Err(flaw) => self.flawed(flaw, expr, cx),
            },
            (true, None, None) => self.finish(map, ty, expr, cx),
        }
    }

    /// `rolling(batch: 50%)`
    fn alternative(
        &mut self,
        variant: &'a Variant,
        name: &'a Ident,
        args: &'a [Arg],
        cx: Cx<'a>,
    ) -> Option<Value> {
        let bound = match bind_call(&name.value, name.span, &variant.params, args) {
            Ok(bound) => bound,
            Err(wrong) => {
                wrong.into_iter().for_each(|finding| self.report(finding));
                return None;
            }
        };
        let mut params = Attrs::new();
        let mut whole = true;
        for (param, field) in &variant.params {
            let value = match bound.get(param) {
                Some(expr) => self.value(expr, &field.ty, cx.about(param)),
                None => self.default_of(field.default.as_ref(), &field.ty),
            };
            match value {
                Some(value) => {
                    params.insert(param.clone(), value);
                }
                None => whole = false,
            }
        }
        whole.then(|| Value::Variant(variant.name.clone(), params))
    }

    /// A default of the library or of a type: evaluated once, where no names are.
    pub(super) fn default_of(&mut self, default: Option<&'a Expr>, ty: &'a Type) -> Option<Value> {
        let Some(expr) = default else { return Some(Value::None) };
        let key = super::prepare::address(expr);
        if let Some(known) = self.defaults.get(&key) {
            return known.clone();
        }
        let value = self.value(expr, ty, Cx { frame: 0, about: "" });
        self.defaults.insert(key, value.clone());
        value
    }

    /// A builtin function.
    fn call(&mut self, name: &'a Ident, args: &'a [Arg], span: Span, cx: Cx<'a>) -> Option<Value> {
        if name.value == "file" {
            return self.file(args.first().map(|arg| &arg.value)?, cx);
        }
        if !builtins::BUILTINS.contains(&name.value.as_str()) {
            let message = format!("`{}` cannot be called here", name.value);
            let found = Diagnostic::error("cannot-evaluate", name.span, message);
            return self.wrong(found.help("choices stand only where they are asked for"));
        }
        let values: Vec<Option<Value>> = args.iter().map(|arg| self.value(&arg.value, &ANY, cx)).collect();
        let values = values.into_iter().collect::<Option<Vec<_>>>()?;
        self.compute(&name.value, &values, span)
    }

    /// `file(path)`: the text of a file of the project.
    fn file(&mut self, expr: &'a Expr, cx: Cx<'a>) -> Option<Value> {
        let value = self.value(expr, &ANY, cx)?;
        let Value::String(written) = &value else {
            let why = format!("`file` reads a path, not {}", describe(&value));
            let found = Diagnostic::error("cannot-evaluate", expr.span, why);
            return self.wrong(found.help("write the path as a text, known before the run"));
        };
        let folder = if self.is_resolved(expr, cx.frame) { None } else { self.folder(cx.frame) };
        let path = super::paths::join(&folder.unwrap_or_default(), written);
        let unreadable = |why: String| {
            Diagnostic::error("unreadable-file", expr.span, format!("`{path}` cannot be read"))
                .label(why)
                .help("paths start from the folder of the file that writes them")
        };
        match builtins::read(&self.program.root.folder.join(&path)) {
            Ok(text) => self.result(Ok(Value::String(text)), expr.span),
            Err(why) => self.wrong(unreadable(why)),
        }
    }
}

/// Calls `see` with every node that a value refers to.
pub(super) fn nodes_in(value: &Value, see: &mut dyn FnMut(&str)) {
    match value {
        Value::Handle(node) => see(node),
        Value::Deferred(deferred) => match &**deferred {
            // The version of a bundle is no output of a node.
            Deferred::Output(node, _) if node.is_empty() => {}
            Deferred::Output(node, _) => see(node),
            Deferred::Apply(_, args) => args.iter().for_each(|arg| nodes_in(arg, see)),
        },
        Value::List(items) => items.iter().for_each(|item| nodes_in(item, see)),
        Value::Map(fields) | Value::Variant(_, fields) => {
            fields.values().for_each(|field| nodes_in(field, see));
        }
        Value::Range(from, to) => [from, to].into_iter().for_each(|end| nodes_in(end, see)),
        _ => {}
    }
}
