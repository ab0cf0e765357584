//! XML, as far as AWS uses it: elements with attributes, text or children.

use quick_xml::Reader;
use quick_xml::escape::{escape, resolve_predefined_entity};
use quick_xml::events::Event;

use crate::local::Element;

/// How deep elements may nest.
const DEPTH: usize = 48;

/// Writes a document.
pub fn write(root: &Element) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    element(&mut text, root);
    text
}

// The elements are made by the services, never by the user: they nest a few levels.
fn element(out: &mut String, element: &Element) {
    out.push('<');
    out.push_str(&element.name);
    for (name, value) in &element.attributes {
        out.push_str(&format!(" {name}=\"{}\"", escape(value.as_str())));
    }
    out.push('>');
    if let Some(text) = &element.text {
        out.push_str(&escape(text.as_str()));
    }
    for child in &element.children {
        self::element(out, child);
    }
    out.push_str(&format!("</{}>", element.name));
}

/// Reads a document; gives its root. Namespaces and attributes do not matter to any request.
///
/// # Errors
/// What is wrong with it.
pub fn read(text: &str) -> Result<Element, String> {
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Element> = Vec::new();
    let start = |name: &str| Element { name: name.to_owned(), ..Element::default() };
    loop {
        let closed = match reader.read_event().map_err(|e| e.to_string())? {
            Event::Start(tag) => {
                if open.len() >= DEPTH {
                    return Err("elements nest too deep".to_owned());
                }
                open.push(start(tag.local_name().into_inner()));
                None
            }
            Event::Empty(tag) => Some(start(tag.local_name().into_inner())),
            Event::End(_) => open.pop(),
            Event::Text(content) => {
                append(&mut open, &content.xml10_content());
                None
            }
            Event::CData(content) => {
                append(&mut open, &content);
                None
            }
            Event::GeneralRef(name) => {
                let character = name.resolve_char_ref().map_err(|e| e.to_string())?;
                match (character, resolve_predefined_entity(&name)) {
                    (Some(character), _) => append(&mut open, character.encode_utf8(&mut [0; 4])),
                    (None, Some(text)) => append(&mut open, text),
                    (None, None) => return Err("an entity is not defined".to_owned()),
                }
                None
            }
            Event::Eof => return Err("the document ends too early".to_owned()),
            _ => None,
        };
        let Some(mut closed) = closed else { continue };
        if !closed.children.is_empty() {
            // The white space between children.
            closed.text = None;
        }
        match open.last_mut() {
            Some(parent) => parent.children.push(closed),
            None => return Ok(closed),
        }
    }
}

fn append(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.get_or_insert_default().push_str(text);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let text = "a < b & \"c\" > 'd'\u{e9}";
        let root = Element::new("A", vec![Element::text("B", text), Element::new("C", vec![])]);
        let read = read(&write(&root.with("xmlns", "http://x/"))).unwrap();
        let b = read.children.first().unwrap();
        assert_eq!((read.name.as_str(), b.text.as_deref()), ("A", Some(text)));
        assert_eq!(read.children.len(), 2);
    }

    #[test]
    fn bad_documents_are_refused() {
        for bad in ["", "<a>", "<a></b>", "text", "<a>&nope;</a>", &"<a>".repeat(100_000)] {
            assert!(read(bad).is_err(), "{}", bad.len());
        }
    }
}
