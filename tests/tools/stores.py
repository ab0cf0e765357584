"""EC2, RDS, ElastiCache, Amazon MQ, S3, IAM and STS of the local cloud, driven by boto3 and held against the models."""

import base64
import io
import os
import sys
import time

from conform import client, finish, refused, wait

port = sys.argv[1]
ec2, rds, cache, mq = (client(name, port) for name in ("ec2", "rds", "elasticache", "mq"))
s3, iam, sts = (client(name, port) for name in ("s3", "iam", "sts"))

assert sts.get_caller_identity()["Account"] == "123456789012"

# EC2
vpc = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
subnets = [s["SubnetId"] for s in ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"]]
assert len(subnets) == 6
assert len(ec2.describe_availability_zones()["AvailabilityZones"]) == 6
assert "us-east-1" in [r["RegionName"] for r in ec2.describe_regions()["Regions"]]
ec2.describe_account_attributes()
ec2.describe_vpc_attribute(VpcId=vpc, Attribute="enableDnsSupport")
assert ec2.describe_images(Owners=["amazon"])["Images"]
tags = [{"ResourceType": "security-group", "Tags": [{"Key": "vpipe:node", "Value": "backend"}]}]
group = ec2.create_security_group(GroupName="backend", Description="d", VpcId=vpc, TagSpecifications=tags)["GroupId"]
wait(ec2.get_waiter("security_group_exists"), GroupIds=[group])
refused("InvalidGroup.Duplicate", ec2.create_security_group, GroupName="backend", Description="d", VpcId=vpc)
mysql = {"IpProtocol": "tcp", "FromPort": 3306, "ToPort": 3306}
rule = ec2.authorize_security_group_ingress(
    GroupId=group, IpPermissions=[{**mysql, "UserIdGroupPairs": [{"GroupId": group, "Description": "self"}]}]
)["SecurityGroupRules"][0]["SecurityGroupRuleId"]
anyone = [{**mysql, "IpRanges": [{"CidrIp": "10.0.0.0/8"}], "Ipv6Ranges": [{"CidrIpv6": "2001:db8::/32"}]}]
ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=anyone)
refused("InvalidPermission.Duplicate", ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=anyone)
found = ec2.describe_security_groups(Filters=[{"Name": "tag:vpipe:node", "Values": ["back*"]}])["SecurityGroups"]
assert [g["GroupId"] for g in found] == [group] and len(found[0]["IpPermissions"]) == 1
changed = {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "ReferencedGroupId": group, "Description": "new"}
ec2.modify_security_group_rules(
    GroupId=group, SecurityGroupRules=[{"SecurityGroupRuleId": rule, "SecurityGroupRule": changed}]
)
rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupRules"]
assert {r.get("Description") for r in rules} == {"new", None} and len(rules) == 4
ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[rule])
refused(
    "InvalidSecurityGroupRuleId.NotFound", ec2.revoke_security_group_ingress, GroupId=group, SecurityGroupRuleIds=[rule]
)
ec2.create_key_pair(KeyName="ours")
assert ec2.describe_key_pairs(KeyNames=["ours"])["KeyPairs"][0]["KeyType"] == "rsa"
refused("InvalidKeyPair.NotFound", ec2.describe_key_pairs, KeyNames=["theirs"])
ec2.create_tags(Resources=[group], Tags=[{"Key": "a", "Value": "b"}])
assert ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [group]}, {"Name": "key", "Values": ["a"]}])["Tags"]
ec2.describe_instances()

# RDS
assert rds.describe_db_engine_versions(Engine="mysql", EngineVersion="8.0")["DBEngineVersions"]
rds.create_db_parameter_group(
    DBParameterGroupName="tuned", DBParameterGroupFamily="mysql8.0", Description="d", Tags=[{"Key": "k", "Value": "v"}]
)
refused(
    "DBParameterGroupAlreadyExists", rds.create_db_parameter_group, DBParameterGroupName="Tuned",
    DBParameterGroupFamily="mysql8.0", Description="d",
)
refused("InvalidParameterValue", rds.modify_db_parameter_group, DBParameterGroupName="default.mysql8.0", Parameters=[])
refused("DBParameterGroupNotFound", rds.describe_db_parameters, DBParameterGroupName="other")


