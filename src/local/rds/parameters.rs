//! DB parameter groups, and the parameters of the engines: those that people set, and some more.

use indexmap::IndexMap;

use super::{engines, invalid, refuse};
use crate::local::common;
use crate::local::parameters::{
    Given, GroupService, Parameter, ParameterGroup, Refusal, after_reboot, dynamic, group, kept,
};
use crate::local::{Cx, Element, Fault, State};

/// From the parameter references of MySQL and MariaDB in the RDS user guide.
const MYSQL: [Parameter; 32] = [
    kept("basedir", "string", "/rdsdbbin/mysql"),
    dynamic("binlog_format", "string", "MIXED", "ROW,STATEMENT,MIXED,OFF"),
    dynamic("character_set_client", "string", "", ""),
    dynamic("character_set_connection", "string", "", ""),
    dynamic("character_set_database", "string", "", ""),
    dynamic("character_set_results", "string", "", ""),
    dynamic("character_set_server", "string", "", ""),
    dynamic("collation_connection", "string", "", ""),
    dynamic("collation_server", "string", "", ""),
    dynamic("connect_timeout", "integer", "", "2-31536000"),
    kept("datadir", "string", "/rdsdbdata/db/"),
    dynamic("event_scheduler", "string", "", "ON,OFF,DISABLED"),
    dynamic("general_log", "boolean", "", "0,1"),
    dynamic("group_concat_max_len", "integer", "", "4-18446744073709547520"),
    after_reboot("innodb_buffer_pool_instances", "integer", "", "1-64"),
    dynamic(
        "innodb_buffer_pool_size",
        "integer",
        "{DBInstanceClassMemory*3/4}",
        "5242880-9223372036854771712",
    ),
    dynamic("innodb_flush_log_at_trx_commit", "integer", "1", "0,1,2"),
    dynamic("innodb_lock_wait_timeout", "integer", "", "1-1073741824"),
    after_reboot("innodb_log_file_size", "integer", "134217728", "4194304-273804165120"),
    dynamic("innodb_print_all_deadlocks", "boolean", "", "0,1"),
    dynamic("log_bin_trust_function_creators", "boolean", "", "0,1"),
    dynamic("log_output", "string", "TABLE", "TABLE,FILE,NONE"),
    dynamic("long_query_time", "float", "", "0-31536000"),
    after_reboot("lower_case_table_names", "integer", "", "0,1"),
    dynamic("max_allowed_packet", "integer", "", "1024-1073741824"),
    dynamic("max_connections", "integer", "{DBInstanceClassMemory/12582880}", "1-100000"),
    after_reboot("performance_schema", "boolean", "0", "0,1"),
    after_reboot("skip_name_resolve", "boolean", "", "0,1"),
    dynamic("slow_query_log", "boolean", "", "0,1"),
    dynamic("sql_mode", "string", "", ""),
    dynamic("time_zone", "string", "", ""),
    dynamic("wait_timeout", "integer", "", "1-31536000"),
];

/// From the parameter reference of PostgreSQL in the RDS user guide.
const POSTGRES: [Parameter; 22] = [
    dynamic("autovacuum", "boolean", "1", "0,1"),
    after_reboot(
        "autovacuum_max_workers",
        "integer",
        "GREATEST({DBInstanceClassMemory/64371566592},3)",
        "1-262143",
    ),
    kept("config_file", "string", "/rdsdbdata/config/postgresql.conf"),
    kept("data_directory", "string", "/rdsdbdata/db"),
    dynamic("idle_in_transaction_session_timeout", "integer", "86400000", "0-2147483647"),
    dynamic("log_connections", "boolean", "", "0,1"),
    dynamic("log_lock_waits", "boolean", "", "0,1"),
    dynamic("log_min_duration_statement", "integer", "", "-1,0-2147483647"),
    dynamic("log_statement", "string", "", "none,ddl,mod,all"),
    dynamic(
        "maintenance_work_mem",
        "integer",
        "GREATEST({DBInstanceClassMemory*1024/63963136},65536)",
        "1024-2147483647",
    ),
    after_reboot("max_connections", "integer", "LEAST({DBInstanceClassMemory/9531392},5000)", "6-262143"),
    after_reboot("max_replication_slots", "integer", "20", "1-262143"),
    after_reboot("max_wal_senders", "integer", "35", "5-262143"),
    dynamic("random_page_cost", "float", "", "0-100"),
    dynamic("rds.force_ssl", "boolean", "1", "0,1"),
    after_reboot("rds.logical_replication", "boolean", "0", "0,1"),
    after_reboot("shared_buffers", "integer", "{DBInstanceClassMemory/32768}", "16-1073741823"),
    after_reboot("shared_preload_libraries", "list", "pg_stat_statements", ""),
    dynamic("statement_timeout", "integer", "", "0-2147483647"),
    dynamic("timezone", "string", "UTC", ""),
    after_reboot("track_activity_query_size", "integer", "4096", "100-1048576"),
    dynamic("work_mem", "integer", "", "64-2147483647"),
];

