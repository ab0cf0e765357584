//! The wire: from requests to calls, from replies and refusals to responses, one file a protocol.

mod cbor;
mod json;
mod params;
mod paths;
mod query;
mod rest;
mod s3;
pub(super) mod xml;

use serde_json::Value;

use super::service::{Protocol, Service};
use super::{Call, Element, Fault, Reply, Request, Response};

pub(super) use cbor::is_spoken as is_cbor;
pub(super) use params::decode_form;
pub(super) use xml::read as read_xml;
#[cfg(test)]
pub(super) use xml::write as write_xml;

/// Reads a call.
///
/// # Errors
/// When the request is malformed or names no operation of the service, in the words of AWS.
pub fn parse(service: Service, request: Request) -> Result<Call, Fault> {
    match service.spoken(&request) {
        Protocol::Cbor => cbor::parse(request),
        Protocol::Query | Protocol::Ec2 => query::parse(service, request),
        Protocol::RestXml => rest::parse_xml(service, request),
        Protocol::S3 => s3::parse(request),
        Protocol::RestJson => rest::parse_json(service, request),
        Protocol::Json11 => json::parse(request),
        Protocol::Plain => rest::parse_plain(request),
    }
}

/// Writes a reply.
pub fn reply(
    service: Service,
    spoken: Protocol,
    operation: &str,
    request_id: &str,
    reply: Reply,
) -> Response {
    match reply {
        Reply::Raw(response) => identified(service, request_id, response),
        Reply::With(status, headers, inner) => {
            let mut response = self::reply(service, spoken, operation, request_id, *inner);
            response.status = status;
            response.headers.extend(headers);
            response
        }
        Reply::Json(value) if spoken == Protocol::Cbor => {
            identified(service, request_id, cbor::response(200, &value))
        }
        Reply::Json(value) if spoken == Protocol::Query => {
            let members = cbor::elements(&value);
            let root = query::wrap(service, operation, request_id, members);
            identified(service, request_id, xml_response(200, in_namespace(root, service)))
        }
        Reply::Json(value) => {
            let body = if value.is_null() { Vec::new() } else { value.to_string().into_bytes() };
            identified(service, request_id, json_response(service, 200, body))
        }
        Reply::Xml(members) => {
            let root = match spoken {
                Protocol::Query => Some(query::wrap(service, operation, request_id, members)),
                Protocol::Ec2 => Some(query::wrap_ec2(operation, request_id, members)),
                _ => members.into_iter().next(),
            };
            let response = root.map_or_else(
                || Response { status: 200, ..Response::default() },
                |root| xml_response(200, in_namespace(root, service)),
            );
            identified(service, request_id, response)
        }
    }
}

/// Writes a refusal.
pub fn refusal(
    service: Service,
    spoken: Protocol,
    request_id: &str,
    resource: &str,
    fault: &Fault,
) -> Response {
    let response = match spoken {
        Protocol::Cbor => {
            let mut response = cbor::response(fault.status, &cbor::error(fault));
            response.headers.push(cbor::query_error(fault));
            response
        }
        Protocol::Json11 if service == Service::CloudWatch => {
            let body = cbor::error(fault).to_string().into_bytes();
            let mut response = json_response(service, fault.status, body);
            response.headers.push(cbor::query_error(fault));
            response
        }
        Protocol::Query | Protocol::RestXml => {
            xml_response(fault.status, in_namespace(query::error(request_id, fault), service))
        }
        Protocol::Ec2 => xml_response(fault.status, query::error_ec2(request_id, fault)),
        Protocol::S3 => s3::error(request_id, resource, fault),
        Protocol::RestJson | Protocol::Json11 | Protocol::Plain => {
            let body = json::error(spoken, fault);
            let mut response = json_response(service, fault.status, body.to_string().into_bytes());
            response.headers.push(("x-amzn-errortype".to_owned(), fault.code.clone()));
            response
        }
    };
    identified(service, request_id, response)
}

/// Answers a request for a service that the local cloud does not have, in a way that no client tries again.
pub fn unknown_service(name: &str, request_id: &str, request: &Request) -> Response {
    let fault =
        Fault::new(400, "InvalidAction", format!("The local cloud does not have the service `{name}`"));
    let form = request.header("content-type").is_some_and(|kind| kind.contains("x-www-form-urlencoded"));
    let response = if form || request.query.iter().any(|(name, _)| name == "Action") {
        xml_response(400, query::error(request_id, &fault))
    } else {
        let body = json::error(Protocol::Json11, &fault).to_string().into_bytes();
        let kind = ("content-type".to_owned(), "application/x-amz-json-1.1".to_owned());
        let code = ("x-amzn-errortype".to_owned(), fault.code);
        Response { status: 400, headers: vec![kind, code], body }
    };
    identified(Service::Sts, request_id, response)
}

fn in_namespace(mut root: Element, service: Service) -> Element {
    if !root.attributes.iter().any(|(name, _)| name == "xmlns") {
        root.attributes.insert(0, ("xmlns".to_owned(), service.namespace().to_owned()));
    }
    root
}

fn xml_response(status: u16, root: Element) -> Response {
    Response {
        status,
        headers: vec![("content-type".to_owned(), "text/xml".to_owned())],
        body: xml::write(&root).into_bytes(),
    }
}

fn json_response(service: Service, status: u16, body: Vec<u8>) -> Response {
    let kind = match service.protocol() {
        Protocol::Cbor => "application/x-amz-json-1.0",
        Protocol::Json11 => "application/x-amz-json-1.1",
        _ => "application/json",
    };
    Response { status, headers: vec![("content-type".to_owned(), kind.to_owned())], body }
}

/// With the request's id in the header that the service uses.
fn identified(service: Service, request_id: &str, mut response: Response) -> Response {
    let header = if service == Service::S3 { "x-amz-request-id" } else { "x-amzn-requestid" };
    response.headers.push((header.to_owned(), request_id.to_owned()));
    response
}

/// An empty object, for calls without a body.
fn no_params() -> Value {
    Value::Object(serde_json::Map::new())
}
