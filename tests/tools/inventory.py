"""What an account holds, as JSON in which two clouds can be compared: no ids, addresses or times, only what was asked for.

Usage: inventory.py ENDPOINT
"""

import json
import sys

import boto3
from botocore.config import Config

endpoint = sys.argv[1]
config = Config(region_name="us-east-1", retries={"max_attempts": 3})


def client(service):
    return boto3.client(
        service, endpoint_url=endpoint, config=config, aws_access_key_id="testing", aws_secret_access_key="testing"
    )


def pick(item, *names):
    return {name: item.get(name) for name in names}


def tags(items):
    return {item["Key"]: item["Value"] for item in items}


def items(service, operation, key, **given):
    found = []
    api = client(service)
    if api.can_paginate(operation):
        for page in api.get_paginator(operation).paginate(**given):
            found += page[key]
        return found
    return getattr(api, operation)(**given)[key]


def groups():
    """Security groups and what they let in, with groups by name in place of ids."""
    found = items("ec2", "describe_security_groups", "SecurityGroups")
    names = {group["GroupId"]: group["GroupName"] for group in found}

    def sources(permission):
        yield from (names[pair["GroupId"]] for pair in permission.get("UserIdGroupPairs", []))
        yield from (block["CidrIp"] for block in permission.get("IpRanges", []))
        yield from (block["CidrIpv6"] for block in permission.get("Ipv6Ranges", []))

    def rules(group):
        for permission in group["IpPermissions"]:
            ports = (permission.get("FromPort"), permission.get("ToPort"))
            for source in sources(permission):
                yield f"{permission['IpProtocol']} {ports} {source}"

    wanted = (group for group in found if group["GroupName"] != "default")
    return {
        group["GroupName"]: {
            "description": group["Description"], "rules": sorted(rules(group)), "tags": tags(group.get("Tags", []))
        }
        for group in wanted
    }


def databases():
    names = ("Engine", "DBInstanceClass", "AllocatedStorage", "StorageType", "DBName", "MasterUsername", "MultiAZ",
             "PubliclyAccessible", "BackupRetentionPeriod", "DeletionProtection", "DBInstanceStatus")
    return {
        item["DBInstanceIdentifier"]: {
            **pick(item, *names),
            "subnet group": item["DBSubnetGroup"]["DBSubnetGroupName"],
            "security groups": len(item["VpcSecurityGroups"]),
            "port": item["Endpoint"]["Port"],
            "tags": tags(item["TagList"]),
        }
        for item in items("rds", "describe_db_instances", "DBInstances")
    }


def subnet_groups():
    api = client("rds")
    found = items("rds", "describe_db_subnet_groups", "DBSubnetGroups")
    return {
        item["DBSubnetGroupName"]: {
            "description": item["DBSubnetGroupDescription"],
            "several subnets": len(item["Subnets"]) > 1,
            "tags": tags(api.list_tags_for_resource(ResourceName=item["DBSubnetGroupArn"])["TagList"]),
        }
        for item in found
    }


def caches():
    api = client("elasticache")
    found = items("elasticache", "describe_cache_clusters", "CacheClusters")
    return {
        item["CacheClusterId"]: {
            **pick(item, "Engine", "CacheNodeType", "NumCacheNodes", "CacheClusterStatus"),
            "tags": tags(api.list_tags_for_resource(ResourceName=item["ARN"])["TagList"]),
        }
        for item in found
    }


def brokers():
    api = client("mq")
    found = [api.describe_broker(BrokerId=item["BrokerId"]) for item in items("mq", "list_brokers", "BrokerSummaries")]
    names = ("BrokerState", "EngineType", "EngineVersion", "DeploymentMode", "HostInstanceType", "PubliclyAccessible",
             "AutoMinorVersionUpgrade")
    return {
        item["BrokerName"]: {
            **pick(item, *names), "security groups": len(item["SecurityGroups"]), "tags": item.get("Tags")
        }
        for item in found
    }