/// The parameter groups of RDS.
pub(super) struct Groups;

impl GroupService for Groups {
    const PREFIX: &str = "DB";
    const GIVEN: &str = "Parameters";

    fn own<'a>(state: &'a mut State, cx: &Cx) -> &'a mut IndexMap<String, ParameterGroup> {
        &mut state.rds.region(&cx.region).parameter_groups
    }

    fn defaults() -> Vec<ParameterGroup> {
        engines::families().into_iter().map(ParameterGroup::default_of).collect()
    }

    fn families() -> Vec<&'static str> {
        engines::families()
    }

    fn table(family: &str) -> &'static [Parameter] {
        if family.starts_with("postgres") { &POSTGRES } else { &MYSQL }
    }

    fn is_used(state: &mut State, cx: &Cx, name: &str) -> bool {
        state.rds.region(&cx.region).instances.values().any(|it| it.parameter_group == name)
    }

    fn members(cx: &Cx, group: &ParameterGroup) -> Vec<Element> {
        vec![Element::text("DBParameterGroupArn", common::arn(cx, "rds", &format!("pg:{}", group.name)))]
    }

    fn parameter(parameter: &Parameter) -> Vec<Element> {
        let (kind, method) =
            if parameter.dynamic { ("dynamic", "immediate") } else { ("static", "pending-reboot") };
        vec![Element::text("ApplyType", kind), Element::text("ApplyMethod", method)]
    }

    fn check_given(given: &[Given]) -> Result<(), Fault> {
        if given.is_empty() {
            return refuse("MissingParameter", "The request must contain the parameter Parameters");
        }
        match given.iter().find(|parameter| parameter.method.is_none()) {
            Some(unsaid) => invalid(format!("The apply method of {} must be provided.", unsaid.name)),
            None => Ok(()),
        }
    }

    fn refusal(why: Refusal, name: &str) -> Fault {
        let (status, code, message) = match why {
            Refusal::Missing => (404, "DBParameterGroupNotFound", format!("DBParameterGroup not found: {name}")),
            Refusal::Exists => {
                (400, "DBParameterGroupAlreadyExists", format!("Parameter group {name} already exists"))
            }
            Refusal::Used => (
                400,
                "InvalidDBParameterGroupState",
                "One or more database instances are still members of this parameter group, so the group cannot be deleted"
                    .to_owned(),
            ),
            Refusal::NoFamily => (
                400,
                "InvalidParameterValue",
                format!("ParameterGroupFamily {name} is not a valid parameter group family"),
            ),
        };
        Fault::new(status, code, message)
    }
}

/// What RDS says of a parameter group that does not exist.
pub(super) fn missing(name: &str) -> Fault {
    Groups::refusal(Refusal::Missing, name)
}