def parameter(name, value, method):
    return {"ParameterName": name, "ParameterValue": value, "ApplyMethod": method}


rds.modify_db_parameter_group(
    DBParameterGroupName="tuned",
    Parameters=[parameter("max_connections", "200", "immediate"), parameter("performance_schema", "1", "pending-reboot")],
)
refused(
    "InvalidParameterCombination", rds.modify_db_parameter_group, DBParameterGroupName="tuned",
    Parameters=[parameter("skip_name_resolve", "1", "immediate")],
)
pages = rds.get_paginator("describe_db_parameters").paginate(DBParameterGroupName="tuned", PaginationConfig={"PageSize": 20})
parameters = [p for page in pages for p in page["Parameters"]]
assert len(parameters) > 20 and {p["Source"] for p in parameters} == {"user", "system", "engine-default"}
rds.reset_db_parameter_group(DBParameterGroupName="tuned", Parameters=[{"ParameterName": "max_connections", "ApplyMethod": "immediate"}])
assert len(rds.describe_db_parameters(DBParameterGroupName="tuned", Source="user")["Parameters"]) == 1
assert rds.describe_engine_default_parameters(DBParameterGroupFamily="postgres17")["EngineDefaults"]["Parameters"]
groups = [g["DBParameterGroupName"] for g in rds.describe_db_parameter_groups()["DBParameterGroups"]]
assert "tuned" in groups and "default.mariadb10.11" in groups
tuned = rds.describe_db_parameter_groups(DBParameterGroupName="tuned")["DBParameterGroups"][0]["DBParameterGroupArn"]
assert rds.list_tags_for_resource(ResourceName=tuned)["TagList"] == [{"Key": "k", "Value": "v"}]
rds.create_db_subnet_group(DBSubnetGroupName="g", DBSubnetGroupDescription="d", SubnetIds=subnets[:2])
rds.modify_db_subnet_group(DBSubnetGroupName="g", SubnetIds=subnets[:3])
refused(
    "DBSubnetGroupDoesNotCoverEnoughAZs", rds.create_db_subnet_group, DBSubnetGroupName="h",
    DBSubnetGroupDescription="d", SubnetIds=subnets[:1],
)
assert len(rds.describe_db_subnet_groups(DBSubnetGroupName="g")["DBSubnetGroups"][0]["Subnets"]) == 3
wanted = {
    "DBInstanceIdentifier": "db1", "Engine": "mysql", "EngineVersion": "8.0", "DBInstanceClass": "db.t3.micro",
    "MasterUsername": "admin", "MasterUserPassword": "sesame-open", "AllocatedStorage": 20, "DBSubnetGroupName": "g",
    "VpcSecurityGroupIds": [group], "Tags": [{"Key": "k", "Value": "v"}], "MultiAZ": True,
    "DBParameterGroupName": "tuned", "StorageEncrypted": True, "MaxAllocatedStorage": 40,
    "EnableCloudwatchLogsExports": ["error"], "CopyTagsToSnapshot": True,
}
arn = rds.create_db_instance(**wanted)["DBInstance"]["DBInstanceArn"]
refused("DBInstanceAlreadyExists", rds.create_db_instance, **wanted)
refused("InvalidParameterValue", rds.create_db_instance, **{**wanted, "DBInstanceIdentifier": "-"})
other = {**wanted, "DBInstanceIdentifier": "db2"}
for bad in (
    {"DBParameterGroupName": "default.mysql8.4"}, {"StorageType": "io1", "AllocatedStorage": 100}, {"StorageThroughput": 300}, {"MaxAllocatedStorage": 21},
    {"EnableCloudwatchLogsExports": ["upgrade"]}, {"EnablePerformanceInsights": True}, {"StorageEncrypted": False, "KmsKeyId": "k"},
):
    refused("InvalidParameterCombination", rds.create_db_instance, **{**other, **bad})
