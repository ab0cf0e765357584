//! The rollout: steps, actions, conditions.

use super::items::next_if;
use super::{Pair, Pairs, Reader, Rule};
use crate::syntax::ast::*;

impl Reader<'_> {
    /// What stands between the rollout's braces.
    pub(super) fn rollout(&mut self, pairs: &mut Pairs<'_>) -> Rollout {
        let mut parts = Vec::new();
        let mut on_failure: Option<OnFailure> = None;
        while pairs.peek().is_some() {
            if self.is_wrong_comma(pairs) {
                continue;
            }
            let Some(pair) = pairs.next() else { break };
            let span = self.span(&pair);
            match pair.as_rule() {
                Rule::on_failure => {
                    let actions =
                        pair.into_inner().next().map(|pair| self.actions(pair).0).unwrap_or_default();
                    match &on_failure {
                        Some(first) => {
                            let first = first.span;
                            self.twice(span, first);
                        }
                        None => on_failure = Some(OnFailure { actions, span }),
                    }
                }
                Rule::step => match self.step(pair) {
                    Some(step) => parts.push(RolloutPart::Step(step)),
                    None => parts.push(RolloutPart::Broken(span)),
                },
                Rule::parallel => {
                    let steps = self.parallel(pair);
                    parts.push(RolloutPart::Parallel(steps, span));
                }
                _ => {
                    self.trouble(Rule::only_part, span);
                    parts.push(RolloutPart::Broken(span));
                }
            }
        }
        Rollout { parts, on_failure }
    }

    fn parallel(&mut self, pair: Pair<'_>) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut pairs = pair.into_inner();
        while pairs.peek().is_some() {
            if self.is_wrong_comma(&mut pairs) {
                continue;
            }
            let Some(pair) = pairs.next() else { break };
            if pair.as_rule() == Rule::step {
                steps.extend(self.step(pair));
            } else {
                let span = self.span(&pair);
                self.trouble(Rule::only_part, span);
            }
        }
        steps
    }

    fn step(&mut self, pair: Pair<'_>) -> Option<Step> {
        let span = self.span(&pair);
        let docs = self.docs(span);
        let mut pairs = pair.into_inner();
        let name = self.declared(&mut pairs)?;
        let needs = next_if(&mut pairs, Rule::needs)
            .map(|needs| needs.into_inner().map(|name| self.ident(&name)).collect())
            .unwrap_or_default();
        let condition = next_if(&mut pairs, Rule::when).map(|when| self.expr(&mut when.into_inner()));
        let (actions, broken) = self.actions(pairs.next()?);
        Some(Step { docs, name, needs, condition, actions, broken, span })
    }

    /// The actions between braces, and whether one of them could not be read.
    fn actions(&mut self, pair: Pair<'_>) -> (Vec<Action>, bool) {
        let mut pairs = pair.into_inner();
        let (mut actions, mut broken) = (Vec::new(), false);
        while pairs.peek().is_some() {
            if self.is_wrong_comma(&mut pairs) {
                continue;
            }
            let Some(pair) = pairs.next() else { break };
            if pair.as_rule() == Rule::action {
                actions.extend(self.action(pair));
            } else {
                let span = self.span(&pair);
                self.trouble(Rule::only_action, span);
                broken = true;
            }
        }
        (actions, broken)
    }

    fn action(&mut self, pair: Pair<'_>) -> Option<Action> {
        let span = self.span(&pair);
        let mut pairs = pair.into_inner();
        let verb = self.ident(&pairs.next()?);
        let mut action = Action {
            verb,
            method: None,
            object: None,
            clauses: Vec::new(),
            conditions: Vec::new(),
            broken: false,
            span,
        };
        for pair in pairs {
            match pair.as_rule() {
                Rule::method => action.method = Some(self.ident(&pair)),
                Rule::object => action.object = Some(self.expr(&mut pair.into_inner())),
                Rule::clause => {
                    let mut inner = pair.into_inner();
                    let keyword = next_if(&mut inner, Rule::clause_word).map(|word| self.ident(&word));
                    action.clauses.push(Clause { keyword, value: self.expr(&mut inner) });
                }
                _ => (action.conditions, action.broken) = self.conditions(pair),
            }
        }
        Some(action)
    }

    /// The conditions between braces, and whether one of them could not be read.
    fn conditions(&mut self, pair: Pair<'_>) -> (Vec<Condition>, bool) {
        let mut pairs = pair.into_inner();
        let (mut conditions, mut broken) = (Vec::new(), false);
        while pairs.peek().is_some() {
            if self.is_wrong_comma(&mut pairs) {
                continue;
            }
            let Some(pair) = pairs.next() else { break };
            if pair.as_rule() == Rule::condition {
                conditions.extend(self.condition(pair));
            } else {
                let span = self.span(&pair);
                self.trouble(Rule::only_condition, span);
                broken = true;
            }
        }
        (conditions, broken)
    }

    fn condition(&mut self, pair: Pair<'_>) -> Option<Condition> {
        let span = self.span(&pair);
        let mut pairs = pair.into_inner();
        let subject = self.ident(&pairs.next()?);
        let selector = next_if(&mut pairs, Rule::selector).map(|pair| self.expr(&mut pair.into_inner()));
        let relation = next_if(&mut pairs, Rule::relation).map(|word| self.relation(&word));
        let value = self.expr_if(&mut pairs);
        Some(Condition { subject, selector, relation, value, span })
    }
}