/// The group that a request gives to an instance of a version; by default AWS's own.
pub(super) fn fitting(
    state: &mut State,
    cx: &Cx,
    name: Option<String>,
    engine: &str,
    version: &str,
) -> Result<ParameterGroup, Fault> {
    let family = engines::family(engine, version);
    let Some(name) = name.map(|name| name.to_ascii_lowercase()) else {
        return Ok(ParameterGroup::default_of(family));
    };
    let group = group::<Groups>(state, cx, &name)?;
    match group.family == family {
        true => Ok(group),
        false => refuse(
            "InvalidParameterCombination",
            format!(
                "The parameter group {name} with DBParameterGroupFamily {} can't be used for this instance. Please use a parameter group with DBParameterGroupFamily {family}.",
                group.family
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::local::testing::{Client, count, text};

    const GROUP: (&str, &str) = ("DBParameterGroupName", "tuned");

    fn call(client: &Client, operation: &str, extra: &[(&str, &str)]) -> Result<(), String> {
        let params: Vec<_> = [GROUP].iter().chain(extra).copied().collect();
        client.query("rds", operation, &params).map(|_| ())
    }

    fn set(client: &Client, name: &str, value: &str, method: &str) -> Result<(), String> {
        let params = [
            ("Parameters.Parameter.1.ParameterName", name),
            ("Parameters.Parameter.1.ParameterValue", value),
            ("Parameters.Parameter.1.ApplyMethod", method),
        ];
        call(client, "ModifyDBParameterGroup", &params)
    }

    #[test]
    fn static_parameters_wait_for_a_reboot() {
        let client = Client::new();
        let family = [("DBParameterGroupFamily", "mysql8.0"), ("Description", "d")];
        call(&client, "CreateDBParameterGroup", &family).unwrap();
        assert_eq!(
            call(&client, "CreateDBParameterGroup", &family).unwrap_err(),
            "DBParameterGroupAlreadyExists"
        );
        for (name, value, method, code) in [
            ("nothing", "1", "immediate", "InvalidParameterValue"),
            ("max_connections", "0", "immediate", "InvalidParameterValue"),
            ("basedir", "/", "pending-reboot", "InvalidParameterValue"),
            ("performance_schema", "1", "immediate", "InvalidParameterCombination"),
        ] {
            assert_eq!(set(&client, name, value, method).unwrap_err(), code, "{name}");
        }
        let instance = [
            ("DBInstanceIdentifier", "mydb"),
            ("DBInstanceClass", "db.t3.micro"),
            ("Engine", "mysql"),
            ("EngineVersion", "8.0"),
            ("MasterUsername", "admin"),
            ("MasterUserPassword", "sesame-open"),
            ("AllocatedStorage", "20"),
            ("DBParameterGroupName", "tuned"),
        ];
        client.query("rds", "CreateDBInstance", &instance).unwrap();
        client.wait(600);
        let status = || {
            let reply = client.query("rds", "DescribeDBInstances", &[]).unwrap();
            let group = "DescribeDBInstancesResult/DBInstances/DBInstance/DBParameterGroups/DBParameterGroup";
            text(&reply, &format!("{group}/ParameterApplyStatus"))
        };
        set(&client, "max_connections", "200", "immediate").unwrap();
        assert_eq!(status(), "in-sync");
        set(&client, "performance_schema", "1", "pending-reboot").unwrap();
        assert_eq!(status(), "pending-reboot");
        client.query("rds", "RebootDBInstance", &[("DBInstanceIdentifier", "mydb")]).unwrap();
        client.wait(120);
        assert_eq!(status(), "in-sync");
        let reply = client.query("rds", "DescribeDBParameters", &[GROUP, ("Source", "user")]).unwrap();
        assert_eq!(count(&reply, "DescribeDBParametersResult/Parameters/Parameter"), 2);
        assert_eq!(call(&client, "DeleteDBParameterGroup", &[]).unwrap_err(), "InvalidDBParameterGroupState");
        let all = [("ResetAllParameters", "true")];
        call(&client, "ResetDBParameterGroup", &all).unwrap();
        assert_eq!(status(), "pending-reboot");
        let other = [("DBInstanceIdentifier", "mydb"), ("DBParameterGroupName", "default.mysql8.0")];
        client.query("rds", "ModifyDBInstance", &other).unwrap();
        assert_eq!(status(), "applying");
        client.wait(60);
        assert_eq!(status(), "pending-reboot");
        call(&client, "DeleteDBParameterGroup", &[]).unwrap();
    }
}