refused("InvalidParameterValue", rds.create_db_instance, **{**other, "PreferredBackupWindow": "noon"})
refused("DBParameterGroupNotFound", rds.create_db_instance, **{**other, "DBParameterGroupName": "nobody"})
refused("InvalidDBInstanceState", rds.reboot_db_instance, DBInstanceIdentifier="db1")

# ElastiCache
cache.create_cache_parameter_group(
    CacheParameterGroupName="big", CacheParameterGroupFamily="memcached1.6", Description="d", Tags=[{"Key": "k", "Value": "v"}]
)
refused(
    "CacheParameterGroupAlreadyExists", cache.create_cache_parameter_group, CacheParameterGroupName="big",
    CacheParameterGroupFamily="memcached1.6", Description="d",
)
value = {"ParameterName": "max_item_size", "ParameterValue": "2097152"}
cache.modify_cache_parameter_group(CacheParameterGroupName="big", ParameterNameValues=[value])
refused(
    "InvalidParameterValue", cache.modify_cache_parameter_group, CacheParameterGroupName="big",
    ParameterNameValues=[{"ParameterName": "nothing", "ParameterValue": "1"}],
)
refused("CacheParameterGroupNotFound", cache.describe_cache_parameters, CacheParameterGroupName="other")
assert len(cache.describe_cache_parameters(CacheParameterGroupName="big", Source="user")["Parameters"]) == 1
assert cache.describe_engine_default_parameters(CacheParameterGroupFamily="redis7")["EngineDefaults"]["Parameters"]
cache.reset_cache_parameter_group(CacheParameterGroupName="big", ParameterNameValues=[{"ParameterName": "max_item_size"}])
groups = {g["CacheParameterGroupName"]: g for g in cache.describe_cache_parameter_groups()["CacheParameterGroups"]}
assert "default.redis7.cluster.on" in groups and cache.list_tags_for_resource(ResourceName=groups["big"]["ARN"])["TagList"]
cache.describe_cache_engine_versions(Engine="memcached")
cache.create_cache_subnet_group(CacheSubnetGroupName="cg", CacheSubnetGroupDescription="d", SubnetIds=subnets[:1])
cache.modify_cache_subnet_group(CacheSubnetGroupName="cg", SubnetIds=subnets[:2])
cache.create_cache_cluster(
    CacheClusterId="cc", Engine="memcached", CacheNodeType="cache.t3.micro", NumCacheNodes=2, AZMode="cross-az",
    CacheSubnetGroupName="cg", SecurityGroupIds=[group], CacheParameterGroupName="big",
)
cache.create_cache_cluster(CacheClusterId="rr", Engine="redis", CacheNodeType="cache.t3.micro", NumCacheNodes=1)
refused(
    "InvalidParameterValue", cache.create_cache_cluster, CacheClusterId="x", Engine="memcached",
    CacheNodeType="t3.micro", NumCacheNodes=1,
)

# Amazon MQ
mq.describe_broker_engine_types()
mq.describe_broker_instance_options(EngineType="RABBITMQ")
broker = {
    "BrokerName": "rabbit", "DeploymentMode": "SINGLE_INSTANCE", "EngineType": "RABBITMQ", "EngineVersion": "3.13",
    "HostInstanceType": "mq.t3.micro", "PubliclyAccessible": False, "AutoMinorVersionUpgrade": True,
    "Users": [{"Username": "admin", "Password": "a-good-password"}], "SecurityGroups": [group],
    "SubnetIds": subnets[:1], "CreatorRequestId": "once", "Tags": {"x": "y"},
}
settings = mq.create_configuration(Name="rabbit", EngineType="RABBITMQ", EngineVersion="3.13", Tags={"x": "y"})
refused("ConflictException", mq.create_configuration, Name="rabbit", EngineType="RABBITMQ", EngineVersion="3.13")
data = base64.b64encode(b"consumer_timeout = 600000\n").decode()
assert mq.update_configuration(ConfigurationId=settings["Id"], Data=data, Description="d")["LatestRevision"]["Revision"] == 2
refused("BadRequestException", mq.update_configuration, ConfigurationId=settings["Id"], Data="?")
assert mq.describe_configuration(ConfigurationId=settings["Id"])["LatestRevision"]["Description"] == "d"
assert mq.describe_configuration_revision(ConfigurationId=settings["Id"], ConfigurationRevision="2")["Data"] == data
assert [one["Name"] for one in mq.list_configurations()["Configurations"]] == ["rabbit"]
mq.delete_configuration(ConfigurationId=settings["Id"])
refused("NotFoundException", mq.describe_configuration, ConfigurationId=settings["Id"])
made = mq.create_broker(**broker)
assert mq.create_broker(**broker)["BrokerId"] == made["BrokerId"]
refused("ConflictException", mq.create_broker, **{**broker, "CreatorRequestId": "twice"})
other = {**broker, "BrokerName": "other", "CreatorRequestId": "thrice"}
refused("BadRequestException", mq.create_broker, **{**other, "EngineVersion": "1.0"})
refused("NotFoundException", mq.describe_broker, BrokerId="b-nobody")
mq.create_tags(ResourceArn=made["BrokerArn"], Tags={"z": "1"})
mq.delete_tags(ResourceArn=made["BrokerArn"], TagKeys=["x"])
assert mq.list_tags(ResourceArn=made["BrokerArn"])["Tags"] == {"z": "1"}

