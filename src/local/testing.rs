//! A client for tests: raw requests, parsed answers, a clock to turn.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::cell::Cell;

use super::record::{self, Via};
use super::wire::xml;
use super::{Dropped, Element, Faults, Local, Request, Response};

/// 1 January 2026.
pub(crate) const START: i64 = 1_767_225_600_000;

/// A client of a local cloud in memory.
pub(crate) struct Client {
    pub(crate) local: Local,
    pub(crate) now: Cell<i64>,
    pub(crate) region: &'static str,
}

impl Client {
    pub(crate) fn new() -> Self {
        Self::of(Local::open(None, Faults::default()).unwrap())
    }

    pub(crate) fn of(local: Local) -> Self {
        Self { local, now: Cell::new(START), region: "us-east-1" }
    }

    /// Lets time pass.
    pub(crate) fn wait(&self, seconds: i64) {
        self.now.set(self.now.get() + seconds * 1000);
    }

    /// Sends a request, signed for a service.
    pub(crate) fn send(&self, service: &str, request: Request) -> Result<Response, Dropped> {
        let mut request = request;
        let scope =
            format!("AWS4-HMAC-SHA256 Credential=AKID/20260101/{}/{service}/aws4_request, x", self.region);
        request.headers.push(("authorization".to_owned(), scope));
        record::handle(Via::Test, &self.local, request, self.now.get())
    }

    /// A call of the query or EC2 protocol; the answer's root, or the code of the refusal.
    pub(crate) fn query(
        &self,
        service: &str,
        operation: &str,
        params: &[(&str, &str)],
    ) -> Result<Element, String> {
        let mut query = vec![("Action".to_owned(), operation.to_owned())];
        query.extend(params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let request =
            Request { method: "POST".to_owned(), path: "/".to_owned(), query, ..Request::default() };
        root(self.send(service, request).unwrap())
    }

    /// A call of a REST service; path may have a query.
    pub(crate) fn rest(&self, service: &str, method: &str, path: &str, body: &[u8]) -> Response {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let request = Request {
            method: method.to_owned(),
            host: format!("{service}.{}.amazonaws.com", self.region),
            path: path.to_owned(),
            query: super::wire::decode_form(query),
            body: body.to_vec(),
            ..Request::default()
        };
        self.send(service, request).unwrap()
    }
}

/// The root of an XML answer, or the code of a refusal.
pub(crate) fn root(response: Response) -> Result<Element, String> {
    let root = xml::read(std::str::from_utf8(&response.body).unwrap()).unwrap();
    if response.status < 400 {
        return Ok(root);
    }
    let code = ["Error/Code", "Errors/Error/Code", "Code"].iter().find_map(|path| find(&root, path));
    Err(code.expect("a code"))
}

/// The text at a path such as `A/B`; `A.1/B` means the second `A`.
pub(crate) fn find(element: &Element, path: &str) -> Option<String> {
    let found = path.split('/').try_fold(element, |element, step| {
        let (name, at) = step.split_once('.').map_or((step, 0), |(name, at)| (name, at.parse().unwrap()));
        element.children.iter().filter(|child| child.name == name).nth(at)
    })?;
    Some(found.text.clone().unwrap_or_default())
}

/// The text at a path that must be there.
pub(crate) fn text(element: &Element, path: &str) -> String {
    find(element, path).unwrap_or_else(|| panic!("no {path} in {}", xml::write(element)))
}

/// How many elements there are at a path, counting the last step.
pub(crate) fn count(element: &Element, path: &str) -> usize {
    let (parents, last) = path.rsplit_once('/').unwrap_or(("", path));
    let parent = parents
        .split('/')
        .filter(|step| !step.is_empty())
        .try_fold(element, |element, name| element.children.iter().find(|child| child.name == name));
    parent.map_or(0, |parent| parent.children.iter().filter(|child| child.name == last).count())
}
