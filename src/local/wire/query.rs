//! The query protocol and EC2's variant of it: forms in, XML out.

use super::params::{Lists, decode_form, tree};
use crate::local::service::{Protocol, Service};
use crate::local::{Call, Element, Fault, Request};

/// Reads a call.
pub fn parse(service: Service, request: Request) -> Result<Call, Fault> {
    let mut pairs = request.query;
    pairs.extend(decode_form(&String::from_utf8_lossy(&request.body)));
    let mut operation = None;
    pairs.retain(|(name, value)| match name.as_str() {
        "Action" => {
            operation = Some(value.clone());
            false
        }
        name => name != "Version" && !name.starts_with("X-Amz-"),
    });
    let missing =
        || Fault::new(400, "MissingAction", "The request must contain the parameter Action".to_owned());
    let operation = operation.filter(|operation| !operation.is_empty()).ok_or_else(missing)?;
    let lists = if service.protocol() == Protocol::Ec2 { Lists::Flat } else { Lists::Wrapped };
    Ok(Call {
        operation,
        params: tree(pairs, lists)?,
        body: Vec::new(),
        headers: request.headers,
        page: None,
    })
}

/// `<OpResponse><OpResult>…</OpResult><ResponseMetadata>…`
pub fn wrap(service: Service, operation: &str, request_id: &str, members: Vec<Element>) -> Element {
    let metadata = Element::new("ResponseMetadata", vec![Element::text("RequestId", request_id)]);
    let mut children = vec![metadata];
    if !members.is_empty() || has_empty_result(service, operation) {
        children.insert(0, Element::new(&format!("{operation}Result"), members));
    }
    Element::new(&format!("{operation}Response"), children)
}

/// Whether operations that answer nothing have an empty result, as load balancing's have in its service model. Those of
/// the other services have none, but for a few.
fn has_empty_result(service: Service, operation: &str) -> bool {
    match service {
        Service::Elbv2 => true,
        Service::CloudWatch | Service::Sns => ["TagResource", "UntagResource"].contains(&operation),
        Service::Iam => operation == "UpdateRole",
        _ => false,
    }
}

/// `<OpResponse><requestId>…`
pub fn wrap_ec2(operation: &str, request_id: &str, mut members: Vec<Element>) -> Element {
    members.insert(0, Element::text("requestId", request_id));
    Element::new(&format!("{operation}Response"), members)
}

/// `<ErrorResponse><Error><Type>…`; REST-XML has the same.
pub fn error(request_id: &str, fault: &Fault) -> Element {
    let kind = if fault.status < 500 { "Sender" } else { "Receiver" };
    let error = Element::new(
        "Error",
        vec![
            Element::text("Type", kind),
            Element::text("Code", &fault.code),
            Element::text("Message", &fault.message),
        ],
    );
    Element::new("ErrorResponse", vec![error, Element::text("RequestId", request_id)])
}

/// `<Response><Errors><Error>…`
pub fn error_ec2(request_id: &str, fault: &Fault) -> Element {
    let error = vec![Element::text("Code", &fault.code), Element::text("Message", &fault.message)];
    let errors = Element::list("Errors", "Error", [error]);
    Element::new("Response", vec![errors, Element::text("RequestID", request_id)])
}