active = mq.create_broker(
    **{
        **broker, "BrokerName": "active", "CreatorRequestId": "fourth", "EngineType": "ACTIVEMQ", "EngineVersion": "5.18",
        "DeploymentMode": "ACTIVE_STANDBY_MULTI_AZ", "SubnetIds": subnets[:2], "HostInstanceType": "mq.m5.large",
        "Users": [{"Username": "app", "Password": "a-good-password", "ConsoleAccess": True}], "SecurityGroups": [],
        "Logs": {"General": True, "Audit": False},
    }
)["BrokerId"]
refused("BadRequestException", mq.update_user, BrokerId=made["BrokerId"], Username="admin", Password="a-good-password")

# Replication groups
def settle(group):
    """A change shows only after a moment."""
    time.sleep(0.1)
    wait(cache.get_waiter("replication_group_available"), ReplicationGroupId=group)


replicated = {
    "ReplicationGroupId": "rg", "ReplicationGroupDescription": "d", "Engine": "redis", "EngineVersion": "7.1",
    "CacheNodeType": "cache.t3.micro", "NumCacheClusters": 2, "AutomaticFailoverEnabled": True, "MultiAZEnabled": True,
    "TransitEncryptionEnabled": True, "AtRestEncryptionEnabled": True, "AuthToken": "a-token-of-sixteen",
    "Tags": [{"Key": "k", "Value": "v"}],
}
cache.create_replication_group(**replicated)
refused("ReplicationGroupAlreadyExists", cache.create_replication_group, **replicated)
refused(
    "InvalidParameterCombination", cache.create_replication_group,
    **{**replicated, "ReplicationGroupId": "other", "NumCacheClusters": 1},
)
refused("ReplicationGroupNotFoundFault", cache.describe_replication_groups, ReplicationGroupId="nobody")
refused("InvalidReplicationGroupState", cache.delete_replication_group, ReplicationGroupId="rg")
cache.create_replication_group(
    ReplicationGroupId="sharded", ReplicationGroupDescription="d", Engine="valkey", EngineVersion="8.0", NumNodeGroups=2,
    ReplicasPerNodeGroup=1, CacheNodeType="cache.t3.micro", AutomaticFailoverEnabled=True, ClusterMode="enabled",
)
settle("rg")
settle("sharded")
there = cache.describe_replication_groups(ReplicationGroupId="rg")["ReplicationGroups"][0]
assert there["NodeGroups"][0]["PrimaryEndpoint"]["Address"].startswith("master.rg.") and there["AuthTokenEnabled"]
assert cache.list_tags_for_resource(ResourceName=there["ARN"])["TagList"] == [{"Key": "k", "Value": "v"}]
sharded = cache.describe_replication_groups(ReplicationGroupId="sharded")["ReplicationGroups"][0]
assert len(sharded["NodeGroups"]) == 2 and sharded["ConfigurationEndpoint"]["Port"] == 6379
assert len(cache.describe_cache_clusters(ShowCacheClustersNotInReplicationGroups=True)["CacheClusters"]) == 2
refused("InvalidCacheClusterState", cache.delete_cache_cluster, CacheClusterId="rg-001")
cache.increase_replica_count(ReplicationGroupId="rg", NewReplicaCount=2, ApplyImmediately=True)
settle("rg")
cache.decrease_replica_count(ReplicationGroupId="rg", NewReplicaCount=1, ApplyImmediately=True)
settle("rg")
rotated = cache.modify_replication_group(
    ReplicationGroupId="rg", AuthToken="another-token-of-ours", AuthTokenUpdateStrategy="ROTATE", ApplyImmediately=True
)
assert rotated["ReplicationGroup"]["PendingModifiedValues"]["AuthTokenStatus"] == "ROTATING"
cache.modify_replication_group_shard_configuration(ReplicationGroupId="sharded", NodeGroupCount=3, ApplyImmediately=True)
settle("rg")
settle("sharded")
cache.delete_replication_group(ReplicationGroupId="rg", FinalSnapshotIdentifier="last-rg")
cache.delete_replication_group(ReplicationGroupId="sharded")
wait(cache.get_waiter("replication_group_deleted"), ReplicationGroupId="rg")
wait(cache.get_waiter("replication_group_deleted"), ReplicationGroupId="sharded")
assert cache.describe_snapshots(SnapshotName="last-rg")["Snapshots"][0]["SnapshotStatus"] == "available"
cache.delete_snapshot(SnapshotName="last-rg")
refused("SnapshotNotFoundFault", cache.describe_snapshots, SnapshotName="last-rg")

