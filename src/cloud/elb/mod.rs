//! Elastic Load Balancing: load balancers that exist already.

mod load_balancer;

pub use load_balancer::LoadBalancer;
