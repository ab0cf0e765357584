//! `render`: a template with its `${name}` places filled.

use indexmap::{IndexMap, IndexSet};

use super::super::context::{Failure, Stop};
use super::super::files::{unusable, write_whole};
use super::super::secrets::holds_secret;
use super::act::{Act, Done, plain_text};
use crate::base::closest;
use crate::eval::{Attrs, Value};

pub(super) async fn render(
    act: &Act<'_, '_>,
    template: &Value,
    to: &Value,
    with: &Attrs,
) -> Result<Done, Stop> {
    let world = &act.ctx.job.world;
    let (template, to) = (act.text("the template", template)?, act.text("the target", to)?);
    act.say(format!("render {template} to {to}"));
    act.started(Attrs::new())?;
    let mut texts = IndexMap::new();
    for (name, value) in with {
        texts.insert(name.clone(), plain_text(&format!("`{name}`"), value)?);
    }
    let text = std::fs::read(world.path(&template)).map_err(|why| unusable(&template, &why))?;
    let text = String::from_utf8(text)
        .map_err(|_| Failure::new(format!("`{template}` is not a text: it is not valid UTF-8")))?;
    let filled = fill(&template, &text, &texts)?;
    let private = with.values().any(holds_secret);
    let path = world.path(&to);
    if is_already(&path, private, &filled) {
        return Ok(Done::new("already so"));
    }
    write_whole(&path, private, |file| std::io::Write::write_all(file, filled.as_bytes()))
        .map_err(|why| Failure::new(format!("`{to}` cannot be written: {why}")))?;
    let values = match texts.len() {
        1 => "1 value".to_owned(),
        n => format!("{n} values"),
    };
    Ok(Done::new(if private { format!("{values}, readable by you alone") } else { values }))
}

/// Whether the file is there with this text, and closed to others if it must be.
fn is_already(path: &std::path::Path, private: bool, text: &str) -> bool {
    #[cfg(unix)]
    if private {
        use std::os::unix::fs::PermissionsExt;
        if std::fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o077 != 0) {
            return false;
        }
    }
    std::fs::read(path).is_ok_and(|old| old == text.as_bytes())
}

/// Puts texts into the `${name}` places. `$${` stands for `${` itself.
fn fill(template: &str, text: &str, texts: &IndexMap<String, String>) -> Result<String, Failure> {
    let mut out = String::with_capacity(text.len());
    let mut used: IndexSet<&str> = IndexSet::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, place) = rest.split_at(at);
        let after = place.get(2..).unwrap_or_default();
        if let Some(before) = before.strip_suffix('$') {
            out.push_str(before);
            out.push_str("${");
            rest = after;
            continue;
        }
        out.push_str(before);
        let line = text.get(..text.len() - place.len()).unwrap_or_default().matches('\n').count() + 1;
        let end = after.find(['}', '\n']).filter(|end| after.get(*end..=*end) == Some("}"));
        let Some(name) = end.and_then(|end| after.get(..end)) else {
            return Err(Failure::new(format!("{template}:{line}: `${{` is not closed"))
                .help("close it with `}`, or write `$${` for a plain `${`"));
        };
        let Some((name, value)) = texts.get_key_value(name) else {
            let unknown = Failure::new(format!("{template}:{line}: nothing is given for `${{{name}}}`"));
            return Err(unknown.help(match closest(name, texts.keys().map(String::as_str)) {
                Some(near) => format!("did you mean `${{{near}}}`?"),
                None => {
                    format!("add `{name} = …` to the `with`, or write `$${{{name}}}` to leave it as it is")
                }
            }));
        };
        used.insert(name);
        out.push_str(value);
        rest = after.get(name.len() + 1..).unwrap_or_default();
    }
    out.push_str(rest);
    match texts.keys().find(|name| !used.contains(name.as_str())) {
        Some(unused) => Err(Failure::new(format!("{template} has no `${{{unused}}}`"))
            .help(format!("take `{unused}` out of the `with`, or put `${{{unused}}}` into the template"))),
        None => Ok(out),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn filled(text: &str, names: &[(&str, &str)]) -> Result<String, Failure> {
        let texts = names.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        fill("t.tmpl", text, &texts)
    }

    #[test]
    fn places_are_filled_and_doubled_dollars_stay() {
        let text = "url=${host}:${port}/${host}\nspring=$${jdbc.url} $5 ${port}";
        let out = filled(text, &[("host", "db"), ("port", "3306")]).unwrap();
        assert_eq!(out, "url=db:3306/db\nspring=${jdbc.url} $5 3306");
    }

    #[test]
    fn unknown_and_unused_names_and_open_places_are_told_with_their_line() {
        let unknown = filled("a\nb ${hots}", &[("host", "db")]).unwrap_err();
        assert_eq!(unknown.message, "t.tmpl:2: nothing is given for `${hots}`");
        assert_eq!(unknown.help.unwrap(), "did you mean `${host}`?");
        assert_eq!(filled("x", &[("host", "db")]).unwrap_err().message, "t.tmpl has no `${host}`");
        assert_eq!(filled("${host\n}", &[]).unwrap_err().message, "t.tmpl:1: `${` is not closed");
    }
}