# ActiveMQ
while mq.describe_broker(BrokerId=active)["BrokerState"] != "RUNNING":
    time.sleep(0.1)
mq.update_user(BrokerId=active, Username="app", Password="another-password")
refused("NotFoundException", mq.update_user, BrokerId=active, Username="nobody", Password="another-password")
mq.update_broker(BrokerId=active, Logs={"Audit": True}, SecurityGroups=[group])
there = mq.describe_broker(BrokerId=active)
assert len(there["BrokerInstances"]) == 2 and there["Users"] == [{"PendingChange": "UPDATE", "Username": "app"}]
assert there["Logs"]["Pending"] == {"Audit": True, "General": True} and there["SecurityGroups"] == [group]
mq.reboot_broker(BrokerId=active)
while "Pending" in mq.describe_broker(BrokerId=active)["Logs"]:
    time.sleep(0.1)
assert mq.list_users(BrokerId=active)["Users"] == [{"Username": "app"}]
mq.delete_broker(BrokerId=active)
while active in [b["BrokerId"] for b in mq.list_brokers()["BrokerSummaries"]]:
    time.sleep(0.1)
while len(ec2.describe_network_interfaces(Filters=[{"Name": "group-id", "Values": [group]}])["NetworkInterfaces"]) > 5:
    time.sleep(0.1)

# All of them come up, wear the group, change, and go.
refused("DependencyViolation", ec2.delete_security_group, GroupId=group)
assert len(ec2.describe_network_interfaces(Filters=[{"Name": "group-id", "Values": [group]}])["NetworkInterfaces"]) == 5
wait(rds.get_waiter("db_instance_available"), DBInstanceIdentifier="db1")
wait(cache.get_waiter("cache_cluster_available"), CacheClusterId="cc")
wait(cache.get_waiter("cache_cluster_available"), CacheClusterId="rr")
while mq.describe_broker(BrokerId=made["BrokerId"])["BrokerState"] != "RUNNING":
    time.sleep(0.1)