def buckets():
    api = client("s3")

    def bucket(name):
        return {
            "versioning": api.get_bucket_versioning(Bucket=name).get("Status"),
            "public access": api.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"],
            "tags": tags(api.get_bucket_tagging(Bucket=name)["TagSet"]),
            "objects": sorted(item["Key"] for item in api.list_objects_v2(Bucket=name).get("Contents", [])),
        }

    return {item["Name"]: bucket(item["Name"]) for item in api.list_buckets()["Buckets"]}


def zones():
    api = client("route53")

    def records(zone):
        for item in items("route53", "list_resource_record_sets", "ResourceRecordSets", HostedZoneId=zone):
            # What proves a domain has a name that AWS chooses; servers are AWS's as well.
            if item["Type"] not in ("NS", "SOA") and not item["Name"].startswith("_"):
                values = sorted(record["Value"] for record in item.get("ResourceRecords", []))
                yield f"{item['Name']} {item['Type']} {item.get('TTL')} {values}"

    def zone_tags(zone):
        given = {"ResourceType": "hostedzone", "ResourceId": zone.removeprefix("/hostedzone/")}
        return tags(api.list_tags_for_resource(**given)["ResourceTagSet"]["Tags"])

    return {
        zone["Name"]: {
            "comment": zone["Config"].get("Comment"),
            "records": sorted(records(zone["Id"])),
            "tags": zone_tags(zone["Id"]),
        }
        for zone in items("route53", "list_hosted_zones", "HostedZones")
    }


def certificates():
    api = client("acm")

    def certificate(arn):
        found = api.describe_certificate(CertificateArn=arn)["Certificate"]
        return {
            **pick(found, "Status", "Type", "KeyAlgorithm"),
            "names": sorted(found["SubjectAlternativeNames"]),
            "tags": tags(api.list_tags_for_certificate(CertificateArn=arn)["Tags"]),
        }

    found = items("acm", "list_certificates", "CertificateSummaryList")
    return {item["DomainName"]: certificate(item["CertificateArn"]) for item in found}


def applications():
    return [item["ApplicationName"] for item in client("elasticbeanstalk").describe_applications()["Applications"]]


def parameter_groups():
    api = client("rds")
    found = items("rds", "describe_db_parameter_groups", "DBParameterGroups")
    return {
        item["DBParameterGroupName"]: {
            **pick(item, "DBParameterGroupFamily", "Description"),
            "tags": tags(api.list_tags_for_resource(ResourceName=item["DBParameterGroupArn"])["TagList"]),
        }
        for item in found
        if not item["DBParameterGroupName"].startswith("default.")
    }


def roles():
    """Roles of the pipeline: the local cloud has those that Beanstalk's console makes, too."""
    api = client("iam")

    def role(name):
        policies = api.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
        found = api.get_role(RoleName=name)["Role"]
        return {
            **pick(found, "Path", "MaxSessionDuration"),
            "trust": found["AssumeRolePolicyDocument"],
            "policies": sorted(policy["PolicyName"] for policy in policies),
            "tags": tags(api.list_role_tags(RoleName=name)["Tags"]),
        }

    names = [item["RoleName"] for item in items("iam", "list_roles", "Roles")]
    return {name: role(name) for name in names if name.startswith("shop-")}


def profiles():
    found = items("iam", "list_instance_profiles", "InstanceProfiles")
    return {
        item["InstanceProfileName"]: {"path": item["Path"], "roles": [role["RoleName"] for role in item["Roles"]]}
        for item in found
        if item["InstanceProfileName"].startswith("shop-")
    }


def topics():
    api = client("sns")

    def topic(arn):
        subscribed = api.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]
        return {
            "display name": api.get_topic_attributes(TopicArn=arn)["Attributes"].get("DisplayName"),
            "subscriptions": sorted(f"{item['Protocol']} {item['Endpoint']}" for item in subscribed),
            "tags": tags(api.list_tags_for_resource(ResourceArn=arn)["Tags"]),
        }

    arns = [item["TopicArn"] for item in items("sns", "list_topics", "Topics")]
    return {arn.rsplit(":", 1)[1]: topic(arn) for arn in arns}


parts = (
    groups, databases, subnet_groups, parameter_groups, caches, brokers, buckets, zones, certificates, applications,
    roles, profiles, topics,
)
print(json.dumps({part.__name__: part() for part in parts}, indent=1, sort_keys=True))
