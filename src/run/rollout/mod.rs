//! The rollout: steps in the order written, actions one after the other, each recorded so that none is repeated.

mod act;
mod bundle;
mod command;
mod deploy;
mod expect;
mod inputs;
mod invalidate;
mod render;
mod step;

pub(super) use deploy::{attrs, deployment_of, label_of, would_deploy};
pub(super) use step::roll_out;