database = rds.describe_db_instances(DBInstanceIdentifier="db1")["DBInstances"][0]
assert database["Endpoint"]["Port"] == 3306 and database["SecondaryAvailabilityZone"]
cluster = cache.describe_cache_clusters(CacheClusterId="cc", ShowCacheNodeInfo=True)["CacheClusters"][0]
assert ".cfg." in cluster["ConfigurationEndpoint"]["Address"] and len(cluster["CacheNodes"]) == 2
assert len({node["CustomerAvailabilityZone"] for node in cluster["CacheNodes"]}) == 2
endpoints = mq.describe_broker(BrokerId=made["BrokerId"])["BrokerInstances"][0]["Endpoints"]
assert endpoints[0].startswith("amqps://") and mq.list_brokers()["BrokerSummaries"][0]["BrokerName"] == "rabbit"
assert rds.describe_events(SourceType="db-instance", SourceIdentifier="db1", Duration=10000)["Events"]
rds.add_tags_to_resource(ResourceName=arn, Tags=[{"Key": "n", "Value": "m"}])
rds.remove_tags_from_resource(ResourceName=arn, TagKeys=["k"])
assert rds.list_tags_for_resource(ResourceName=arn)["TagList"] == [{"Key": "n", "Value": "m"}]
cache.add_tags_to_resource(ResourceName=cluster["ARN"], Tags=[{"Key": "n", "Value": "m"}])
cache.remove_tags_from_resource(ResourceName=cluster["ARN"], TagKeys=["n"])
assert cache.list_tags_for_resource(ResourceName=cluster["ARN"])["TagList"] == []
pending = rds.modify_db_instance(DBInstanceIdentifier="db1", DBInstanceClass="db.t3.small", ApplyImmediately=True)
assert pending["DBInstance"]["PendingModifiedValues"] == {"DBInstanceClass": "db.t3.small"}
pending = cache.modify_cache_cluster(CacheClusterId="cc", NumCacheNodes=1, CacheNodeIdsToRemove=["0002"], ApplyImmediately=True)
assert pending["CacheCluster"]["PendingModifiedValues"]["CacheNodeIdsToRemove"] == ["0002"]
mq.update_broker(BrokerId=made["BrokerId"], HostInstanceType="mq.m5.large")
mq.reboot_broker(BrokerId=made["BrokerId"])
while rds.describe_db_instances()["DBInstances"][0]["DBInstanceClass"] != "db.t3.small":
    time.sleep(0.1)
wait(rds.get_waiter("db_instance_available"), DBInstanceIdentifier="db1")
rds.create_db_snapshot(DBSnapshotIdentifier="mine", DBInstanceIdentifier="db1")
rds.describe_db_snapshots(DBInstanceIdentifier="db1")
refused("InvalidDBParameterGroupState", rds.delete_db_parameter_group, DBParameterGroupName="tuned")
pending = rds.modify_db_instance(
    DBInstanceIdentifier="db1", CloudwatchLogsExportConfiguration={"EnableLogTypes": ["general"], "DisableLogTypes": ["error"]},
    MaxAllocatedStorage=50, PreferredBackupWindow="01:00-01:30",
)["DBInstance"]["PendingModifiedValues"]
assert pending["PendingCloudwatchLogsExports"] == {"LogTypesToEnable": ["general"], "LogTypesToDisable": ["error"]}
while rds.describe_db_instances()["DBInstances"][0]["EnabledCloudwatchLogsExports"] != ["general"]:
    time.sleep(0.1)
wait(rds.get_waiter("db_snapshot_available"), DBSnapshotIdentifier="mine")
restored = rds.restore_db_instance_from_db_snapshot(
    DBInstanceIdentifier="db2", DBSnapshotIdentifier="mine", DBInstanceClass="db.t3.medium", DBSubnetGroupName="g"
)["DBInstance"]
assert restored["StorageEncrypted"] and restored["MasterUsername"] == "admin" and restored["Engine"] == "mysql"
refused(
    "DBSnapshotNotFound", rds.restore_db_instance_from_db_snapshot, DBInstanceIdentifier="db3", DBSnapshotIdentifier="lost"
)
wait(rds.get_waiter("db_instance_available"), DBInstanceIdentifier="db2")
rds.modify_db_instance(DBInstanceIdentifier="db2", AllocatedStorage=400, Iops=12000, StorageThroughput=600, ApplyImmediately=True)
while "AllocatedStorage" in rds.describe_db_instances(DBInstanceIdentifier="db2")["DBInstances"][0]["PendingModifiedValues"]:
    time.sleep(0.1)
