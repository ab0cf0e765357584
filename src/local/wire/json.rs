//! JSON 1.1, and the errors of all that speak JSON.

use serde_json::{Value, json};

use super::no_params;
use crate::local::service::Protocol;
use crate::local::{Call, Fault, Request};

/// Reads a call: the operation from `x-amz-target`, the parameters from the body.
pub fn parse(request: Request) -> Result<Call, Fault> {
    let target = request.header("x-amz-target").unwrap_or_default();
    let Some((_, operation)) = target.rsplit_once('.') else {
        return Err(Fault::new(400, "UnknownOperationException", "The request has no x-amz-target"));
    };
    let (operation, params) = (operation.to_owned(), body(&request.body)?);
    Ok(Call { operation, params, body: Vec::new(), headers: request.headers, page: None })
}

/// Reads a JSON body; none is an empty object.
pub fn body(bytes: &[u8]) -> Result<Value, Fault> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(no_params());
    }
    match serde_json::from_slice(bytes) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err(Fault::new(400, "SerializationException", "Start of structure or map expected")),
        Err(error) => Err(Fault::new(400, "SerializationException", error.to_string())),
    }
}

/// The body of a refusal.
pub fn error(protocol: Protocol, fault: &Fault) -> Value {
    match protocol {
        Protocol::Json11 => json!({ "__type": fault.code, "message": fault.message }),
        Protocol::Plain => json!({ "code": fault.code, "message": fault.message }),
        _ => json!({ "message": fault.message }),
    }
}
