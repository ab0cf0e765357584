//! Every integration test, in one binary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod suite {
    #[cfg(feature = "aws")]
    mod approved;
    #[cfg(feature = "aws")]
    mod attributes;
    #[cfg(feature = "local")]
    mod clients;
    #[cfg(feature = "aws")]
    mod balancers;
    #[cfg(feature = "aws")]
    mod connection;
    #[cfg(feature = "aws")]
    mod cli;
    mod corpus;
    #[cfg(feature = "aws")]
    mod databases;
    #[cfg(feature = "aws")]
    mod drivers_a;
    #[cfg(feature = "aws")]
    mod drivers_b;
    #[cfg(feature = "aws")]
    mod drivers_c;
    #[cfg(feature = "aws")]
    mod moto;
    #[cfg(feature = "aws")]
    mod eb;
    mod eval;
    #[cfg(feature = "aws")]
    mod readme;
    mod explain;
    #[cfg(feature = "aws")]
    mod faults;
    #[cfg(feature = "aws")]
    mod failures;
    mod formats;
    mod mistakes;
    mod odd_files;
    #[cfg(feature = "aws")]
    mod import;
    #[cfg(feature = "aws")]
    mod permissions;
    #[cfg(feature = "aws")]
    mod roundtrip;
    mod inventory;
    #[cfg(feature = "aws")]
    mod pages;
    #[cfg(feature = "aws")]
    mod polling;
    mod pre_commit;
    #[cfg(feature = "aws")]
    mod rollback;
    mod rooms;
    #[cfg(feature = "aws")]
    mod secrets;
    #[cfg(feature = "aws")]
    mod stack;
    #[cfg(feature = "aws")]
    mod sweep;
    mod tools;
}