wait(rds.get_waiter("db_instance_available"), DBInstanceIdentifier="db2")
rds.delete_db_instance(DBInstanceIdentifier="db2", SkipFinalSnapshot=True)
wait(rds.get_waiter("db_instance_deleted"), DBInstanceIdentifier="db2")
rds.delete_db_instance(DBInstanceIdentifier="db1", FinalDBSnapshotIdentifier="last")
wait(cache.get_waiter("cache_cluster_available"), CacheClusterId="cc")
cache.reboot_cache_cluster(CacheClusterId="cc", CacheNodeIdsToReboot=["0001"])
wait(cache.get_waiter("cache_cluster_available"), CacheClusterId="cc")
cache.delete_cache_cluster(CacheClusterId="cc")
refused("CacheSubnetGroupInUse", cache.delete_cache_subnet_group, CacheSubnetGroupName="cg")
refused("InvalidDBSubnetGroupStateFault", rds.delete_db_subnet_group, DBSubnetGroupName="g")
while mq.describe_broker(BrokerId=made["BrokerId"])["HostInstanceType"] != "mq.m5.large":
    time.sleep(0.1)
mq.delete_broker(BrokerId=made["BrokerId"])
wait(rds.get_waiter("db_instance_deleted"), DBInstanceIdentifier="db1")
wait(cache.get_waiter("cache_cluster_deleted"), CacheClusterId="cc")
rds.delete_db_subnet_group(DBSubnetGroupName="g")
rds.delete_db_parameter_group(DBParameterGroupName="tuned")
cache.delete_cache_parameter_group(CacheParameterGroupName="big")
cache.delete_cache_subnet_group(CacheSubnetGroupName="cg")
rds.delete_db_snapshot(DBSnapshotIdentifier="last")
while ec2.describe_network_interfaces(Filters=[{"Name": "group-id", "Values": [group]}])["NetworkInterfaces"]:
    time.sleep(0.1)
ec2.delete_security_group(GroupId=group)
refused("InvalidGroup.NotFound", ec2.describe_security_groups, GroupIds=[group])

# S3
bucket = "vpipe-tools"
s3.create_bucket(Bucket=bucket)
refused("BucketAlreadyExists", s3.create_bucket, Bucket="my-bucket")
s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
assert all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values())
refused("NoSuchTagSet", s3.get_bucket_tagging, Bucket=bucket)
s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "a", "Value": "b c"}]})
assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == [{"Key": "a", "Value": "b c"}]
s3.get_bucket_encryption(Bucket=bucket)
s3.get_bucket_acl(Bucket=bucket)
s3.get_bucket_location(Bucket=bucket)
s3.get_bucket_ownership_controls(Bucket=bucket)
s3.put_object(Bucket=bucket, Key="a b/ü+d.txt", Body=b"hello", ContentType="text/plain", Metadata={"x": "y"})
answer = s3.get_object(Bucket=bucket, Key="a b/ü+d.txt")
assert (answer["Body"].read(), answer["ContentType"], answer["Metadata"]) == (b"hello", "text/plain", {"x": "y"})
assert s3.get_object(Bucket=bucket, Key="a b/ü+d.txt", Range="bytes=1-2")["Body"].read() == b"el"
s3.put_object_tagging(Bucket=bucket, Key="a b/ü+d.txt", Tagging={"TagSet": [{"Key": "k", "Value": "v"}]})
assert s3.get_object_tagging(Bucket=bucket, Key="a b/ü+d.txt")["TagSet"]
s3.put_object(Bucket=bucket, Key="sum", Body=b"hello", ChecksumAlgorithm="SHA256")
assert s3.head_object(Bucket=bucket, Key="sum", ChecksumMode="ENABLED")["ChecksumSHA256"]
refused("PreconditionFailed", s3.put_object, Bucket=bucket, Key="sum", Body=b"1", IfNoneMatch="*")
refused("BadDigest", s3.put_object, Bucket=bucket, Key="bad", Body=b"1", ChecksumSHA256="A" * 43 + "=")
big = os.urandom(17 * 1024 * 1024)
s3.upload_fileobj(io.BytesIO(big), bucket, "big")
back = io.BytesIO()
s3.download_fileobj(bucket, "big", back)
assert back.getvalue() == big and s3.head_object(Bucket=bucket, Key="big")["ETag"].endswith('-3"')
s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "sum"})
for number in range(5):
    s3.put_object(Bucket=bucket, Key=f"logs/{number}", Body=b"x")
pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": 2})
listed = list(pages)
assert [o["Key"] for page in listed for o in page.get("Contents", [])] == ["big", "copy", "sum"]
assert [p["Prefix"] for page in listed for p in page.get("CommonPrefixes", [])] == ["a b/", "logs/"]
assert len(s3.list_objects(Bucket=bucket, Prefix="logs/")["Contents"]) == 5
upload = s3.create_multipart_upload(Bucket=bucket, Key="never")["UploadId"]
s3.upload_part(Bucket=bucket, Key="never", UploadId=upload, PartNumber=1, Body=b"x")
assert len(s3.list_parts(Bucket=bucket, Key="never", UploadId=upload)["Parts"]) == 1
assert len(s3.list_multipart_uploads(Bucket=bucket)["Uploads"]) == 1
s3.abort_multipart_upload(Bucket=bucket, Key="never", UploadId=upload)
refused("NoSuchUpload", s3.list_parts, Bucket=bucket, Key="never", UploadId=upload)
refused("404", s3.head_object, Bucket=bucket, Key="nothing")
refused("NoSuchKey", s3.get_object, Bucket=bucket, Key="nothing")
s3.delete_object(Bucket=bucket, Key="sum")
refused("BucketNotEmpty", s3.delete_bucket, Bucket=bucket)
versions = []
for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, PaginationConfig={"PageSize": 3}):
    versions += page.get("Versions", []) + page.get("DeleteMarkers", [])
assert len(versions) == 10, [v["Key"] for v in versions]
objects = [{"Key": v["Key"], "VersionId": v["VersionId"]} for v in versions]
assert len(s3.delete_objects(Bucket=bucket, Delete={"Objects": objects})["Deleted"]) == 10
s3.delete_bucket(Bucket=bucket)
refused("NoSuchBucket", s3.list_objects_v2, Bucket=bucket)
s3.list_buckets()

# IAM
name = "aws-elasticbeanstalk-ec2-role"
assert iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Roles"][0]["RoleName"] == name
assert iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
trust = '{"Version": "2012-10-17", "Statement": []}'
iam.create_role(RoleName="r", AssumeRolePolicyDocument=trust, Tags=[{"Key": "a", "Value": "b"}])
assert iam.get_role(RoleName="r")["Role"]["AssumeRolePolicyDocument"]["Statement"] == []
refused("EntityAlreadyExists", iam.create_role, RoleName="R", AssumeRolePolicyDocument=trust)
refused("MalformedPolicyDocument", iam.create_role, RoleName="s", AssumeRolePolicyDocument="{")
iam.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=trust)
assert iam.get_role_policy(RoleName="r", PolicyName="p")["PolicyDocument"]["Version"]
assert iam.list_role_policies(RoleName="r")["PolicyNames"] == ["p"]
iam.create_instance_profile(InstanceProfileName="ip")
iam.add_role_to_instance_profile(InstanceProfileName="ip", RoleName="r")
assert len(iam.list_instance_profiles_for_role(RoleName="r")["InstanceProfiles"]) == 1
refused("DeleteConflict", iam.delete_role, RoleName="r")
iam.remove_role_from_instance_profile(InstanceProfileName="ip", RoleName="r")
iam.delete_instance_profile(InstanceProfileName="ip")
iam.delete_role_policy(RoleName="r", PolicyName="p")
iam.tag_role(RoleName="r", Tags=[{"Key": "c", "Value": "d"}])
assert len(iam.list_role_tags(RoleName="r")["Tags"]) == 2
iam.delete_role(RoleName="r")
assert len(iam.list_roles()["Roles"]) == 2
refused("NoSuchEntity", iam.get_role, RoleName="r")

# What the local cloud does not have is refused once and for all.
refused("InvalidAction", client("sqs", port, check=False).list_queues)
refused("InvalidAction", client("lambda", port, check=False).list_functions)
finish()
