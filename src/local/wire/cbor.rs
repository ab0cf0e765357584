//! Smithy's RPC v2 with CBOR, which CloudWatch speaks besides JSON and forms:
//! `POST /service/NAME/operation/OPERATION` with the header `smithy-protocol: rpc-v2-cbor`.
//!
//! Source: <https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html>

use ciborium::Value as Cbor;
use serde_json::{Map, Value};

use super::no_params;
use crate::local::{Call, Element, Fault, Request, Response};

/// The header by which both sides say that they speak it, and its value.
const PROTOCOL: (&str, &str) = ("smithy-protocol", "rpc-v2-cbor");
/// CBOR's tag for seconds since the Unix epoch.
const EPOCH: u64 = 1;
/// Members that are no whole numbers. JSON does not tell them from those that are.
const DOUBLES: [&str; 1] = ["Threshold"];

/// Whether a request is in this protocol.
pub fn is_spoken(request: &Request) -> bool {
    request.header(PROTOCOL.0).is_some_and(|value| value == PROTOCOL.1)
}

/// Reads a call.
pub fn parse(request: Request) -> Result<Call, Fault> {
    let invalid = |message: String| Fault::new(400, "SerializationException", message);
    let operation = match request.path.trim_matches('/').split('/').collect::<Vec<_>>().as_slice() {
        ["service", _, "operation", operation] => (*operation).to_owned(),
        _ => return Err(Fault::new(404, "UnknownOperationException", "The path names no operation")),
    };
    let params = match request.body.is_empty() {
        true => no_params(),
        false => {
            let read: Cbor =
                ciborium::from_reader(request.body.as_slice()).map_err(|e| invalid(e.to_string()))?;
            match json(read) {
                params @ Value::Object(_) => params,
                _ => return Err(invalid("Start of structure or map expected".to_owned())),
            }
        }
    };
    Ok(Call { operation, params, body: Vec::new(), headers: request.headers, page: None })
}

// The reader bounds how deep values nest.
fn json(value: Cbor) -> Value {
    match value {
        Cbor::Integer(number) => i64::try_from(number).map_or(Value::Null, Value::from),
        Cbor::Float(number) => Value::from(number),
        Cbor::Bool(flag) => Value::Bool(flag),
        Cbor::Text(text) => Value::String(text),
        Cbor::Tag(_, inner) => json(*inner),
        Cbor::Array(items) => Value::Array(items.into_iter().map(json).collect()),
        Cbor::Map(members) => {
            let members =
                members.into_iter().filter_map(|(name, value)| Some((name.into_text().ok()?, json(value))));
            Value::Object(members.collect::<Map<_, _>>())
        }
        _ => Value::Null,
    }
}

/// A member of an answer. What a service answers nests a few levels.
fn cbor(name: &str, value: &Value) -> Cbor {
    match value {
        Value::Null => Cbor::Null,
        Value::Bool(flag) => Cbor::Bool(*flag),
        Value::Number(number) if name.ends_with("Timestamp") => {
            Cbor::Tag(EPOCH, Box::new(Cbor::Float(number.as_f64().unwrap_or_default())))
        }
        Value::Number(number) => match number.as_i64().filter(|_| !DOUBLES.contains(&name)) {
            Some(whole) => Cbor::Integer(whole.into()),
            None => Cbor::Float(number.as_f64().unwrap_or_default()),
        },
        Value::String(text) => Cbor::Text(text.clone()),
        Value::Array(items) => Cbor::Array(items.iter().map(|item| cbor(name, item)).collect()),
        Value::Object(members) => Cbor::Map(
            members.iter().map(|(name, value)| (Cbor::Text(name.clone()), cbor(name, value))).collect(),
        ),
    }
}

/// Writes an answer.
pub fn response(status: u16, value: &Value) -> Response {
    let mut body = Vec::new();
    let value = if value.is_null() { Cbor::Map(Vec::new()) } else { cbor("", value) };
    // Writing to memory does not fail.
    let _ = ciborium::into_writer(&value, &mut body);
    let headers = [("content-type", "application/cbor"), PROTOCOL];
    Response {
        status,
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        body,
    }
}

/// The body of a refusal. Its code is the error's name in the model; for clients that know the codes of forms there is
/// [`query_error`].
pub fn error(fault: &Fault) -> Value {
    let shape = match fault.code.as_str() {
        "InvalidParameterValue" | "InvalidParameterCombination" => format!("{}Exception", fault.code),
        "ValidationError" => "ValidationException".to_owned(),
        "LimitExceeded" => "LimitExceededFault".to_owned(),
        code => code.to_owned(),
    };
    serde_json::json!({ "__type": format!("com.amazonaws.cloudwatch#{shape}"), "message": fault.message })
}

/// The header that holds the code of a refusal as the query protocol has it.
pub fn query_error(fault: &Fault) -> (String, String) {
    let kind = if fault.status < 500 { "Sender" } else { "Receiver" };
    ("x-amzn-query-error".to_owned(), format!("{};{kind}", fault.code))
}

/// The members of an answer as the query protocol has them.
pub fn elements(value: &Value) -> Vec<Element> {
    let members = value.as_object().into_iter().flatten();
    members.map(|(name, value)| element(name, value)).collect()
}

fn element(name: &str, value: &Value) -> Element {
    match value {
        Value::Object(_) => Element::new(name, elements(value)),
        Value::Array(items) => Element::new(name, items.iter().map(|item| element("member", item)).collect()),
        Value::Number(seconds) if name.ends_with("Timestamp") => {
            let millis = seconds.as_f64().unwrap_or_default() * 1000.0;
            Element::text(name, crate::local::common::iso(millis as i64))
        }
        Value::String(text) => Element::text(name, text),
        other => Element::text(name, other),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json as tree;

    #[test]
    fn what_is_written_is_read_back() {
        let value = tree!({"A": [1, "x"], "Threshold": 80, "StateUpdatedTimestamp": 1.5, "B": {"C": true}});
        let response = response(200, &value);
        let path = "/service/GraniteServiceVersion20100801/operation/PutMetricAlarm".to_owned();
        let call = parse(Request { path, body: response.body, ..Request::default() }).unwrap();
        assert_eq!(call.operation, "PutMetricAlarm");
        assert_eq!(
            call.params,
            tree!({"A": [1, "x"], "Threshold": 80.0, "StateUpdatedTimestamp": 1.5, "B": {"C": true}})
        );
        let path = "/service/x/operation/y".to_owned();
        assert!(parse(Request { path, body: vec![0xff], ..Request::default() }).is_err());
        assert!(parse(Request { path: "/".to_owned(), ..Request::default() }).is_err());
    }
}
