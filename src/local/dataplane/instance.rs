//! Instances: they serve the pages of the version that was deployed to them, and the sample application before that.

use super::page;
use crate::local::beanstalk::{App, Bundle, Environment, Found, media_type};
use crate::local::{Request, Response, State};

/// The status that an instance gives to a health check; none while nobody listens.
pub(crate) fn check(state: &State, id: &str, path: &str) -> Option<u16> {
    let (environment, instance) = state.beanstalk.owner(id)?;
    match &instance.app {
        App::Booting => None,
        // The proxy answers for the application that is away.
        App::Stopped => Some(502),
        App::Running(label) => Some(app_status(state, environment, label.as_deref(), path)),
    }
}

/// The status that a version of an environment's application gives to a path.
pub(crate) fn app_status(state: &State, environment: &Environment, label: Option<&str>, path: &str) -> u16 {
    let path = path.split(['?', '#']).next().unwrap_or(path);
    let bundle =
        label.map(|label| state.beanstalk.version(environment, label).and_then(|v| v.bundle.as_ref()));
    match bundle {
        Some(Some(bundle)) => bundle.status(path),
        // The sample application, by itself or as a version without a bundle.
        _ => sample_status(environment, path),
    }
}

/// The sample applications of Tomcat and PHP are single pages; the others answer on every path.
fn sample_status(environment: &Environment, path: &str) -> u16 {
    let pages = environment.stack.contains("Tomcat") || environment.stack.contains("PHP");
    if pages && !matches!(path, "/" | "/index.jsp" | "/index.php") { 404 } else { 200 }
}

/// Answers a request; none when nobody listens.
pub(super) fn answer(state: &State, id: &str, request: &Request) -> Option<Response> {
    let (environment, instance) = state.beanstalk.owner(id)?;
    let label = match &instance.app {
        App::Booting => return None,
        App::Stopped => return Some(page(502, "nginx", "502 Bad Gateway")),
        App::Running(label) => label.as_deref(),
    };
    let version = label.and_then(|label| state.beanstalk.version(environment, label));
    let mut response = match version.and_then(|version| version.bundle.as_ref()) {
        Some(bundle) => from_bundle(state, bundle, environment, label.unwrap_or_default(), &request.path),
        None => sample(environment, &request.path),
    };
    response.headers.push(("x-vpipe-version".to_owned(), label.unwrap_or("Sample Application").to_owned()));
    response.headers.push(("x-vpipe-instance".to_owned(), instance.id.clone()));
    if request.method == "HEAD" {
        response.body.clear();
    }
    Some(response)
}

fn from_bundle(
    state: &State,
    bundle: &Bundle,
    environment: &Environment,
    label: &str,
    path: &str,
) -> Response {
    match bundle.find(path) {
        Found::File(name) => {
            let body = state.blobs.get(&bundle.hash).ok();
            match body.and_then(|body| Bundle::file(&body, &name)) {
                Some(contents) => ok(media_type(&name), contents),
                None => page(500, "nginx", "500 Internal Server Error"),
            }
        }
        Found::Missing => page(404, "nginx", "404 Not Found"),
        Found::Unhealthy => page(503, "nginx", "503 Service Unavailable"),
        Found::Code => {
            let text = format!(
                "<html><head><title>{app}</title></head><body><h1>{app}</h1><p>Version {label}. The local cloud does not run the application's code.</p></body></html>\n",
                app = environment.application
            );
            ok("text/html;charset=UTF-8", text.into_bytes())
        }
    }
}

fn sample(environment: &Environment, path: &str) -> Response {
    if sample_status(environment, path) != 200 {
        return page(404, "nginx", "404 Not Found");
    }
    let family = environment.stack.split(" running ").nth(1).unwrap_or("Elastic Beanstalk");
    let text = format!(
        "<html><head><title>Elastic Beanstalk</title></head><body><h1>Congratulations</h1><p>Your first AWS Elastic Beanstalk {family} application is now running on your own dedicated environment in the AWS Cloud.</p></body></html>\n"
    );
    ok("text/html;charset=UTF-8", text.into_bytes())
}

fn ok(kind: &str, body: Vec<u8>) -> Response {
    let headers = vec![
        ("server".to_owned(), "nginx".to_owned()),
        ("content-type".to_owned(), kind.to_owned()),
        ("content-length".to_owned(), body.len().to_string()),
    ];
    Response { status: 200, headers, body }
}
