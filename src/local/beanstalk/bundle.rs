//! Source bundles: what is in them, as far as the local cloud needs to know.
//!
//! An application's code does not run here. What a bundle holds as pages is served as it is; a file `.vpipe-local/unhealthy`
//! makes the application answer 503 to everything, for rehearsing a failed deployment.

use serde::{Deserialize, Serialize};
use std::io::{Cursor, Read};

/// The file that makes an application unhealthy.
const UNHEALTHY: &str = ".vpipe-local/unhealthy";
/// At most so many file names are kept.
const FILES: usize = 20_000;
/// The largest file that is served.
const LARGEST: u64 = 64 * 1024 * 1024;
/// Folders whose files are served at the root, beside the bundle's own.
const ROOTS: [&str; 4] = ["", "public/", "static/", "src/main/webapp/"];

/// A bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundle {
    /// The hash of the body in the blobs.
    pub hash: String,
    /// Whether it is a ZIP or WAR file at all.
    pub archive: bool,
    /// Whether it says that it is not healthy.
    pub unhealthy: bool,
    /// The files that may be served.
    pub files: Vec<String>,
}

/// What a path gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A file of the bundle.
    File(String),
    /// Nothing.
    Missing,
    /// The application answers by code, which does not run here.
    Code,
    /// It is not healthy.
    Unhealthy,
}

impl Bundle {
    /// Looks into a body.
    pub fn read(hash: &str, body: &[u8]) -> Self {
        let mut bundle = Self { hash: hash.to_owned(), archive: false, unhealthy: false, files: Vec::new() };
        let Ok(archive) = zip::ZipArchive::new(Cursor::new(body)) else { return bundle };
        bundle.archive = true;
        // Names that are no text are served to nobody.
        let names = || archive.file_names().filter_map(Result::ok);
        bundle.unhealthy = names().any(|name| name == UNHEALTHY);
        let hidden = |name: &str| {
            let upper = name.to_ascii_uppercase();
            name.ends_with('/')
                || name.starts_with('.')
                || upper.starts_with("WEB-INF/")
                || upper.starts_with("META-INF/")
                || upper.ends_with(".CLASS")
        };
        let shown = names().filter(|name| !hidden(name)).take(FILES);
        bundle.files = shown.map(|name| name.into_owned()).collect();
        bundle.files.sort();
        bundle
    }

    /// What a path gives: the file of that name, a page of that name, or the first page of a folder.
    pub fn find(&self, path: &str) -> Found {
        if self.unhealthy {
            return Found::Unhealthy;
        }
        let path = percent_encoding::percent_decode_str(path).decode_utf8_lossy();
        let path = path.trim_start_matches('/');
        let folder = path.is_empty() || path.ends_with('/');
        let ends: &[&str] = match folder {
            true => &["index.html", "index.jsp", "index.htm"],
            false => &["", ".html", ".jsp", ".htm", "/index.html", "/index.jsp"],
        };
        for root in ROOTS {
            for end in ends {
                let name = format!("{root}{path}{end}");
                if self.has(&name) {
                    return Found::File(name);
                }
            }
        }
        let pages =
            self.files.iter().any(|name| [".html", ".jsp", ".htm"].iter().any(|end| name.ends_with(end)));
        if pages { Found::Missing } else { Found::Code }
    }

    fn has(&self, name: &str) -> bool {
        self.files.binary_search_by(|file| file.as_str().cmp(name)).is_ok()
    }

    /// The status that a path gives; what is answered by code is well.
    pub fn status(&self, path: &str) -> u16 {
        match self.find(path) {
            Found::File(_) | Found::Code => 200,
            Found::Missing => 404,
            Found::Unhealthy => 503,
        }
    }

    /// The contents of a file in the body.
    pub fn file(body: &[u8], name: &str) -> Option<Vec<u8>> {
        let mut archive = zip::ZipArchive::new(Cursor::new(body)).ok()?;
        let file = archive.by_name(name).ok()?;
        let mut contents = Vec::new();
        file.take(LARGEST).read_to_end(&mut contents).ok()?;
        Some(contents)
    }
}

/// The media type of a file.
pub fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase().as_str() {
        "html" | "htm" | "jsp" => "text/html;charset=UTF-8",
        "css" => "text/css",
        "js" | "mjs" => "text/javascript",
        "json" => "application/json",
        "xml" => "application/xml",
        "txt" | "md" | "properties" => "text/plain;charset=UTF-8",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "svg" => "image/svg+xml",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

/// A ZIP file of these files, for tests.
#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) fn zip_of(files: &[(&str, &str)]) -> Vec<u8> {
    use std::io::Write;
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in files {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn paths_find_pages() {
        let body = zip_of(&[
            ("index.jsp", "home"),
            ("login.html", "login"),
            ("css/app.css", "a"),
            ("WEB-INF/web.xml", "hidden"),
            ("docs/index.html", "docs"),
        ]);
        let bundle = Bundle::read("h", &body);
        for (path, found) in [
            ("/", Found::File("index.jsp".into())),
            ("/login", Found::File("login.html".into())),
            ("/css/app.css", Found::File("css/app.css".into())),
            ("/docs/", Found::File("docs/index.html".into())),
            ("/docs", Found::File("docs/index.html".into())),
            ("/WEB-INF/web.xml", Found::Missing),
            ("/nope", Found::Missing),
        ] {
            assert_eq!(bundle.find(path), found, "{path}");
        }
        assert_eq!(Bundle::file(&body, "login.html").unwrap(), b"login");
    }

    #[test]
    fn bundles_may_be_bad() {
        assert!(!Bundle::read("h", b"not a zip").archive);
        let sick = Bundle::read("h", &zip_of(&[("index.html", ""), (".vpipe-local/unhealthy", "")]));
        assert_eq!((sick.archive, sick.status("/")), (true, 503));
        assert_eq!(Bundle::read("h", &zip_of(&[("app.jar", "")])).status("/login"), 200);
    }
}
