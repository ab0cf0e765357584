//! STS: who is asking.

use super::service::Service;
use super::{Call, Cx, Element, Fault, Reply, common};

/// Answers a call.
pub fn handle(cx: &Cx, call: &Call) -> Result<Reply, Fault> {
    match call.operation.as_str() {
        "GetCallerIdentity" => {
            let partition = common::partition(&cx.region);
            Ok(Reply::Xml(vec![
                Element::text("Arn", format!("arn:{partition}:iam::{}:user/local", cx.account)),
                Element::text("UserId", "AIDALOCALCLOUDEXAMPLE"),
                Element::text("Account", &cx.account),
            ]))
        }
        operation => Err(Service::Sts.unknown(operation)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::local::ACCOUNT;
    use crate::local::testing::{Client, text};

    #[test]
    fn the_caller_is_known() {
        let reply = Client::new().query("sts", "GetCallerIdentity", &[]).unwrap();
        assert_eq!(text(&reply, "GetCallerIdentityResult/Account"), ACCOUNT);
    }
}
